"""Softmax cross-entropy on a GPU: one program a row or several, blocks for long rows.

Kernels      class targets: _class_tile.py (the row in registers), _class_long.py (blocks);
             distributions and smoothing: _soft.py. All are compiled for what a call asks:
             what it does not use is not there.
Traffic      logits are read once from memory and the gradient is written once. Rows of more
             than 16,384 classes are read a second time, from the L2. Skipped rows are not
             read.
Determinism  a row's bits depend on that row alone; no atomics but for bad targets.
Host         nothing is waited for and no shape depends on data: a CUDA graph can be captured.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.errors import UnavailableError
from xent.kernels.triton import faults
from xent.kernels.triton._class_long import class_long_kernel
from xent.kernels.triton._class_tile import class_tile_kernel
from xent.kernels.triton._layout import Blocks, View, blocks_for, rows_of, vector_of, view

__all__ = ["Scored", "score"]

HALVES = (torch.float16, torch.bfloat16)


class Scored(NamedTuple):
    """Results of a kernel; None is what was not asked for. Row shape: the logits without axis."""

    nll: Tensor  # float32, or float64 of float64 logits; weighted, 0 for a skipped row
    weight: Tensor  # what each row counts in a weighted mean
    gradient: Tensor | None  # like the logits
    lse: Tensor | None
    entropy: Tensor | None  # of the prediction, nats
    hit: Tensor | None  # bool: the target is the (first) arg max


def score(
    logits: Tensor,  # float16, bfloat16, float32 or float64
    *,
    axis: int,  # of the classes, in [0, ndim)
    target: Tensor | None = None,  # int64, shape of the logits without the axis
    soft_target: Tensor | None = None,  # or floating, the shape of the logits
    class_weight: Tensor | None = None,  # (C,), floating
    sample_weight: Tensor | None = None,  # row shape, floating; rows of 0 are skipped
    class_mask: Tensor | None = None,  # bool; (C,) or what broadcasts to the logits
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    gradient_scale: Tensor | None = None,  # one floating element
    row_scale: Tensor | None = None,  # row shape, floating: multiplies each row's gradient
    want_gradient: bool = False,
    want_stats: bool = False,
    out: Tensor | None = None,  # for the gradient; may be the logits themselves
) -> Scored:
    """Score rows and, if wanted, write ``row_scale * gradient_scale * d(sum of nll)/d(logits)``.

    A class target outside [0, C) gives its row NaN, and is told by `faults.raise_pending`.
    """
    if soft_target is not None or label_smoothing:
        raise UnavailableError("triton: no kernel for soft or smoothed targets yet")
    rows = rows_of(logits.shape, axis)
    shape = logits.shape[:axis] + logits.shape[axis + 1 :]
    num_classes = logits.shape[axis]
    x = view(logits, axis, rows, adjacent=True)
    assert x.tensor is not None
    wide = torch.float64 if logits.dtype == torch.float64 else torch.float32

    def rowwise(wanted: bool, dtype: torch.dtype = wide) -> Tensor | None:
        return torch.empty(shape, dtype=dtype, device=logits.device) if wanted else None

    gradient = None
    if want_gradient:
        gradient = torch.empty_like(logits) if out is None else out
    g = view(gradient, axis, rows)
    if g.tensor is not gradient:
        g = view(torch.empty_like(logits, memory_format=torch.contiguous_format), axis, rows)
    nll, weight = rowwise(True), rowwise(True)
    assert nll is not None
    assert weight is not None
    hit = rowwise(want_stats, torch.bool)
    result = Scored(nll, weight, gradient, rowwise(want_stats), rowwise(want_stats), hit)
    if not nll.numel() or not num_classes:
        return result

    across = x.lane == 1 and x.cls != 1
    blocks = blocks_for(num_classes, logits.element_size(), across, rows.lanes)
    _launch_class(
        x, _contiguous(target), _contiguous(class_weight), _contiguous(sample_weight),
        _mask(class_mask, logits, axis, rows), _contiguous(row_scale), gradient_scale, result, g,
        rows.groups, rows.lanes, num_classes, blocks, ignore_index, z_loss, softcap, temperature,
    )  # fmt: skip
    faults.note("softmax_cross_entropy", logits.device)
    if gradient is not None and g.tensor is not gradient:
        gradient.copy_(g.tensor)
    return result


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _mask(class_mask: Tensor | None, logits: Tensor, axis: int, rows: Any) -> View:
    if class_mask is None:
        return View(None)
    if class_mask.ndim == 1:
        class_mask = class_mask.reshape([-1] + [1] * (logits.ndim - 1 - axis))
    return view(class_mask.expand_as(logits).view(torch.uint8), axis, rows)


def _launch_class(
    x: View, target: Any, class_weight: Any, sample_weight: Any, mask: View, row_scale: Any,
    gradient_scale: Any, result: Scored, g: View, groups: int, lanes: int, num_classes: int,
    blocks: Blocks, ignore_index: int | None, z_loss: float, softcap: float | None,
    temperature: float,
) -> None:  # fmt: skip
    logits = x.tensor
    assert logits is not None
    per_group = -(-lanes // blocks.rows)
    kernel = class_long_kernel if blocks.stages else class_tile_kernel
    across = x.lane == 1 and x.cls != 1
    special: dict[str, Any] = {"STAGES": blocks.stages} if blocks.stages else {}
    if blocks.registers:
        special["maxnreg"] = blocks.registers
    hit = None if result.hit is None else result.hit.view(torch.uint8)
    kernel[(groups * per_group,)](
        logits, target, class_weight, sample_weight, mask.tensor, row_scale, gradient_scale,
        result.nll, result.weight, g.tensor, result.lse, result.entropy, hit,
        faults.buffer(logits.device),
        lanes, per_group, num_classes,
        x.group, x.cls, x.lane, mask.group, mask.cls, mask.lane, g.group, g.cls, g.lane,
        0 if ignore_index is None else ignore_index, float(z_loss), float(softcap or 0.0),
        float(temperature),
        ROWS=blocks.rows, BLOCK_C=blocks.classes,
        HALF=logits.dtype in HALVES,
        WIDE=max(logits.numel(), num_classes * max(x.cls, g.cls)) > 2**31 - 1 - 2**16,
        VECTOR=vector_of([x, g], lanes if across else num_classes), ACROSS=across,
        HAS_IGNORE=ignore_index is not None, HAS_Z=z_loss != 0, HAS_SOFTCAP=softcap is not None,
        HAS_TEMPERATURE=temperature != 1,
        num_warps=blocks.warps, enable_fp_fusion=True, **special,
    )  # fmt: skip
