"""Tallies of cells, of which only the occupied ranges are kept, on the CPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import xent._native as _native

__all__ = ["CellRanges", "add_cells", "cell_values", "keep_cells"]


class CellRanges(NamedTuple):
    """Lines of cells, of each those from its first to its last that is not empty.

    Counts are in `low`, as uint32, or as uint64 where one of them needs it. Weights are
    high + low * 2**-64, both uint64.
    """

    ranges: npt.NDArray[np.int32]  # (lines, 2): begin and end; 0 and 0 where all is empty
    low: npt.NDArray[Any]  # the cells in the ranges, line after line
    high: npt.NDArray[np.uint64] | None = None


def keep_cells(low: Any, high: Any = None) -> CellRanges:
    """Return what is to be kept of cells that are all there, (lines, cells) of uint64."""
    return CellRanges(*_native.keep_cells(low, high))


def add_cells(a: CellRanges, b: CellRanges) -> CellRanges:
    """Return the sum of two tallies of the same lines, both of counts or both of weights.

    >>> counts = keep_cells(np.array([[0, 2**32 - 1, 0, 4]], dtype=np.uint64))
    >>> twice = add_cells(counts, counts)
    >>> twice.ranges.tolist(), twice.low.tolist()
    ([[1, 4]], [8589934590, 0, 8])
    """
    if a.low.dtype == b.low.dtype:
        found = _native.add_cells(*a, *b)
        if found is not None:
            return CellRanges(*found)
    a, b = (of._replace(low=of.low.astype(np.uint64)) for of in (a, b))
    found = _native.add_cells(*a, *b)
    if found is None:
        raise OverflowError("a cell must count fewer than 2**64 rows")
    return CellRanges(*found)


def cell_values(of: CellRanges, cells: int) -> npt.NDArray[np.float64]:
    """Return every cell as float64: (lines, cells)."""
    values: npt.NDArray[np.float64] = _native.cell_values(*of, cells)
    return values
