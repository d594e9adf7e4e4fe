"""What a linear softmax loss is told to be true, as its task takes it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from xent.torch._arguments import check_tensor
from xent.torch._linear.softmax.shift import NO_NEXT, refuse_for_distributions, shifted
from xent.torch._linear.softmax.sparse import check_sparse

__all__ = ["Target", "Truth", "truth_of"]

# labels or distributions, or classes and their probabilities
Target: TypeAlias = Tensor | tuple[Tensor, Tensor]


class Truth(NamedTuple):
    """A target as the task takes it, and which label of it does not count."""

    dense: Tensor  # labels, or distributions over all classes; of sparse ones nothing is read
    classes: Tensor | None  # of sparse distributions, with their probabilities
    probs: Tensor | None
    ignore_index: int | None


def truth_of(
    target: Target, shape: torch.Size, shift: int, ignore_index: int | None, logits: Tensor
) -> Truth:
    """Return the target of rows of `shape`, each beside its logits."""
    if isinstance(target, tuple):
        classes, probs = check_sparse(target, shape, logits)
        refuse_for_distributions(shift, ignore_index)
        nothing = logits.new_zeros((), dtype=torch.int64).expand(len(logits))
        return Truth(nothing, classes, probs, ignore_index)
    check_tensor(target, "target")
    if target.shape == (*shape, logits.shape[1]) and target.is_floating_point():
        refuse_for_distributions(shift, ignore_index)
        return Truth(target.reshape(logits.shape), None, None, ignore_index)
    labels = shifted(target, shape, shift, ignore_index)
    if shift and ignore_index is None:
        ignore_index = NO_NEXT
    return Truth(labels, None, None, ignore_index)
