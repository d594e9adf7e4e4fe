"""Exact sums of powers of weights and values, by group, on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

import xent._native as _native

__all__ = ["POWERS", "UNWEIGHTED", "GroupSums", "PowerSums"]

# of t and a weight w: the order in which the kernel has them
POWERS = (
    "nll", "nll_squared", "nll_cubed", "weight", "weight_squared", "weighted_nll",
    "weight_cubed", "weight_squared_nll", "weighted_nll_squared",
)  # fmt: skip
UNWEIGHTED = 3  # so many of them are of t alone


class GroupSums:
    """Exact sums of the first so many powers, 1, 3 or all of them, for each group."""

    def __init__(self, groups: int, powers: int) -> None:
        self._sums = _native.Moments(groups, powers)

    def _add(self, t: Any, weight: Any, group: Any) -> None:
        t = np.ascontiguousarray(t, dtype=np.float64)
        if weight is not None:
            weight = np.ascontiguousarray(weight, dtype=np.float64)
        if group is not None:
            group = np.ascontiguousarray(group, dtype=np.int64)
        self._sums.add(t, weight, group)

    def grow(self, groups: int) -> None:
        """Make room for so many groups; those that are there keep their sums."""
        self._sums.grow(groups)

    def __len__(self) -> int:
        return len(self._sums)

    def counts(self) -> list[int]:
        """Return the number of rows of each group."""
        counts: list[int] = self._sums.counts()
        return counts


class PowerSums(GroupSums):
    """Exact sums of w, t, w**2, w t, t**2, w**3, w**2 t, w t**2 and t**3, one of each a group.

    Not `weighted`, only those of t, t**2 and t**3. Sums are integers in units of 2**-1074. A
    product is kept to 2**-118 where it is below 2**12; one of three numbers to 2**-104 of
    itself; one below 2**-65 as a double, and as 0 where two of its factors underflow. A row's
    terms come from that row alone, so that neither the order of rows, nor a split of them, nor
    the number of threads can be seen in a sum. Weights and values beyond 2**340 count as that in
    products, whose cubes no double holds.

    >>> sums = PowerSums(2, weighted=False)
    >>> sums.add([0.5, 2.0, 3.0], group=[0, 1, 1])
    >>> {name: [t / 2**1074 for t in of] for name, of in sums.totals().items()}
    {'nll': [0.5, 5.0], 'nll_squared': [0.25, 13.0], 'nll_cubed': [0.125, 35.0]}
    """

    def __init__(self, groups: int = 1, *, weighted: bool) -> None:
        super().__init__(groups, len(POWERS) if weighted else UNWEIGHTED)

    def add(self, t: Any, weight: Any = None, group: Any = None) -> None:
        """Add finite t, weights times values, each to its group; without `group` to group 0.

        Nothing is added where a number is not finite (ValueError) or a group is beyond the
        last (IndexError); a group below 0 leaves its row out.
        """
        self._add(t, weight, group)

    def totals(self) -> dict[str, list[int]]:
        """Return each sum by its name in `MomentSums`, a list over groups."""
        return dict(zip(POWERS, self._sums.totals(), strict=False))
