"""Sums by cluster, of all rows and within groups: what cluster-robust moments are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.comparison.sums import Moments
from xent.evaluation.comparison.wins import wilson_interval
from xent.evaluation.groups.cells import CellTally
from xent.evaluation.groups.clusters import MAX_CLUSTERS, KeyedSums, Keys
from xent.evaluation.intervals.clusters import cluster_moments
from xent.evaluation.intervals.means import Interval, no_interval
from xent.evaluation.intervals.student import student_quantile

__all__ = ["GroupedClusters", "RowScores", "moments_of_clusters"]

Array = npt.NDArray[Any]
SCORES = ("wins", "right", "same")
MOST_CELLS = 1 << 20  # of a group and a cluster: some 100 MB


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
    """Sums by cluster within each group of rows, such as a slice.

    Up to 1,024 groups keep 1,024 clusters each, more of them fewer; see `buckets_of`.
    """

    def __init__(self) -> None:
        # their weight, the loss under A and that under B
        self._cells = CellTally(3, MOST_CELLS)

    def add(
        self, group: Array, clusters: tuple[Keys, Array], columns: Sequence[Array | None]
    ) -> None:
        """Add rows that are possible under both models; a column None is 1 a row."""
        self._cells.add(group, clusters, columns)

    def note(self, groups: str) -> str:
        """What a reader should know of how many clusters groups keep, or ""."""
        state = self._cells.state()
        if state.buckets == MAX_CLUSTERS or not state.folded.any():
            return ""
        folded = int(np.count_nonzero(state.folded))
        return (
            f"with {state.num_groups:,} {groups} the clusters of each are taken together where "
            f"they are more than {state.buckets}: those of {folded:,}"
        )

    def moments(self, count: int) -> list[Moments]:
        """Return the moments of the differences of the first groups; without rows they are nan."""
        state = self._cells.state()
        weight, a, b = state.sums
        if a is None or b is None:  # no rows
            return [Moments(0, *cluster_moments([], []))] * count
        difference, size = a.plus(b, -1), a.plus(b)
        power = min(difference.power, size.power)
        found = []
        for group in range(count):
            cells = state.cells(group)
            moments = cluster_moments(
                difference.numbers(cells, power),
                state.rows[cells].tolist() if weight is None else weight.numbers(cells),
                size.numbers(cells, power),
                power=power if weight is None else power - weight.power,
            )
            found.append(Moments(cells.stop - cells.start, *moments))
        return found
