"""Counts and weights in cells: integers that add exactly, packed into text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.packed import pack_words, unpack_words
from xent.kernels.cpu.cell_ranges import (
    HALVES,
    CellRanges,
    add_cells,
    cell_values,
    halves,
    keep_cells,
    of_halves,
)

__all__ = ["Tally"]

Units = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Tally:
    """Rows in cells, or their weight; adding is exact, so tallies have no order.

    Cells lie in lines: those of one probability, say. Of each line only the cells from the
    first to the last that is not empty are kept, so that adding, writing and memory cost what
    there is, not what there could be.

    Parameters
    ----------
    shape : tuple of int
        Of all cells; the last axis is a line.
    kept : CellRanges
        The occupied range of each line, and the counts or weights in it. Equal weights may be
        held in one number or in two halves, which nothing else shows.

    Examples
    --------
    >>> rows = Tally.of(np.array([0, 1, 2, 0], dtype=np.uint64))
    >>> (rows + rows).values()
    array([0., 2., 4., 0.])
    >>> rows.kept.low
    array([1, 2], dtype=uint32)
    """

    shape: tuple[int, ...]
    kept: CellRanges

    @classmethod
    def of(cls, low: Units, high: Units | None = None) -> Tally:
        """Return the tally of cells that are all there.

        `low` are rows where `high` is None, else the lower half of weights; `high` the upper
        half, in units of 2**-64: a weight is high + low * 2**-64.
        """
        lines = (-1, low.shape[-1]) if low.size else (math.prod(low.shape[:-1]), low.shape[-1])
        both = (None if half is None else half.reshape(lines) for half in (low, high))
        return cls(low.shape, keep_cells(*both))

    @property
    def is_weighted(self) -> bool:
        return self.kept.power is not None

    def __add__(self, other: object) -> Tally:
        if not isinstance(other, Tally):
            return NotImplemented
        return Tally(self.shape, add_cells(self.kept, other.kept))

    def __sub__(self, other: object) -> Tally:
        """Return the tally without some of its rows: exact, as adding is."""
        if not isinstance(other, Tally):
            return NotImplemented
        (low, high), (less, less_high) = self._everywhere(), other._everywhere()
        if not self.is_weighted:
            return Tally.of(high - less_high)
        left = low - less
        return Tally.of(left, high - less_high - (left > low))

    def holds(self, part: Tally) -> bool:
        """Whether no cell of a part of the rows has more than the same cell of all of them."""
        (low, high), (less, less_high) = self._everywhere(), part._everywhere()
        return bool(((high > less_high) | (high == less_high) & (low >= less)).all())

    def _everywhere(self) -> tuple[Units, Units]:
        """Return the halves of all cells, the empty ones too."""
        begin, end = self.kept.ranges.T.astype(np.int64)
        first = np.arange(len(begin)) * self.shape[-1] + begin  # of each line
        before = np.cumsum(end - begin) - (end - begin)
        place = np.repeat(first - before, end - begin) + np.arange(len(self.kept.low))
        found = []
        for half in halves(self.kept):
            cells = np.zeros(math.prod(self.shape), np.uint64)
            cells[place] = half
            found.append(cells.reshape(self.shape))
        return found[0], found[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tally):
            return NotImplemented
        if self.shape != other.shape:
            return False
        pairs: Any = zip(*((t.kept.ranges, *halves(t.kept)) for t in (self, other)), strict=True)
        return all(np.array_equal(a, b) for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]

    def values(self) -> npt.NDArray[np.float64]:
        """Return rows, or weights, of every cell as float64."""
        return cell_values(self.kept, self.shape[-1]).reshape(self.shape)

    def to_state(self) -> dict[str, Any]:
        """Return the tally as what JSON can hold: the same for equal tallies."""
        kept = of_halves(self.kept.ranges, *halves(self.kept)) if self.is_weighted else self.kept
        return {
            "ranges": pack_words(kept.ranges.ravel()),
            "low": pack_words(kept.low),
            "high": None if kept.high is None else pack_words(kept.high),
            "power": kept.power,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], shape: tuple[int, ...]) -> Tally:
        """Return the tally of this shape that `to_state` wrote."""
        size = math.prod(shape)
        low: Any = unpack_words(state["low"], size)
        high, power = state["high"], state["power"]
        if power is not None and (type(power) is not int or not HALVES <= power <= -HALVES):
            raise ValueError(f"power is {power!r}")
        if high is not None and power != HALVES:
            raise ValueError("halves are in units of 2**-64")
        if high is None and not (low >> np.uint64(32)).any():
            low = low.astype(np.uint32)
        lines = math.prod(shape[:-1])
        ranges = unpack_words(state["ranges"], 2 * lines).astype(np.int32).reshape(lines, 2)
        high = None if high is None else unpack_words(high, size)
        kept = cls(shape, CellRanges(ranges, low, high, power))
        kept.values()  # raises where cells are not those of the ranges
        return kept
