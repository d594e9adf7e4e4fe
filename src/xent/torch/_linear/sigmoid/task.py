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

    def tensors(self) -> dict[str, Tensor | None]:
        """Return all tensors of the task, by the names of the arguments that they are."""
        tensors = {
            "target": self.target,
            "pos_weight": self.pos_weight,
            "weight": self.weight,
            "sample_weight": self.sample_weight,
        }
        of = self.positives
        if of is not None:
            tensors |= {"target": of.label, "rows of target": of.row, "values of target": of.value}
        return tensors
