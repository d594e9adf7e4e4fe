"""Who is likelier right, row by row: wins, and right answers."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.comparison.tails import coin_p_value
from xent.evaluation.exact import ratio
from xent.evaluation.intervals.means import Interval
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["Accuracy", "Wins", "wilson_interval"]

Array = npt.NDArray[Any]


def wilson_interval(
    successes: float, trials: float, level: float = 0.95, z: float | None = None
) -> Interval:
    """Return Wilson's interval for a share; `z` is the quantile, else the normal one.

    >>> interval = wilson_interval(8, 10)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.4902, 0.9433)
    """
    if trials == 0:
        return Interval(math.nan, math.nan, level, "wilson")
    z = NormalDist().inv_cdf(0.5 + level / 2) if z is None else z
    share, extra = successes / trials, z * z / trials
    centre = (share + extra / 2) / (1 + extra)
    half = z / (1 + extra) * math.sqrt(share * (1 - share) / trials + extra / (4 * trials))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Interval(low, high, level, "wilson")


@dataclass(frozen=True)
class Wins:
    """On how many rows each model lost less; ties are rows with the same loss."""

    a: int = 0
    b: int = 0
    ties: int = 0

    def __add__(self, other: Wins) -> Wins:
        return Wins(self.a + other.a, self.b + other.b, self.ties + other.ties)

    @classmethod
    def of(cls, a: Array, b: Array) -> Wins:
        """Count the losses `a` and `b` of the same rows."""
        return cls(int((a < b).sum()), int((b < a).sum()), int((a == b).sum()))

    @property
    def num_rows(self) -> int:
        return self.a + self.b + self.ties

    @property
    def rate(self) -> float:
        """Share of rows on which B lost less; a tie is half of one."""
        return (self.b + self.ties / 2) / self.num_rows if self.num_rows else math.nan

    def interval(self, level: float) -> Interval:
        """Wilson's interval of the rate."""
        return wilson_interval(self.b + self.ties / 2, self.num_rows, level)


@dataclass(frozen=True)
class Accuracy:
    """Rows by which model found the truth. For labels: every label of the row.

    The shares are of the weight, where rows have one, and so is the test by clusters; McNemar's
    test counts rows.
    """

    both: int = 0
    only_a: int = 0
    only_b: int = 0
    neither: int = 0
    # exact sums of the weights of the four, in this order; of rows without weights their counts
    weights: tuple[int, int, int, int] = (0, 0, 0, 0)
    clustered_p_value: float | None = None  # of rows that go wrong together

    def __add__(self, other: Accuracy) -> Accuracy:
        both, only_a, only_b, neither = map(operator.add, self.weights, other.weights)
        return Accuracy(
            self.both + other.both,
            self.only_a + other.only_a,
            self.only_b + other.only_b,
            self.neither + other.neither,
            (both, only_a, only_b, neither),
        )

    @classmethod
    def of(cls, right_a: Array, right_b: Array, weight: Array | None = None) -> Accuracy:
        """Count rows, given which of them each model got right."""
        kind = 3 - 2 * right_a.astype(np.int64) - right_b
        both, only_a, only_b, neither = (int(c) for c in np.bincount(kind, minlength=4))
        if weight is None:
            weights = (both, only_a, only_b, neither)
        else:
            sums = ExactSums(4)
            sums.add(weight, kind)
            first, second, third, fourth = sums.totals()
            weights = (first, second, third, fourth)
        return cls(both, only_a, only_b, neither, weights)

    @property
    def num_rows(self) -> int:
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def a(self) -> float:
        """Share of the rows, or of their weight, that A got right."""
        both, only_a, _, _ = self.weights
        return ratio(both + only_a, sum(self.weights))

    @property
    def b(self) -> float:
        """The same of B."""
        both, _, only_b, _ = self.weights
        return ratio(both + only_b, sum(self.weights))

    @property
    def difference(self) -> float:
        """Accuracy of A less that of B."""
        _, only_a, only_b, _ = self.weights
        return ratio(only_a - only_b, sum(self.weights))

    @property
    def p_value(self) -> float:
        """Of no difference: by clusters where rows come in them, else McNemar's."""
        clustered = self.clustered_p_value
        return self.mcnemar_p_value if clustered is None else clustered

    @property
    def mcnemar_p_value(self) -> float:
        """McNemar's exact test: how even the rows split that only one model got right."""
        return coin_p_value(self.only_a, self.only_b)
