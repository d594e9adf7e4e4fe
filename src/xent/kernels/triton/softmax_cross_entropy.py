"""Softmax cross-entropy on a GPU: one program a row or several, blocks for long rows.

Kernels      class targets: _class_tile.py (the row in registers), _class_long.py (blocks);
             distributions and smoothing: _soft.py and _mass.py. They share the rows of a
             program (_rows.py), blocks of logits (_blocks.py) and the numbers of a row
             (_scalars.py, _class_rows.py). All are compiled for what a call asks: what it
             does not use is not there.
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

from xent.kernels.triton import faults
from xent.kernels.triton._arguments import HALVES, computed_in, contiguous, ignored
from xent.kernels.triton._blocks import GROUP
from xent.kernels.triton._class_long import class_long_kernel
from xent.kernels.triton._class_tile import class_tile_kernel
from xent.kernels.triton._layout import View, blocks_for, rows_of, vector_of, view
from xent.kernels.triton._soft import soft_kernel

__all__ = ["Scored", "score"]

MOST = 2**31 - 2**17  # beyond this, offsets and blocks past the end need 64 bits
SOFT_ELEMENTS = 16  # of a row scored against a distribution, in a thread


class Scored(NamedTuple):
    """Results of a kernel; None is what was not asked for. Row shape: the logits without axis."""

    nll: Tensor  # float32, or float64 of float64 logits; weighted, 0 for a skipped row
    weight: Tensor  # what each row counts in a weighted mean
    gradient: Tensor | None  # like the logits
    plain: Tensor | None  # the loss before any weight, smoothing or z-loss
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
    out: Tensor | None = None,  # for the gradient: the logits themselves, or memory apart
    faults_in: Tensor | None = None,  # int64 (3,): bad targets are left here instead, untold
) -> Scored:
    """Score rows and, if wanted, write ``row_scale * gradient_scale * d(sum of nll)/d(logits)``.

    A class target outside [0, C) gives its row NaN, and is told by `faults.raise_pending`.
    `out` may have 16 bits where the logits have 32: the gradient is then rounded as it is
    written. It may not share their memory: a program reads blocks of its row after others
    of that row were written.
    """
    rows = rows_of(logits.shape, axis)
    shape = logits.shape[:axis] + logits.shape[axis + 1 :]
    num_classes = logits.shape[axis]
    x = view(logits, axis, rows, adjacent=True)
    assert x.tensor is not None
    wide = computed_in(logits.dtype)

    def rowwise(wanted: bool, dtype: torch.dtype = wide) -> Tensor | None:
        return torch.empty(shape, dtype=dtype, device=logits.device) if wanted else None

    gradient = None
    if want_gradient:
        gradient = torch.empty_like(logits) if out is None else out
    g = view(gradient, axis, rows)
    if g.tensor is not gradient:
        assert gradient is not None
        dense = torch.empty_like(gradient, memory_format=torch.contiguous_format)
        g = view(dense, axis, rows)
    nll, weight = rowwise(True), rowwise(True)
    assert nll is not None
    assert weight is not None
    hit = rowwise(want_stats, torch.bool)
    plain, lse, entropy = (rowwise(want_stats) for _ in range(3))
    result = Scored(nll, weight, gradient, plain, lse, entropy, hit)
    if not nll.numel() or not num_classes:
        return result

    with torch.cuda.device_of(logits):
        _launch(
            x, view(soft_target, axis, rows), _mask(class_mask, logits, axis, rows), g,
            contiguous(target, class_weight, sample_weight, row_scale), gradient_scale, result,
            rows.groups, rows.lanes, num_classes, ignore_index, label_smoothing, z_loss,
            softcap, temperature,
            faults.buffer(logits.device) if faults_in is None else faults_in,
        )  # fmt: skip
        if target is not None and faults_in is None:
            faults.note("softmax_cross_entropy", logits.device)
    if gradient is not None and g.tensor is not gradient:
        gradient.copy_(g.tensor)
    return result


def _mask(class_mask: Tensor | None, logits: Tensor, axis: int, rows: Any) -> View:
    if class_mask is None:
        return View(None)
    if class_mask.ndim == 1:
        class_mask = class_mask.reshape([-1] + [1] * (logits.ndim - 1 - axis))
    return view(class_mask.expand_as(logits).view(torch.uint8), axis, rows)


def _launch(
    x: View, soft: View, mask: View, g: View, arrays: list[Tensor | None], gradient_scale: Any,
    result: Scored, groups: int, lanes: int, num_classes: int, ignore_index: int | None,
    label_smoothing: float, z_loss: float, softcap: float | None, temperature: float,
    found: Tensor,
) -> None:  # fmt: skip
    logits = x.tensor
    assert logits is not None
    target, class_weight, sample_weight, row_scale = arrays
    is_soft = soft.tensor is not None or label_smoothing != 0
    kernel, options = _compiled_for(x, soft, g, lanes, num_classes, is_soft)
    soft_arguments = [soft.tensor] if is_soft else []
    soft_strides = [soft.group, soft.cls, soft.lane] if is_soft else []
    smoothing = [float(label_smoothing)] if is_soft else []
    if is_soft:
        options["HAS_SMOOTHING"] = label_smoothing != 0
    hit = None if result.hit is None else result.hit.view(torch.uint8)
    per_group = -(-lanes // options["ROWS"])
    kernel[(groups * per_group,)](
        logits, target, *soft_arguments, class_weight, sample_weight, mask.tensor, row_scale,
        gradient_scale, result.nll, result.weight, g.tensor, result.plain, result.lse,
        result.entropy, hit, found,
        lanes, per_group, num_classes,
        x.group, x.cls, x.lane, *soft_strides, mask.group, mask.cls, mask.lane,
        g.group, g.cls, g.lane,
        ignored(ignore_index), *smoothing, float(z_loss), float(softcap or 0.0),
        float(temperature),
        HALF=logits.dtype in HALVES,
        WIDE=max(logits.numel(), num_classes * max(x.cls, g.cls, soft.cls, mask.cls)) > MOST,
        HAS_IGNORE=ignore_index is not None, HAS_Z=z_loss != 0, HAS_SOFTCAP=softcap is not None,
        HAS_TEMPERATURE=temperature != 1, **options,
    )  # fmt: skip


def _compiled_for(
    x: View, soft: View, g: View, lanes: int, num_classes: int, is_soft: bool
) -> tuple[Any, dict[str, Any]]:
    """Return the kernel that serves a call, and what it is compiled for because of its layout."""
    assert x.tensor is not None
    across = x.lane == 1 and x.cls != 1
    blocks = blocks_for(num_classes, x.tensor.element_size(), across, lanes)
    vector = vector_of([x, g, soft], across, lanes if across else num_classes)
    options: dict[str, Any] = {
        "ROWS": blocks.rows, "BLOCK_C": blocks.classes, "VECTOR": vector, "ACROSS": across,
        "num_warps": blocks.warps, "enable_fp_fusion": True,
    }  # fmt: skip
    if blocks.registers:
        options["maxnreg"] = blocks.registers
    if not is_soft and not blocks.stages:
        return class_tile_kernel, options
    options["STAGES"] = max(blocks.stages, 1)
    # 16 bytes, of which no more than what is added up in float32. A thread has as many classes
    # in all loops: what it stores at once, where that is narrower than what it loads
    narrowest = min(v.tensor.element_size() for v in (x, g) if v.tensor is not None)
    options["ADJACENT"] = 1 if across else min(vector, 16 // narrowest, GROUP.value)
    if not is_soft:
        return class_long_kernel, options
    # more arrays a class than the other kernels hold; sums of groups of 8 classes
    most = SOFT_ELEMENTS * 32 * blocks.warps // blocks.rows
    options["BLOCK_C"] = max(GROUP.value, min(blocks.classes, most))
    return soft_kernel, options
