"""How values spread: percentiles that no split of the rows changes, in bounded memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PERCENTS", "RELATIVE_ERROR", "Spread"]

Array = npt.NDArray[Any]
PERCENTS = (0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)

EXACT_ROWS = 1 << 18
# beyond that, 64 cells a factor of 2, from 2**-64 to 2**16, of either sign
CELL_BITS = 6
LOWEST, HIGHEST = -64, 16
NUM_CELLS = (HIGHEST - LOWEST) << CELL_BITS
RELATIVE_ERROR = 2.0 ** -(CELL_BITS + 1)


class Spread:
    """Counts of values by size.

    Up to 262,144 values percentiles are exact: one of the values. Beyond, values are counted
    in cells of the leading bits of the double, 64 a factor of 2; a percentile is then the
    middle of its cell, at most 1/128 of itself away. Which of the two depends on how many
    values there are, never on how they came. Infinite values have a cell of their own; what
    is smaller than 2**-64 counts as 0.
    """

    def __init__(self) -> None:
        self.num = 0
        self._kept: list[Array] = []
        self._cells = np.zeros(2 * NUM_CELLS + 3, dtype=np.int64)

    def add(self, values: Array) -> None:
        """Add values; nan is none."""
        self._kept.append(values)
        self.num += len(values)
        if self.num > EXACT_ROWS:
            for kept in self._kept:
                self._count(kept)
            self._kept = []

    def _count(self, values: Array) -> None:
        cells = np.bincount(_cell(values), minlength=len(self._cells))
        self._cells += cells

    def percentile(self, percent: float) -> float:
        """Return the smallest value that this percentage of all values does not exceed."""
        if not self.num:
            return math.nan
        # a percentage is a decimal fraction, and 0.1 * n / 100 would be rounded twice
        rank = max(1, -(-round(percent * 1000) * self.num // 100_000))
        if self._kept:
            values = np.concatenate(self._kept)
            return float(np.partition(values, rank - 1)[rank - 1])
        cell = int(np.searchsorted(np.cumsum(self._cells), rank))
        return _middle(cell)


def _cell(values: Array) -> Array:
    """The cell of each value, rising with the value."""
    values = np.ascontiguousarray(values, dtype=np.float64)
    bits = np.abs(values).view(np.int64) >> (52 - CELL_BITS)
    place = bits - ((LOWEST + 1023) << CELL_BITS) + 1  # from 1; 0 is what counts as 0
    place = np.clip(place, 0, NUM_CELLS)
    place = np.where(np.isinf(values), NUM_CELLS + 1, place)
    return np.where(values < 0, -place, place) + NUM_CELLS + 1


def _middle(cell: int) -> float:
    place = cell - NUM_CELLS - 1
    if place == 0:
        return 0.0
    size = abs(place)
    if size == NUM_CELLS + 1:
        return math.copysign(math.inf, place)
    octave, step = divmod(size - 1, 1 << CELL_BITS)
    value = math.ldexp(1 + (step + 0.5) / (1 << CELL_BITS), octave + LOWEST)
    return math.copysign(value, place)
