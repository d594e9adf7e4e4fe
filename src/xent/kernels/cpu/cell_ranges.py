"""Tallies of cells, of which only the occupied ranges are kept, on the CPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import xent._native as _native
from xent.errors import MergeError

__all__ = [
    "HALVES",
    "CellRanges",
    "add_cells",
    "cell_values",
    "halves",
    "keep_cells",
    "of_halves",
]

HALVES = -64  # the power of 2 that weights in two halves are multiples of


class CellRanges(NamedTuple):
    """Lines of cells, of each those from its first to its last that is not empty.

    Counts are in `low`, as uint32, or as uint64 where one of them needs it. Weights are so many
    times 2**power; where 64 bits are too few for one of them, they are in two halves of uint64,
    (high * 2**64 + low) * 2**power.
    """

    ranges: npt.NDArray[np.int32]  # (lines, 2): begin and end; 0 and 0 where all is empty
    low: npt.NDArray[Any]  # the cells in the ranges, line after line
    high: npt.NDArray[np.uint64] | None = None
    power: int | None = None  # of weights


def of_halves(ranges: Any, low: Any, high: Any = None) -> CellRanges:
    """Return counts, or weights from halves in units of 2**-64, in as few bits as they need.

    >>> of_halves(np.array([[3, 5]], np.int32), *np.array([[2**62, 0], [7, 1]], np.uint64))[1:]
    (array([29,  4], dtype=uint32), None, -2)
    """
    if high is None:
        return CellRanges(ranges, low)
    every = int(np.bitwise_or.reduce(high)) << 64 | int(np.bitwise_or.reduce(low))
    zeros = (every & -every).bit_length() - 1 if every else -HALVES  # at the end of all of them
    bits = every.bit_length() - zeros
    if bits > 64:
        return CellRanges(ranges, low, high, HALVES)
    if zeros >= 64:
        low = high >> np.uint64(zeros - 64)
    elif zeros:
        low = low >> np.uint64(zeros) | high << np.uint64(64 - zeros)
    return CellRanges(ranges, low if bits > 32 else low.astype(np.uint32), None, HALVES + zeros)


def halves(of: CellRanges) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return the lower and upper halves of weights, or of counts, in units of 2**-64."""
    if of.high is not None:
        return of.low, of.high
    low, shift = of.low.astype(np.uint64), (of.power or 0) - HALVES
    if shift >= 64:
        return np.zeros_like(low), low << np.uint64(shift - 64)
    return low << np.uint64(shift), low >> np.uint64(1) >> np.uint64(63 - shift)


def keep_cells(low: Any, high: Any = None) -> CellRanges:
    """Return what is to be kept of cells that are all there, (lines, cells) of uint64."""
    return of_halves(*_native.keep_cells(low, high))


def add_cells(a: CellRanges, b: CellRanges) -> CellRanges:
    """Return the sum of two tallies of the same lines; a row that is counted weighs 1.

    >>> counts = keep_cells(np.array([[0, 2**32 - 1, 0, 4]], dtype=np.uint64))
    >>> twice = add_cells(counts, counts)
    >>> twice.ranges.tolist(), twice.low.tolist()
    ([[1, 4]], [8589934590, 0, 8])
    """
    weighted = a.power is not None or b.power is not None
    a, b = sorted((a, b), key=lambda of: of.power or 0)
    shift = (b.power or 0) - (a.power or 0)
    if a.high is None and b.high is None:
        narrow = np.promote_types(a.low.dtype, b.low.dtype)
        for words in dict.fromkeys((narrow, np.dtype(np.uint64))):
            if shift >= 8 * words.itemsize:
                continue
            ours, theirs = ((of.ranges, of.low.astype(words, copy=False)) for of in (a, b))
            found = _native.add_cells(*ours, None, *theirs, None, shift)
            if found is not None:
                return CellRanges(*found)._replace(power=(a.power or 0) if weighted else None)
    if not weighted:
        raise MergeError("a cell must count fewer than 2**64 rows")
    # a weight of 2**64 or more wraps, here as in the kernel that counts rows: whatever the split,
    # the bits are the same, and the weight of all cells is not that of all rows
    found = _native.add_cells(a.ranges, *halves(a), b.ranges, *halves(b), 0)
    return CellRanges(*found)._replace(power=HALVES)


def cell_values(of: CellRanges, cells: int) -> npt.NDArray[np.float64]:
    """Return every cell as float64: (lines, cells)."""
    # weights are rounded from their halves, however they are held
    words = (of.low, None) if of.power is None else halves(of)
    values: npt.NDArray[np.float64] = _native.cell_values(of.ranges, *words, cells)
    return values
