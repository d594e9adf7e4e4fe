"""Losses that are a sum of one term an element, on a CPU. See native/element_losses.kernel.cpp."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

import xent._native as _native

__all__ = ["ElementLoss", "ElementSum", "score"]

ElementLoss = Literal["squared_error", "binary_cross_entropy", "kl_of_probs", "kl_of_log_probs"]


class ElementSum(NamedTuple):
    """What a call leaves.

    sum       of all terms, in float64; it does not depend on the number of threads
    outside   inputs and targets that are not within [0, 1]; of binary_cross_entropy alone
    gradient  like input, or None
    """

    sum: float
    outside: int
    gradient: NDArray[Any] | None


def score(
    loss: ElementLoss,
    input: NDArray[Any],  # C-contiguous; float16, float32 or float64
    target: NDArray[Any],  # as many elements; bool, uint8, any float, or bits of bfloat16
    *,
    bfloat16: bool = False,  # input is its bits, as 16-bit integers; so is the gradient
    gradient_scale: float = 1.0,
    want_gradient: bool = False,
    threads: int = 0,  # 0: as many as xent.set_num_threads says
) -> ElementSum:
    """Return the sum of the losses of all elements, and the gradient by the input."""
    return ElementSum(
        *_native.element_loss(loss, input, bfloat16, target, gradient_scale, want_gradient, threads)
    )
