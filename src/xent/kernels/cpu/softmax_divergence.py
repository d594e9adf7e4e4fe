"""Divergences of softmaxes on a CPU. See native/softmax_divergence.kernel.cpp."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

import xent._native as _native

__all__ = ["Divergences", "score"]


class Divergences(NamedTuple):
    """Divergences of a batch, times the weights of its rows.

    rows      None where they were not asked for
    sum       in float64 whatever the dtype of the input
    gradient  of the sum, in the dtype of the input; None where it was not asked for
    """

    rows: NDArray[Any] | None
    sum: float
    gradient: NDArray[Any] | None


def score(
    x: NDArray[Any],  # C-contiguous; float16, float32 or float64: the logits of p
    y: NDArray[Any],  # of the same shape and dtype: the logits of q
    *,
    bfloat16: bool = False,  # both are its bits, as 16-bit integers; so is the gradient
    axis: int,  # of the classes, in [0, ndim)
    jensen_shannon: bool = False,  # else KL(p || q)
    temperature: float = 1.0,  # divides both
    row_weight: NDArray[Any] | None = None,  # float64, shape without the axis; 0: skipped
    loss_scale: float = 1.0,
    gradient_scale: float = 1.0,  # beside the weights of the rows, in place of loss_scale
    want_rows: bool = False,
    gradient_by: str | None = None,  # "x", "y"
    out: NDArray[Any] | None = None,  # for the gradient; may be x, or y
    threads: int = 0,  # 0: as many as xent.set_num_threads says
) -> Divergences:
    rows, total, gradient = _native.softmax_divergence(
        x, y, bfloat16, axis, jensen_shannon, temperature, row_weight, loss_scale,
        gradient_scale, want_rows, gradient_by is not None, gradient_by == "x", out, threads,
    )  # fmt: skip
    return Divergences(rows, total, gradient if out is None else out)
