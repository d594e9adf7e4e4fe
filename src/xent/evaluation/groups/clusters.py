"""Sums by cluster: rows of one user, document or day, which go wrong together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.errors import MergeError
from xent.evaluation.exact import ONE
from xent.evaluation.intervals.means import Interval, cluster_interval
from xent.evaluation.packed import pack_columns, unpack_columns
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["MAX_CLUSTERS", "ClusterSums", "ClusterTally", "Clusters"]

MAX_CLUSTERS = 1024


class ClusterSums(NamedTuple):
    """The sums of one cluster, in units of 2**-1074; losses of possible rows."""

    num_rows: int = 0
    weight: int = 0
    nll: int = 0


@dataclass(frozen=True)
class Clusters:
    """Sums by the values of `column`; add two to merge them.

    Up to 1024 different clusters are kept one by one, by a key of 64 bits of their name. More
    are taken together in 1024 groups by the last bits of the key: a union of clusters is a
    cluster, so an interval stays valid. Whether that happens depends on the set of clusters
    alone, so neither a split nor the order of rows can be seen.
    """

    column: str
    folded: bool = False
    of: dict[int, ClusterSums] = field(default_factory=dict)

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
        folded = self.folded or other.folded
        of = dict(_folded(self.of) if folded else self.of)
        _merge(of, _folded(other.of) if folded else other.of)
        if len(of) > MAX_CLUSTERS:
            folded, of = True, _folded(of)
        return Clusters(self.column, folded, {key: of[key] for key in sorted(of)})

    @property
    def num_clusters(self) -> int:
        """How many there are; of more than 1024, how many groups of them."""
        return len(self.of)

    @property
    def num_single(self) -> int:
        """Clusters of one row; 0 where they were taken together."""
        return 0 if self.folded else sum(c.num_rows == 1 for c in self.of.values())

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
        sums = self.of.values()
        found = cluster_interval(
            [c.nll for c in sums], [c.weight * scale for c in sums], level, least=0.0
        )
        notes = "; ".join(note for note in (found.note, self.note) if note)
        return Interval(found.low, found.high, level, "cluster", notes)

    def to_state(self) -> dict[str, Any]:
        """Return what JSON can hold of it, exact to the last bit."""
        return {
            "column": self.column,
            "folded": self.folded,
            "of": pack_columns(((key, *sums) for key, sums in self.of.items()), 4),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Clusters:
        """Return the clusters that `to_state` wrote."""
        return cls(
            state["column"],
            state["folded"],
            {key: ClusterSums(*sums) for key, *sums in unpack_columns(state["of"])},
        )


def _merge(into: dict[int, ClusterSums], other: dict[int, ClusterSums]) -> None:
    for key, sums in other.items():
        there = into.get(key, ClusterSums())
        into[key] = ClusterSums(*(a + b for a, b in zip(there, sums, strict=True)))


def _folded(of: dict[int, ClusterSums]) -> dict[int, ClusterSums]:
    folded: dict[int, ClusterSums] = {}
    for key, sums in of.items():
        _merge(folded, {key % MAX_CLUSTERS: sums})
    return folded


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
        there, codes = np.unique(keys, return_inverse=True)
        folded = len(there) > MAX_CLUSTERS
        if folded:
            there, codes = np.unique(keys % np.uint64(MAX_CLUSTERS), return_inverse=True)
        rows = np.bincount(codes, minlength=len(there)).tolist()
        nlls, weights = ExactSums(len(there)), ExactSums(len(there))
        nlls.add(nll if weight is None else weight * nll, codes)
        if weight is not None:
            weights.add(weight, codes)
        of = {
            key: ClusterSums(count, count * ONE if weight is None else w, t)
            for key, count, w, t in zip(
                there.tolist(), rows, weights.totals(), nlls.totals(), strict=True
            )
        }
        self._state = self._state + Clusters(self._column, folded, of)

    def state(self) -> Clusters:
        """Return the sums so far."""
        return self._state
