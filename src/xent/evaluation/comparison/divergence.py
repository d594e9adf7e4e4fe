"""How far two models' predictions are from each other, whatever the truth is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.comparison.intervals import difference_interval
from xent.evaluation.comparison.products import Squares
from xent.evaluation.comparison.spread import PERCENTS, Spread
from xent.evaluation.comparison.sums import Moments, moments
from xent.evaluation.groups.clusters import KeyedSums, Keys
from xent.evaluation.groups.sums import MomentTally
from xent.evaluation.intervals.clusters import cluster_moments
from xent.evaluation.intervals.means import Interval
from xent.kernels.cpu import measures, softmax_divergence

__all__ = ["Distances", "Spreading", "divergences"]

Array = npt.NDArray[Any]
# predictions whose logarithms are taken at a time
CHUNK = 1 << 19
# how far a row of a file may sum from 1 was checked when it was scored
ANY_SUM = 1.0


def divergences(p: Array, q: Array, given: tuple[str, str], least: float = 0.0) -> Array:
    """Return KL(p || q) of each row of two (rows, classes) matrices, in nats.

    Probabilities of `q` below `least` are raised to it, as those of the truth are.
    """
    step = max(1, CHUNK // p.shape[1])
    result = np.empty(len(p))
    for begin in range(0, len(p), step):
        part = slice(begin, begin + step)
        result[part] = _divergences(p[part], q[part], given, least)
    return result


def _divergences(p: Array, q: Array, given: tuple[str, str], least: float) -> Array:
    p, q = p.astype(np.float64, copy=False), q.astype(np.float64, copy=False)
    if least and given[1] == "probs":
        q = np.maximum(q, least)
    if given == ("probs", "probs"):
        # sum(p log(p / q) - p + q): no term is negative, whatever the rows sum to
        return measures.kl_divergence(p, q, axis=-1, tolerance=ANY_SUM, nats=1.0).result
    with np.errstate(divide="ignore"):
        p = p if given[0] == "logits" else np.log(p)
        q = q if given[1] == "logits" else np.log(q)
    p, q = np.ascontiguousarray(p), np.ascontiguousarray(q)
    rows = softmax_divergence.score(p, q, axis=1, want_rows=True).rows
    assert rows is not None
    return rows


@dataclass(frozen=True)
class Spreading:
    """Values of one kind over all rows: mean with interval, extremes, percentiles."""

    num_rows: int
    num_infinite: int
    finite_mean: float
    interval: Interval
    root_mean_square: float
    low: float
    high: float
    percentiles: dict[float, float]

    @property
    def mean(self) -> float:
        """The mean; inf where a value is."""
        return math.inf if self.num_infinite else self.finite_mean

    def scaled(self, factor: float) -> Spreading:
        """Return the same in another unit."""
        if factor == 1:
            return self
        return Spreading(
            self.num_rows,
            self.num_infinite,
            self.finite_mean * factor,
            self.interval.scaled(factor),
            self.root_mean_square * factor,
            self.low * factor,
            self.high * factor,
            {percent: v * factor for percent, v in self.percentiles.items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, percentiles by name."""
        return {
            "mean": self.mean,
            "finite_mean": self.finite_mean,
            "mean_low": self.interval.low,
            "mean_high": self.interval.high,
            "root_mean_square": self.root_mean_square,
            "min": self.low,
            "max": self.high,
            "num_infinite": self.num_infinite,
            "percentiles": {f"{percent:g}": v for percent, v in self.percentiles.items()},
        }


class SpreadSums:
    """Sums from which a `Spreading` comes."""

    def __init__(self) -> None:
        self._moments = MomentTally()
        self._clusters: KeyedSums | None = None
        self._squares: Squares | None = None  # of weighted values
        self._spread = Spread()
        self.num_values = self._infinite = 0
        self._low, self._high = math.inf, -math.inf

    def add(
        self, values: Array, weight: Array | None, clusters: tuple[Keys, Array] | None = None
    ) -> None:
        if not len(values):
            return
        self.num_values += len(values)
        self._spread.add(values)
        self._low = min(self._low, float(values.min()))
        self._high = max(self._high, float(values.max()))
        finite = np.isfinite(values)
        if not finite.all():
            self._infinite += int((~finite).sum())
            values = values[finite]
            weight = None if weight is None else weight[finite]
            clusters = clusters and (clusters[0], clusters[1][finite])
        self._moments.add(None, values, weight)
        if weight is not None:
            self._squares = self._squares or Squares()
            self._squares.add(values, weight)
        if clusters is not None:
            columns = [weight, values if weight is None else weight * values]
            found = KeyedSums.of_rows(*clusters, columns)
            self._clusters = found if self._clusters is None else self._clusters + found

    def result(self, level: float) -> Spreading:
        count = self.num_values - self._infinite
        (m,) = moments(self._moments)
        of = m
        if self._clusters is not None:
            sums = self._clusters.of.values()
            weights, totals = [w for _, w, _ in sums], [t for *_, t in sums]
            of = Moments(len(sums), *cluster_moments(totals, weights))
        if self._squares is not None:
            root = self._squares.root_mean()
        else:
            square = m.mean**2 + m.variance * (count - 1) / count if count > 1 else m.mean**2
            root = math.sqrt(square) if square >= 0 else math.nan
        return Spreading(
            num_rows=self.num_values,
            num_infinite=self._infinite,
            finite_mean=m.mean,
            interval=difference_interval(of, level, "hall"),
            root_mean_square=root,
            low=self._low if self.num_values else math.nan,
            high=self._high if self.num_values else math.nan,
            percentiles={percent: self._spread.percentile(percent) for percent in PERCENTS},
        )


@dataclass
class Distances:
    """Sums of what is between two models' predictions."""

    same_top: int = 0
    num_tops: int = 0
    a_from_b: SpreadSums = field(default_factory=SpreadSums)
    b_from_a: SpreadSums = field(default_factory=SpreadSums)
    truth: SpreadSums = field(default_factory=SpreadSums)

    def add_truth(
        self,
        a: Array,
        b: Array,
        weight: Array | None,
        clusters: tuple[Keys, Array] | None = None,
    ) -> None:
        """Add rows of these losses: what the truth was given, A less B."""
        self.truth.add(truth_difference(a, b), weight, clusters)

    def add_tops(self, same: Array) -> None:
        self.same_top += int(same.sum())
        self.num_tops += len(same)


def truth_difference(a: Array, b: Array) -> Array:
    """Return exp(-a) - exp(-b) without cancellation where the losses are close.

    >>> truth_difference(np.array([1e-17]), np.array([2e-17]))
    array([1.e-17])
    """
    with np.errstate(invalid="ignore"):
        gap = b - a
    gap[np.isnan(gap)] = 0.0  # impossible for both
    low = np.minimum(a, b)
    # exp(-low) (1 - exp(-|gap|)), with the sign of the gap
    size = np.exp(-low) * -np.expm1(-np.abs(gap))
    size = np.where(np.isinf(low), 0.0, size)
    signed: Array = np.copysign(size, gap)
    return signed
