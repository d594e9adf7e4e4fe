"""What `linear_softmax_cross_entropy_with_stats` returns."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

__all__ = ["LinearCrossEntropyStats"]


class LinearCrossEntropyStats(NamedTuple):
    """A loss and what its rows say, from one pass over logits that were never whole.

    Attributes
    ----------
    loss : Tensor
        As `linear_softmax_cross_entropy` returns it; differentiable, as the only one.
    nll : Tensor
        Cross-entropy of each row in nats, before any weight; the shape of the rows.
    lse : Tensor
        Log of the sum of the exponentials of the row's logits.
    entropy : Tensor
        Entropy of the prediction in nats.
    hit : Tensor
        bool: the target is the most likely class. Their mean over the rows that count is
        the accuracy.
    gradient_error : float
        Bound on the relative error that `filter_tolerance` made in the gradients of `hidden`
        and `linear_weight`, each in its Frobenius norm; rounding is beside it. 0 where
        nothing was left out, and where no gradient was taken with the loss.
    """

    loss: Any
    nll: Tensor
    lse: Tensor
    entropy: Tensor
    hit: Tensor
    gradient_error: float
