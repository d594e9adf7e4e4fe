"""Two models, batch after batch: every sum that their comparison is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentTypeError
from xent.evaluation.comparison.clustered import GroupedClusters, RowScores
from xent.evaluation.comparison.divergence import Distances, divergences
from xent.evaluation.comparison.evidence import EvidenceSums
from xent.evaluation.comparison.products import Products
from xent.evaluation.comparison.rows import Rows
from xent.evaluation.comparison.sums import PairSums
from xent.evaluation.comparison.wins import Accuracy, Wins
from xent.evaluation.exact import ONE
from xent.evaluation.groups.clusters import KeyedSums, Keys
from xent.evaluation.groups.sums import LARGEST, MomentTally, products
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["Beside", "PairState"]

Array = npt.NDArray[Any]
BLOCK_ROWS = 8192  # in the cache's reach


@dataclass
class Beside:
    """What stands beside the predictions of a batch of rows."""

    weight: Array | None = None
    size: Array | None = None
    slices: Array | None = None  # number of each row's value
    num_slices: int = 0
    clusters: tuple[Keys, Array] | None = None  # keys, and the place of each row's among them

    def where(self, kept: Array) -> Beside:
        """Return the rows of a mask."""

        def part(values: Array | None) -> Array | None:
            return None if values is None else values[kept]

        clusters = self.clusters and (self.clusters[0], self.clusters[1][kept])
        return Beside(
            part(self.weight), part(self.size), part(self.slices), self.num_slices, clusters
        )


class PairState:
    """Sums over rows of two models; `whole` with everything there is to say."""

    def __init__(
        self,
        *,
        weighted: bool,
        clustered: bool,
        level: float,
        classes: int,
        least: float,
        whole: bool,
    ) -> None:
        self.all = PairSums(weighted)
        self.classes = PairSums(weighted) if whole and classes else None
        self.slices = PairSums(weighted) if whole else None
        self.class_clusters = GroupedClusters() if whole and clustered and classes else None
        self.slice_clusters = GroupedClusters() if whole and clustered else None
        # weight, loss of A, loss of B, bytes
        self.clusters = KeyedSums() if clustered else None
        self.scores = RowScores() if clustered else None
        # of each model on the rows that are possible under both
        self.moments = (MomentTally(), MomentTally()) if whole else None
        # of rows with weights, whose moments are those of the mean's error
        self.products = Products() if whole and weighted else None
        self.per_byte = MomentTally()
        self.has_bytes = False
        self.evidence = EvidenceSums(level) if whole and not weighted else None
        self.distances = Distances() if whole else None
        self.wins = Wins()
        self.accuracy: Accuracy | None = None
        self.neighbours = Neighbours() if whole and not weighted else None
        self._num_classes = classes
        self._least = least
        self._whole = whole

    def add(self, a: Rows, b: Rows, beside: Beside) -> None:
        """Add a batch of rows, all of them scored under both models."""
        w = beside.weight
        self.all.add(a.nll, b.nll, w)
        self.wins += Wins.of(a.nll, b.nll)
        right_a, right_b = a.right, b.right
        right = same = None
        if right_a is not None and right_b is not None:
            right = right_a.astype(np.float64) - right_b
            self.accuracy = (self.accuracy or Accuracy()) + Accuracy.of(right_a, right_b, w)
        common = np.isfinite(a.nll) & np.isfinite(b.nll)
        self._of_common(a.nll[common], b.nll[common], beside.where(common))
        if self._whole:
            same = _same_tops(a, b)
        if self.scores is not None and beside.clusters is not None:
            wins = 0.5 * (1 + _higher(a.nll, b.nll))
            self.scores.add(beside.clusters, w, wins=wins, right=right, same=same)
        if not self._whole:
            return
        if self.classes is not None:
            self._by_class(a, b, beside)
        if self.slices is not None and beside.slices is not None:
            self.slices.add(a.nll, b.nll, w, beside.slices, beside.num_slices)
            _add_clusters(self.slice_clusters, a.nll, b.nll, beside, beside.slices)
        if self.evidence is not None:
            self.evidence.add(a.nll, b.nll)
        self._distances(a, b, same, beside)

    def _of_common(self, a: Array, b: Array, beside: Beside) -> None:
        """Rows that are possible under both models."""
        if not len(a):
            return
        w = beside.weight
        if self.moments is not None:
            self.moments[0].add(None, a, w)
            self.moments[1].add(None, b, w)
        if self.products is not None and w is not None:
            self.products.add(a, b, w)
        if self.neighbours is not None:
            self.neighbours.add(a - b)
        weight = np.ones(len(a)) if w is None else w
        size = np.zeros(len(a)) if beside.size is None else weight * beside.size
        if beside.size is not None:
            self.has_bytes = True
            self.per_byte.add_ratio(weight * (a - b), size)
        if self.clusters is not None and beside.clusters is not None:
            columns = [w, weight * a, weight * b, size]
            self.clusters += KeyedSums.of_rows(*beside.clusters, columns)

    def _by_class(self, a: Rows, b: Rows, beside: Beside) -> None:
        assert self.classes is not None
        count, w = self._num_classes, beside.weight
        if a.label_nll is None or b.label_nll is None:
            self.classes.add(a.nll, b.nll, w, a.truth, count)
            if a.truth is not None:
                _add_clusters(self.class_clusters, a.nll, b.nll, beside, a.truth)
            return
        for j in range(count):
            group = np.full(len(a.nll), j, dtype=np.int64)
            of_a, of_b = a.label_nll[:, j], b.label_nll[:, j]
            self.classes.add(of_a, of_b, w, group, count)
            _add_clusters(self.class_clusters, of_a, of_b, beside, group)

    def _distances(self, a: Rows, b: Rows, same: Array | None, beside: Beside) -> None:
        distances, w, clusters = self.distances, beside.weight, beside.clusters
        assert distances is not None
        if a.label_nll is None:
            distances.add_truth(a.nll, b.nll, w, clusters)
        if same is None:
            return
        distances.add_tops(same)
        p, q = a.predictions, b.predictions
        if p is None or q is None:
            return  # log-probabilities of what happened say nothing of the rest
        if a.label_nll is not None:
            forth, back = _of_labels(p, q, a.given, b.given, self._least)
        else:
            forth = divergences(p, q, (a.given, b.given), self._least)
            back = divergences(q, p, (b.given, a.given), self._least)
        distances.a_from_b.add(forth, w, clusters)
        distances.b_from_a.add(back, w, clusters)


def _same_tops(a: Rows, b: Rows) -> Array | None:
    """Which rows have the same likeliest outcome; None where it is not known."""
    if a.predicted is None or b.predicted is None:
        return None
    if a.predicted.dtype != b.predicted.dtype:
        raise XentTypeError(
            "predicted must be columns of one type, got numbers of one model and text of the "
            "other: are both names, or both numbers, of tokens?"
        )
    same: Array = np.asarray(a.predicted == b.predicted)
    return np.asarray(same.all(axis=1)) if same.ndim == 2 else same


def _higher(a: Array, b: Array) -> Array:
    """Return 1 where `a` is higher, -1 where `b` is, 0 where they are equal, or both infinite."""
    return (a > b).astype(np.float64) - (a < b)


def _add_clusters(
    to: GroupedClusters | None, a: Array, b: Array, beside: Beside, group: Array
) -> None:
    """Add the losses of rows by group and cluster, where clusters there are."""
    if to is None or beside.clusters is None:
        return
    common = np.isfinite(a) & np.isfinite(b)
    keys, codes = beside.clusters
    w = None if beside.weight is None else beside.weight[common]
    a, b = a[common], b[common]
    columns = [w, a if w is None else w * a, b if w is None else w * b]
    to.add(group[common], (keys, codes[common]), columns)


def _of_labels(p: Array, q: Array, given_p: str, given_q: str, least: float) -> tuple[Array, Array]:
    """KL both ways of rows of labels: independent, so that their divergences add up."""
    rows, labels = p.shape
    p, q = _two_outcomes(p, given_p), _two_outcomes(q, given_q)
    forth = divergences(p, q, (given_p, given_q), least).reshape(rows, labels).sum(axis=1)
    back = divergences(q, p, (given_q, given_p), least).reshape(rows, labels).sum(axis=1)
    return forth, back


def _two_outcomes(p: Array, given: str) -> Array:
    p = p.reshape(-1)
    return np.stack([np.zeros_like(p) if given == "logits" else 1 - p, p], axis=1)


class Neighbours:
    """How alike the differences of neighbouring rows are."""

    def __init__(self) -> None:
        self._sum, self._products = ExactSums(), ExactSums()
        self._count = 0
        self._last: float | None = None
        self._first = 0.0

    def add(self, d: Array) -> None:
        """Add differences in the order of the rows."""
        if not len(d):
            return
        d = np.clip(d, -LARGEST, LARGEST)
        self._count += len(d)
        self._sum.add(d)
        if self._last is None:
            self._first = float(d[0])
        else:
            d = np.concatenate([[self._last], d])
        for begin in range(0, len(d) - 1, BLOCK_ROWS):
            block = d[begin : begin + BLOCK_ROWS + 1]
            for part in products(block[1:], block[:-1]):
                self._products.add(part)
        self._last = float(d[-1])

    def correlation(self, variance: float) -> float:
        """Return the autocorrelation at lag 1, between -1 and 1, given the sample variance."""
        count = self._count
        if count < 3 or not 0 < variance < math.inf or self._last is None:
            return float("nan")
        m = Fraction(self._sum.totals()[0], count * ONE)
        total = Fraction(self._products.totals()[0], ONE)
        # sum of (d_t - m)(d_(t+1) - m), the ends being in one product only
        ends = Fraction(self._first) + Fraction(self._last)
        centred = total - m * (2 * count * m - ends) + (count - 1) * m * m
        return float(centred / (Fraction(variance) * (count - 1)))
