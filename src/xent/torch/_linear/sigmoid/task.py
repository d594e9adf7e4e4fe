"""What a linear sigmoid cross-entropy is asked for, once its arguments are checked."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from xent.torch._linear.sigmoid.positives import Positives

__all__ = ["LabelTask"]


@dataclass(slots=True, eq=False)
class LabelTask:
    """A sigmoid task of logits that do not exist, of shape (N, L).

    Attributes
    ----------
    positives : Positives or None
        Which labels are true.
    target : Tensor or None
        Or all labels, (N, L): a number in [0, 1] each.
    pos_weight, weight : Tensor or None
        (L,), one number a label.
    sample_weight : Tensor or None
        (N,). A row of weight 0 is skipped, whatever it holds.
    """

    positives: Positives | None = None
    target: Tensor | None = None
    pos_weight: Tensor | None = None
    weight: Tensor | None = None
    sample_weight: Tensor | None = None

    def tensors(self) -> list[Tensor | None]:
        """Return all tensors of the task."""
        own = [self.target, self.pos_weight, self.weight, self.sample_weight]
        of = self.positives
        return own if of is None else [*own, of.row, of.label, of.value]
