"""Exact sums by group and cluster: as many cells as occur, and never more than a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.groups.clusters import MAX_CLUSTERS, Keys
from xent.evaluation.groups.limbs import Limbs
from xent.evaluation.groups.values import distinct

__all__ = ["CellSums", "CellTally", "buckets_of"]

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]

WAITING = 1 << 18  # cells of batches that wait to be added to the others


def buckets_of(groups: int, most: int) -> int:
    """Return how many clusters each of so many groups keeps: a power of 2, 1024 at most.

    It depends on the number of groups alone, and only falls with it. Halves of a power of 2 are
    taken together by the last bits of a key, so that it does not matter when: neither a split nor
    the order of rows can be seen.

    >>> [buckets_of(groups, 1 << 20) for groups in (1, 1024, 1025, 10_000)]
    [1024, 1024, 512, 64]
    """
    return min(MAX_CLUSTERS, 1 << (max(most // max(groups, 1), 1).bit_length() - 1))


@dataclass(frozen=True, eq=False)
class CellSums:
    """Cells in the order of their groups, then of their keys."""

    group: Index
    key: Keys
    rows: Index
    sums: tuple[Limbs | None, ...]  # by column; None is one a row
    folded: npt.NDArray[np.bool_]  # of each group: whether clusters were taken together
    buckets: int = MAX_CLUSTERS  # that a group keeps

    @property
    def num_groups(self) -> int:
        """Groups that have rows."""
        return len(np.unique(self.group))

    def cells(self, group: int) -> slice:
        """Return where the cells of a group are."""
        begin, end = np.searchsorted(self.group, [group, group + 1])
        return slice(int(begin), int(end))


class CellTally:
    """Adds rows to the sums of their cells.

    A group keeps up to `buckets_of` clusters one by one, and takes more together by the last bits
    of their keys, as `KeyedSums` does: a union of clusters is a cluster.

    Parameters
    ----------
    columns : int
        Sums a cell.
    most : int
        Cells in all: 24 bytes each, and for each column 8 for each 32 powers of 2 between the
        largest and the least of what is added, 40 or so of losses.
    """

    def __init__(self, columns: int, most: int) -> None:
        self._most, self._room = most, min(WAITING, 16 * most)
        none = np.zeros(0, dtype=np.int64)
        self._sums = CellSums(
            none, none.astype(np.uint64), none, (None,) * columns, none.astype(bool)
        )
        self._waiting: list[CellSums] = []

    def add(
        self, group: Index, clusters: tuple[Keys, Index], columns: Sequence[Array | None]
    ) -> None:
        """Add rows of a group and a cluster; a column that is None is 1 a row, and always is."""
        keys, codes = clusters
        if not len(group):
            return
        there, place = distinct(group.astype(np.int64) * len(keys) + codes)
        of_group, of_key = np.divmod(there, len(keys))
        cells = len(there)
        sums = tuple(None if c is None else Limbs.of(c, place, cells) for c in columns)
        rows = np.bincount(place, minlength=cells)
        self._waiting.append(CellSums(of_group, keys[of_key], rows, sums, self._sums.folded))
        if sum(len(part.key) for part in self._waiting) > max(self._room, len(self._sums.key)):
            self.state()

    def state(self) -> CellSums:
        """Return the sums so far."""
        if self._waiting:
            known = [self._sums] if len(self._sums.key) else []
            self._sums = _together([*known, *self._waiting], self._most)
            self._waiting = []
        return self._sums


def _together(parts: Sequence[CellSums], most: int) -> CellSums:
    group = np.concatenate([part.group for part in parts])
    key = np.concatenate([part.key for part in parts])
    before = parts[0].folded
    folded = np.zeros(int(group.max()) + 1, dtype=bool)
    folded[: len(before)] = before
    order, starts = _runs(group, key)
    # how many there are depends on the rows alone, so that whether groups fold does too
    clusters = np.bincount(group[order[starts]], minlength=len(folded))
    buckets = buckets_of(int(np.count_nonzero(clusters)), most)
    folded |= clusters > buckets
    if folded.any():
        key = np.where(folded[group], key & np.uint64(buckets - 1), key)
        order, starts = _runs(group, key)
    first = order[starts]
    rows = np.add.reduceat(np.concatenate([part.rows for part in parts])[order], starts)
    sums = tuple(
        None if None in of else Limbs.together(of, order, starts)
        for of in zip(*(part.sums for part in parts), strict=True)
    )
    return CellSums(group[first], key[first], rows, sums, folded, buckets)


def _runs(group: Index, key: Keys) -> tuple[Index, Index]:
    """Return cells in the order of their groups and keys, and where each different one begins."""
    # numbers of 16 bits sort in a moment
    small = group.astype(np.uint16) if group.max() < 1 << 16 else group
    order = np.lexsort((key, small))
    group, key = group[order], key[order]
    new = np.concatenate([[True], (group[1:] != group[:-1]) | (key[1:] != key[:-1])])
    return order, np.flatnonzero(new)
