"""Sigmoid cross-entropy on a GPU: each logit and target is read once, each gradient written once.

Losses are summed in two steps, by program and then over programs, in float64: no atomics, so
that the same call gives the same bits. Nothing is waited for.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from xent.kernels.triton._arguments import HALVES, computed_in
from xent.kernels.triton._sigmoid import sigmoid_kernel

__all__ = ["Scored", "score"]

BLOCK = 2048  # 16 nodes a thread of 4 warps: two loads of 16 bytes of half precision


class Scored(NamedTuple):
    """Results of the kernel; None is what was not asked for."""

    nll: Tensor | None  # weighted, the shape of the logits; float32, or float64 of float64
    total: Tensor | None  # their sum: float64, one number on the device
    gradient: Tensor | None  # like the logits


class _Weight(NamedTuple):
    tensor: Tensor | None
    shape: int = 1  # of `node_weight`
    inner: int = 1
    labels: int = 1


def score(
    logits: Tensor,  # float16, bfloat16, float32 or float64
    target: Tensor,  # the shape of the logits; floating, bool or integers
    *,
    pos_weight: Tensor | None = None,  # what broadcasts to the logits
    weight: Tensor | None = None,  # likewise; nodes of 0 are skipped
    factor: float = 1.0,  # multiplies the gradient
    gradient_scale: Tensor | None = None,  # so does this one element, on the device
    node_scale: Tensor | None = None,  # and this for each node, shape of the logits
    want_nll: bool = False,
    want_total: bool = False,
    want_gradient: bool = False,
    out: Tensor | None = None,  # for the gradient, contiguous; may be the logits themselves
) -> Scored:
    """Score nodes and, if wanted, write their gradients."""
    n = logits.numel()
    z, y = logits.contiguous(), target.expand_as(logits).contiguous()
    programs = -(-n // BLOCK)
    nll = None
    if want_nll:
        nll = torch.empty(z.shape, dtype=computed_in(z.dtype), device=z.device)
    parts = torch.empty(programs, dtype=torch.float64, device=z.device) if want_total else None
    gradient = (torch.empty_like(z) if out is None else out) if want_gradient else None
    if n:
        pos, each = _weight(pos_weight, z), _weight(weight, z)
        scales = None if node_scale is None else node_scale.expand_as(z).contiguous()
        with torch.cuda.device_of(z):
            sigmoid_kernel[(programs,)](
                z, y.view(torch.uint8) if y.dtype == torch.bool else y, pos.tensor, each.tensor,
                scales, gradient_scale, nll, parts, gradient,
                n, pos.inner, pos.labels, each.inner, each.labels, float(factor),
                BLOCK=BLOCK, HALF=z.dtype in HALVES, WIDE=n > 2**31 - 2 * BLOCK,
                POS_SHAPE=pos.shape, WEIGHT_SHAPE=each.shape, num_warps=4, enable_fp_fusion=True,
            )  # fmt: skip
    return Scored(nll, None if parts is None else parts.sum(), gradient)


def _weight(weight: Tensor | None, logits: Tensor) -> _Weight:
    """See a weight as one number for each label of (outer, label, inner), where it is."""
    if weight is None:
        return _Weight(None)
    shape = [1] * (logits.ndim - weight.ndim) + list(weight.shape)
    axes = [a for a, n in enumerate(shape) if n != 1]
    if not axes:
        return _Weight(weight.contiguous())
    first, last = axes[0], axes[-1] + 1
    if shape[first:last] != list(logits.shape[first:last]):
        return _Weight(weight.expand_as(logits).contiguous(), 0)
    labels, inner = math.prod(shape), math.prod(logits.shape[last:])
    return _Weight(weight.contiguous(), 0 if labels == logits.numel() else 2, inner, labels)
