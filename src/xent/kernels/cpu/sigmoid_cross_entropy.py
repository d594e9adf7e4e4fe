"""Sigmoid cross-entropy on a CPU. See native/sigmoid_cross_entropy.kernel.cpp."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

import xent._native as _native
from xent.kernels.cpu.scored import Scored

__all__ = ["score"]


def score(
    logits: NDArray[Any],  # C-contiguous; float16, float32 or float64
    target: NDArray[Any],  # same shape; bool, uint8, any float, or bits of bfloat16
    *,
    bfloat16: bool = False,  # logits are its bits, as 16-bit integers; so is the gradient
    weight: float,  # what the mean divides by
    count: int,
    axis: int | None = None,  # of the labels, for the weights below
    pos_weight: NDArray[Any] | None = None,  # float64, (C,)
    node_pos_weight: NDArray[Any] | None = None,  # or like node_weight
    label_weight: NDArray[Any] | None = None,  # float64, (C,)
    sample_weight: NDArray[Any] | None = None,  # float64, shape without the axis
    node_weight: NDArray[Any] | None = None,  # like logits; any float, or bits of bfloat16
    ignored_target: float | None = None,
    label_smoothing: float = 0.0,
    mean: bool = False,  # divide the derivatives by the weight
    gradient_scale: float | None = None,  # or multiply them by this
    want_nll: bool = False,
    want_gradient: bool = False,
    want_hessian: bool = False,
    out: NDArray[Any] | None = None,  # for the gradient; may be the logits, which it replaces
    threads: int = 0,  # 0: as many as xent.set_num_threads says
) -> tuple[Scored, int]:
    """Return the losses and derivatives, and how many targets are outside [0, 1]."""
    if gradient_scale is None:
        gradient_scale = 1.0 / weight if mean and weight else 1.0
    nll, total, bad, _, gradient, hessian = _native.sigmoid_cross_entropy(
        logits, bfloat16, axis, target, pos_weight, node_pos_weight, label_weight,
        sample_weight, node_weight, ignored_target, label_smoothing, gradient_scale,
        want_nll, want_gradient, want_hessian, out, threads,
    )  # fmt: skip
    return Scored(nll, total, weight, count, gradient if out is None else out, hessian), bad
