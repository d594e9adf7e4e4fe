"""What surrounds the losses on a GPU: a gradient's scale, the weights of rows, bad targets."""

from __future__ import annotations

import torch
from torch import Tensor

from xent.kernels.triton import faults
from xent.kernels.triton._arguments import contiguous, ignored
from xent.kernels.triton._elementwise import scale_kernel, target_kernel, weight_kernel

__all__ = ["look_at_targets", "scale_", "weight_total"]

BLOCK = 4096


def scale_(gradient: Tensor, factor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Multiply a gradient by one number that lives on its device, in place or into `out`.

    In place and by 1, nothing is read or written but that number: nobody needs to wait for it.
    `gradient` (and `out`) must be dense: some permutation of contiguous.
    """
    n = gradient.numel()
    where = gradient if out is None else out
    if where.stride() != gradient.stride():
        raise ValueError(f"out must have the strides {gradient.stride()}, got {where.stride()}")
    if n:
        with torch.cuda.device_of(gradient):
            scale_kernel[(-(-n // BLOCK),)](
                gradient, factor, where, n, BLOCK=BLOCK, IN_PLACE=out is None, num_warps=8,
                enable_fp_fusion=True,
            )  # fmt: skip
    return where


def weight_total(
    rows: int,
    device: torch.device,
    *,
    num_classes: int = 0,
    target: Tensor | None = None,  # int64, rows
    class_weight: Tensor | None = None,  # (C,); weighs by class where there is a target
    sample_weight: Tensor | None = None,  # rows
    ignore_index: int | None = None,
) -> Tensor:
    """Return the sum of what the rows count in a weighted mean: float64, on the device.

    It needs no loss, so that 1 / sum can multiply the gradients while they are written.
    """
    programs = -(-rows // BLOCK)
    parts = torch.empty(programs, dtype=torch.float64, device=device)
    if rows:
        arrays = contiguous(target, class_weight, sample_weight)
        with torch.cuda.device_of(parts):
            weight_kernel[(programs,)](
                *arrays, parts, rows, num_classes, ignored(ignore_index),
                HAS_IGNORE=ignore_index is not None, BLOCK=BLOCK, num_warps=8,
                enable_fp_fusion=True,
            )  # fmt: skip
    return parts.sum()


def look_at_targets(
    operation: str,
    target: Tensor,  # int64, rows
    num_classes: int,
    *,
    sample_weight: Tensor | None = None,  # rows; those of 0 are not looked at
    ignore_index: int | None = None,
) -> None:
    """Leave bad targets for `faults.raise_pending`, which names this operation and these rows.

    For losses whose kernels see blocks of rows, and of those only the ones that count.
    """
    rows = target.numel()
    if not rows:
        return
    arrays = contiguous(target, sample_weight)
    with torch.cuda.device_of(target):
        target_kernel[(-(-rows // BLOCK),)](
            *arrays, faults.buffer(target.device), rows, num_classes, ignored(ignore_index),
            HAS_IGNORE=ignore_index is not None, BLOCK=BLOCK, num_warps=8,
        )  # fmt: skip
        faults.note(operation, target.device)
