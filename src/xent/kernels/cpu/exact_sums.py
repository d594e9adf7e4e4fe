"""Sums of doubles by group, without rounding, on the CPU."""

from __future__ import annotations

from typing import Any

from xent.kernels.cpu.moment_sums import GroupSums

__all__ = ["ExactSums"]


class ExactSums(GroupSums):
    """One exact sum a group; the order of what is added cannot be seen in them.

    Sums are integers in units of 2**-1074, as `xent.evaluation.exact` has them.

    >>> sums = ExactSums(2)
    >>> sums.add([0.5, 1e-300, 2.0], group=[1, 0, -1])  # group -1 leaves a value out
    >>> [t / 2**1074 for t in sums.totals()]
    [1e-300, 0.5]
    """

    def __init__(self, groups: int = 1) -> None:
        super().__init__(groups, 1)

    def add(self, values: Any, group: Any = None) -> None:
        """Add finite values, each to the group of its place; without `group` all to group 0.

        Nothing is added where a value is not finite (ValueError) or a group is beyond the
        last (IndexError); a group below 0 leaves its value out.
        """
        self._add(values, None, group)

    def totals(self) -> list[int]:
        """Return the sum of each group."""
        (totals,) = self._sums.totals()
        found: list[int] = totals
        return found
