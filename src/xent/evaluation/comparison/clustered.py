"""Sums by cluster, of all rows and within groups: what cluster-robust moments are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.comparison.sums import Moments
from xent.evaluation.groups.clusters import KeyedSums, Keys
from xent.evaluation.groups.values import distinct
from xent.evaluation.intervals.clusters import cluster_moments

__all__ = ["GroupedClusters", "moments_of_clusters"]

Array = npt.NDArray[Any]


def moments_of_clusters(clusters: KeyedSums, *, per_byte: bool = False) -> Moments:
    """Return the moments of the difference of A and B to their weight, or to their bytes.

    The sums of a cluster are its weight, the loss under A, that under B and its bytes.
    """
    sums = clusters.of.values()
    difference = [a - b for _, _, a, b, *_ in sums]
    size = [a + b for _, _, a, b, *_ in sums]
    of = [s for *_, s in sums] if per_byte else [w for _, w, *_ in sums]
    return Moments(len(sums), *cluster_moments(difference, of, size))


class GroupedClusters:
    """Sums by cluster within each group of rows, such as a slice."""

    def __init__(self) -> None:
        self._of: dict[int, KeyedSums] = {}

    def add(
        self, group: Array, clusters: tuple[Keys, Array], columns: Sequence[Array | None]
    ) -> None:
        """Add rows that are possible under both models; a column None is 1 a row."""
        keys, codes = clusters
        order = np.argsort(group, kind="stable")
        ends = np.flatnonzero(np.diff(group[order])) + 1
        for rows in np.split(order, ends):
            if not len(rows):
                continue
            there, place = distinct(codes[rows])
            found = KeyedSums.of_rows(
                keys[there], place, [None if c is None else c[rows] for c in columns]
            )
            g = int(group[rows[0]])
            self._of[g] = self._of[g] + found if g in self._of else found

    def moments(self, group: int) -> Moments:
        """Return the moments of a group's difference; of one without rows they are nan."""
        return moments_of_clusters(self._of.get(group, KeyedSums()))
