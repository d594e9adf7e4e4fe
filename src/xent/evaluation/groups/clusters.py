"""Sums by cluster: rows of one user, document or day, which go wrong together."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import MergeError
from xent.evaluation.exact import ONE
from xent.evaluation.intervals.means import Interval, cluster_interval
from xent.evaluation.packed import pack_columns, unpack_columns
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["MAX_CLUSTERS", "ClusterTally", "Clusters", "KeyedSums"]

MAX_CLUSTERS = 1024

Array = npt.NDArray[Any]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class KeyedSums:
    """Rows and exact sums by a key of 64 bits; add two to merge them.

    The sums of up to 1024 different keys are kept one by one. Those of more are taken together
    in 1024 by the last bits of the key. Whether that happens depends on the set of keys alone, so
    neither a split nor the order of rows can be seen.

    Parameters
    ----------
    folded : bool
        Whether keys were taken together.
    of : dict of int to tuple of int
        By rising key its number of rows, and its sums in units of 2**-1074.
    """

    folded: bool = False
    of: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def __add__(self, other: object) -> KeyedSums:
        if not isinstance(other, KeyedSums):
            return NotImplemented
        folded = self.folded or other.folded
        of = dict(_folded(self.of) if folded else self.of)
        _merge(of, _folded(other.of) if folded else other.of)
        if len(of) > MAX_CLUSTERS:
            folded, of = True, _folded(of)
        return KeyedSums(folded, {key: of[key] for key in sorted(of)})

    @classmethod
    def of_rows(cls, keys: Keys, codes: Array, columns: Sequence[Array | None]) -> KeyedSums:
        """Return the sums of columns over rows of the keys `keys[codes]`; None is 1 a row."""
        rows = np.bincount(codes, minlength=len(keys))
        if (rows == 0).any():
            there = rows > 0
            keys, codes, rows = keys[there], (np.cumsum(there) - 1)[codes], rows[there]
        folded = len(keys) > MAX_CLUSTERS
        if folded:
            keys, place = np.unique(keys % np.uint64(MAX_CLUSTERS), return_inverse=True)
            codes = place[codes]
            rows = np.bincount(codes)
        counts = rows.tolist()
        totals = []
        for column in columns:
            if column is None:
                totals.append([count * ONE for count in counts])
                continue
            sums = ExactSums(len(keys))
            sums.add(column, codes)
            totals.append(sums.totals())
        of = dict(zip(keys.tolist(), zip(counts, *totals, strict=True), strict=True))
        return cls(folded, dict(sorted(of.items())))


def _merge(into: dict[int, tuple[int, ...]], other: dict[int, tuple[int, ...]]) -> None:
    for key, sums in other.items():
        there = into.get(key)
        into[key] = sums if there is None else tuple(map(operator.add, there, sums))


def _folded(of: dict[int, tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    folded: dict[int, tuple[int, ...]] = {}
    for key, sums in of.items():
        _merge(folded, {key % MAX_CLUSTERS: sums})
    return folded


@dataclass(frozen=True)
class Clusters:
    """Sums of the losses by the values of `column`; add two to merge them.

    The key of a cluster is that of its name. With more than 1024 clusters they are taken
    together in 1024 groups: a union of clusters is a cluster, so an interval stays valid.

    Parameters
    ----------
    column : str
        "" where clusters have no names.
    sums : KeyedSums
        Of the weights and the weighted losses of rows that are possible and have a weight.
    """

    column: str
    sums: KeyedSums = field(default_factory=KeyedSums)

    def __add__(self, other: object) -> Clusters:
        if not isinstance(other, Clusters):
            return NotImplemented
        if self.column != other.column:
            raise MergeError(
                f"clusters must be of the same column to be added, got {self.column!r} and "
                f"{other.column!r}; evaluate both parts with the same cluster",
                code="D30",
                value=other.column,
            )
        return Clusters(self.column, self.sums + other.sums)

    @property
    def folded(self) -> bool:
        """Whether they are groups of clusters."""
        return self.sums.folded

    @property
    def num_clusters(self) -> int:
        """How many there are; of more than 1024, how many groups of them."""
        return len(self.sums.of)

    @property
    def num_single(self) -> int:
        """Clusters of one row; 0 where they were taken together."""
        return 0 if self.folded else sum(rows == 1 for rows, *_ in self.sums.of.values())

    @property
    def note(self) -> str:
        """What a reader should know of the clusters, or ""."""
        if self.folded:
            return f"more than {MAX_CLUSTERS} clusters, taken together in {self.num_clusters}"
        if self.num_single == 0:
            return ""
        if self.num_single == self.num_clusters:
            return f"all {self.num_clusters} clusters have one row"
        have = "has" if self.num_single == 1 else "have"
        return f"{self.num_single} of {self.num_clusters} clusters {have} one row"

    def interval(self, level: float, *, scale: int = 1) -> Interval:
        """Return the interval of the mean loss divided by `scale`, in nats."""
        sums = self.sums.of.values()
        found = cluster_interval(
            [nll for *_, nll in sums], [weight * scale for _, weight, _ in sums], level, least=0.0
        )
        notes = "; ".join(note for note in (found.note, self.note) if note)
        return Interval(found.low, found.high, level, "cluster", notes)

    def to_state(self) -> dict[str, Any]:
        """Return what JSON can hold of it, exact to the last bit."""
        return {
            "column": self.column,
            "folded": self.folded,
            "of": pack_columns(((key, *sums) for key, sums in self.sums.of.items()), 4),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Clusters:
        """Return the clusters that `to_state` wrote."""
        of = {key: tuple(sums) for key, *sums in unpack_columns(state["of"])}
        return cls(state["column"], KeyedSums(state["folded"], of))


class ClusterTally:
    """Adds scored rows to the sums of their clusters."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._state = Clusters(column)

    def add(
        self,
        keys: npt.NDArray[np.uint64],
        nll: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64] | None,
    ) -> None:
        """Add scored rows of finite loss."""
        if weight is not None and not weight.all():  # rows of no weight are no rows
            kept = weight > 0
            keys, nll, weight = keys[kept], nll[kept], weight[kept]
        self._state = self._state + Clusters(
            self._column,
            KeyedSums.of_rows(
                *np.unique(keys, return_inverse=True),
                [weight, nll if weight is None else weight * nll],
            ),
        )

    def state(self) -> Clusters:
        """Return the sums so far."""
        return self._state
