"""Sums by cluster, of all rows and within groups: what cluster-robust moments are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.comparison.sums import Moments
from xent.evaluation.comparison.wins import wilson_interval
from xent.evaluation.groups.clusters import KeyedSums, Keys
from xent.evaluation.groups.values import distinct
from xent.evaluation.intervals.clusters import cluster_moments
from xent.evaluation.intervals.means import Interval, no_interval
from xent.evaluation.intervals.student import student_quantile

__all__ = ["GroupedClusters", "RowScores", "moments_of_clusters"]

Array = npt.NDArray[Any]
SCORES = ("wins", "right", "same")


def moments_of_clusters(clusters: KeyedSums, *, per_byte: bool = False) -> Moments:
    """Return the moments of the difference of A and B to their weight, or to their bytes.

    The sums of a cluster are its weight, the loss under A, that under B and its bytes.
    """
    sums = clusters.of.values()
    difference = [a - b for _, _, a, b, *_ in sums]
    size = [a + b for _, _, a, b, *_ in sums]
    of = [s for *_, s in sums] if per_byte else [w for _, w, *_ in sums]
    return Moments(len(sums), *cluster_moments(difference, of, size))


class RowScores:
    """Sums by cluster of scores of rows: wins and equal tops are counted, right answers weighed.

    So are the numbers that they are shown beside: a share of rows, an accuracy of their weight.
    """

    def __init__(self) -> None:
        self._sums = KeyedSums()

    def add(
        self, clusters: tuple[Keys, Array], weight: Array | None = None, **scores: Array | None
    ) -> None:
        """Add rows by `wins` of B, `right` of A less B, and the `same` likeliest outcome."""
        if weight is not None and (right := scores.get("right")) is not None:
            scores["right"] = weight * right
        columns = [
            None if (score := scores.get(name)) is None else np.asarray(score, dtype=np.float64)
            for name in SCORES
        ]
        # a column that is not there has no result that is asked for
        self._sums += KeyedSums.of_rows(*clusters, [None, *columns, weight])

    def moments(self, name: str) -> Moments:
        """Return the moments of the mean of a score over rows, of `right` over their weight."""
        at = 2 + SCORES.index(name)
        sums = self._sums.of.values()
        counts, scores = [s[-1 if name == "right" else 1] for s in sums], [s[at] for s in sums]
        return Moments(len(counts), *cluster_moments(scores, counts))

    def share_interval(self, name: str, level: float) -> Interval:
        """Return Wilson's interval of a share, of as many rows as the clusters are worth.

        That many independent rows would have the error that the clusters show; the quantile is
        Student's of one degree of freedom less than there are clusters (Korn and Graubard).
        """
        m = self.moments(name)
        if m.num_rows < 2:
            return no_interval(level, "wilson", "one cluster has no spread to judge by")
        rows, share = sum(s[0] for s in self._sums.of.values()), m.mean
        square, spread = m.standard_error**2, share * (1 - share)
        worth = min(rows, spread / square) if square > 0 and spread > 0 else m.num_rows
        t = -student_quantile((1 - level) / 2, m.num_rows - 1)
        return wilson_interval(share * worth, worth, level, t)


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
