"""Tensors seen as (group, class, lane), and how many rows and classes a program takes."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Blocks", "View", "blocks_for", "rows_of", "vector_of", "view"]


class View(NamedTuple):
    """A tensor and its strides in elements; a stride over one element is 0."""

    tensor: Tensor | None
    group: int = 0
    cls: int = 0
    lane: int = 0


class Rows(NamedTuple):
    """How the rows of a shape are numbered: row = group * lanes + lane."""

    groups: int
    lanes: int
    split: bool  # the axes before the class axis are the groups, those after it the lanes


def rows_of(shape: torch.Size, axis: int) -> Rows:
    before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    # one kind of axes only: they are the lanes, and there is one group
    return Rows(before, after, True) if after != 1 else Rows(1, before, False)


def view(tensor: Tensor | None, axis: int, rows: Rows, *, adjacent: bool = False) -> View:
    """See a tensor as (group, class, lane), copied where its strides do not allow that.

    adjacent: either classes or lanes must lie side by side, as a kernel needs to be fast.
    """
    if tensor is None:
        return View(None)
    found = _strides(tensor, axis, rows)
    if found is None or (adjacent and 1 not in found[1:] and tensor.shape[axis] > 1):
        tensor = tensor.contiguous()
        found = _strides(tensor, axis, rows)
    assert found is not None
    return View(tensor, *found)


def _strides(tensor: Tensor, axis: int, rows: Rows) -> tuple[int, int, int] | None:
    shape, strides = tensor.shape, tensor.stride()
    before = _merged(shape[:axis], strides[:axis])
    after = _merged(shape[axis + 1 :], strides[axis + 1 :])
    if before is None or after is None:
        return None
    group, lane = (before, after) if rows.split else (0, before)
    return group, strides[axis], lane


def _merged(shape: Any, strides: Any) -> int | None:
    """Return the stride of several axes seen as one; None where they cannot be."""
    axes = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    for (_, outer), (n, inner) in itertools.pairwise(axes):
        if outer != n * inner:
            return None
    return axes[-1][1] if axes else 0


def vector_of(views: list[View], across: bool, adjacent: int) -> int:
    """Return the power of two, up to 16, that divides `adjacent` and the strides of all views.

    across: lanes are adjacent in memory, not classes. Only the stride of that axis may be 1
    beside them: a view that is adjacent in another axis than the others has a stride of 1
    which no power of two divides.
    """
    strides: list[int] = []
    for v in views:
        if v.tensor is not None:
            side, other = (v.lane, v.cls) if across else (v.cls, v.lane)
            strides += [v.group, other] if side == 1 else [v.group, other, side]
    return math.gcd(16, adjacent, *strides)


class Blocks(NamedTuple):
    """What a program takes."""

    rows: int
    classes: int
    warps: int
    stages: int = 0  # blocks on their way while one is computed; 0: the row is one block
    registers: int | None = None  # a thread's limit


# A thread holds 16 logits of a row that is read once, in 64 registers with all that comes of
# them, so that 32 warps fit on a multiprocessor: other rows hide the latency of this one. Rows
# of 16,384 take 32 a thread instead, because two programs that wait for each other's reductions
# in turn are better than one; the compiler then puts 8 registers into the cache.
ELEMENTS = 16
ONE_BLOCK = 16_384
SEVERAL = 128  # classes up to which several rows share a program
# A walked row: what a step reads should keep about 32 kB of loads under way for each
# multiprocessor (700 ns at 4.3 TB/s over 132 of them are 23 kB).
STEP_BYTES = 32_768
# A row is read again from the L2, 50 MB: rows under way must fit in half of it. One program
# on each of 132 multiprocessors, 32 warps, for rows above 96 kB; two of 16 warps below.
ALONE_BYTES = 98_304


def blocks_for(num_classes: int, itemsize: int, across: bool, lanes: int) -> Blocks:
    """Return what a program takes; across: lanes are adjacent in memory, not classes."""
    power = 1 << max(num_classes - 1, 0).bit_length()
    if across:
        # a warp reads 64 lanes of a class, 128 bytes of half precision
        rows = min(64, 1 << max(lanes - 1, 0).bit_length())
        return Blocks(rows, power, 4) if power <= 32 else Blocks(rows, 32, 4, 2)
    if power <= SEVERAL:
        return Blocks(max(16, 1024 // power), power, 4 if power > 64 else 2)
    if power < ONE_BLOCK:
        return Blocks(1, power, max(1, power // (32 * ELEMENTS)))
    if power == ONE_BLOCK:
        return Blocks(1, power, 16, registers=64)
    if num_classes * itemsize > ALONE_BYTES:
        return Blocks(1, STEP_BYTES // itemsize, 32, 3)
    return Blocks(1, STEP_BYTES // 2 // itemsize, 16, 3, registers=64)
