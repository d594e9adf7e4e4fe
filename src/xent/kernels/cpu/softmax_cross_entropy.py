"""Softmax cross-entropy on a CPU. See native/softmax_cross_entropy.kernel.cpp."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

import xent._native as _native
from xent.kernels.cpu.scored import Scored

__all__ = ["score"]


def score(
    logits: NDArray[Any],  # C-contiguous; float16, float32 or float64
    *,
    bfloat16: bool = False,  # logits are its bits, as 16-bit integers; so is the gradient
    axis: int,  # of the classes, in [0, ndim)
    target: NDArray[Any] | None = None,  # int64, shape of the logits without the axis
    soft_target: NDArray[Any] | None = None,  # or their shape, in the compute dtype
    class_weight: NDArray[Any] | None = None,  # float64, (C,)
    class_mask: NDArray[Any] | None = None,  # uint8, (C,) or like logits; 0: impossible
    sample_weight: NDArray[Any] | None = None,  # float64, like target
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,  # spread over the classes that the mask leaves
    softcap: float | None = None,  # first softcap * tanh(logits / softcap) ...
    temperature: float = 1.0,  # ... then divided by this
    z_loss: float = 0.0,  # times lse^2, beside the class weights
    mean: bool = False,  # divide the derivatives by the sum of the weights
    gradient_scale: float | None = None,  # or multiply them by this
    want_nll: bool = False,
    want_gradient: bool = False,
    want_hessian: bool = False,  # of the plain loss: the four options before refuse it
    want_stats: bool = False,
    out: NDArray[Any] | None = None,  # for the gradient; may be the logits, which it replaces
    threads: int = 0,  # 0: as many as xent.set_num_threads says
) -> Scored | None:
    """Return the losses and derivatives; None, with nothing computed, for a bad target.

    A target is bad if it is no class, or a masked one.
    """
    changed = class_mask is not None or softcap is not None or temperature != 1 or z_loss
    if want_hessian and changed:
        raise ValueError("no Hessian with class_mask, softcap, temperature or z_loss")
    nll, total, weight, count, bad, _, gradient, hessian, statistics = (
        _native.softmax_cross_entropy(
        logits, bfloat16, axis, target, soft_target, class_weight, sample_weight, ignore_index,
        label_smoothing, mean, gradient_scale, want_nll, want_gradient, want_hessian,
        want_stats, class_mask, softcap or 0.0, temperature, z_loss, out, threads,
    ))  # fmt: skip
    if bad:
        return None
    return Scored(nll, total, weight, count, gradient if out is None else out, hessian, statistics)
