"""Poisson bootstrap: sums over rows drawn Poisson(1) times in each replicate, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import xent._native as _native

__all__ = ["ReplicateSums"]


class ReplicateSums:
    """Exact sums of `quantities` over the rows that each replicate draws.

    How often a row is drawn is an integer of (`seed`, its key, the replicate) alone. So the
    order of rows, a split of them and the number of threads cannot be seen in a sum, and rows
    of one key are drawn together. The first replicates do not depend on how many there are.
    """

    def __init__(self, replicates: int, quantities: int, *, seed: int = 0) -> None:
        self._sums = _native.Replicates(replicates, quantities, seed)

    def add(self, key: Any, values: Sequence[Any]) -> None:
        """Add rows: a key of 64 bits each, and one array of finite float64 a quantity."""
        arrays = [np.ascontiguousarray(v, dtype=np.float64) for v in values]
        self._sums.add(np.ascontiguousarray(key, dtype=np.uint64), arrays)

    def totals(self) -> tuple[list[int], list[list[int]]]:
        """Return the rows drawn into each replicate, and the sums: (quantity, replicate).

        Sums are integers in units of 2**-1074.
        """
        totals: tuple[list[int], list[list[int]]] = self._sums.totals()
        return totals
