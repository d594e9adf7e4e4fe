"""Evidence against a model that may be looked at after every row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import rounded
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["Evidence", "EvidenceSums"]

Array = npt.NDArray[Any]

MOST_POINTS = 512


@dataclass(frozen=True)
class Evidence:
    r"""The e-value of one model against another, row after row.

    :math:`E_t = \prod_{i \le t} q_B(y_i) / q_A(y_i) = \exp \sum_{i \le t} (\ell^A_i -
    \ell^B_i)` bets on B at the odds of A. If A were the true law of each outcome given
    what came before, the chance that :math:`E_t` ever reaches :math:`1/\alpha` would be at
    most :math:`\alpha` (Ville), whenever one stops.

    Logarithms are natural. Rows are those that are compared, numbered from 0 in the order in
    which they came: one that is ignored, or left out for a missing value, has no number.
    """

    against: str
    log_e: float  # after all rows
    log_e_max: float  # the largest on the way, 0 before the first row
    row_of_max: int  # -1: before the first row
    threshold: float  # log(1 / alpha)
    crossed_at: int  # row after which the threshold was reached; -1: never
    path: tuple[tuple[int, float], ...] = ()  # rows seen and log_e then: at most 513, even steps

    @property
    def p_value(self) -> float:
        """A p-value that stays valid however often one looks: 1 / the largest E."""
        return math.exp(-self.log_e_max)


class _Path:
    """A running sum at even steps: a step grows where there are more points than are drawn."""

    def __init__(self) -> None:
        self._step = 1
        self._kept: list[tuple[int, float]] = [(0, 0.0)]

    def add(self, rows: int, path: Array) -> None:
        """Add the values after the rows that follow `rows` others."""
        while True:
            first = -(-(rows + 1) // self._step) * self._step
            places = range(first - rows - 1, len(path), self._step)
            if len(self._kept) + len(places) <= MOST_POINTS:
                self._kept += [(rows + i + 1, float(path[i])) for i in places]
                return
            self._step *= 2
            self._kept = [point for point in self._kept if point[0] % self._step == 0]

    def points(self, rows: int, last: float) -> tuple[tuple[int, float], ...]:
        """Return the points, the last row's among them."""
        return (*(point for point in self._kept if point[0] < rows), (rows, last))


class EvidenceSums:
    """Running sums of differences, in the order of the rows."""

    def __init__(self, level: float) -> None:
        self._threshold = -math.log(1 - level)
        self._rows = 0
        self._sum = ExactSums(1)
        self._running = 0.0
        # of the two directions: against A, against B
        self._best = [0.0, 0.0]
        self._row_of_best = [-1, -1]
        self._crossed = [-1, -1]
        self._drawn = _Path()

    def add(self, a: Array, b: Array) -> None:
        """Add the losses of rows under both models, in nats and in order."""
        if not len(a):
            return
        path = self._path(a, b)
        for side, evidence in enumerate((path, -path)):
            at = int(np.argmax(evidence))
            if evidence[at] > self._best[side]:
                self._best[side] = float(evidence[at])
                self._row_of_best[side] = self._rows + at
            reached = evidence >= self._threshold
            if self._crossed[side] < 0 and reached.any():
                self._crossed[side] = self._rows + int(np.argmax(reached))
        self._drawn.add(self._rows, path)
        self._running = float(path[-1])
        self._rows += len(a)

    def _path(self, a: Array, b: Array) -> Array:
        """The cumulative difference after each row."""
        if math.isinf(self._running):
            # all is lost or won, and stays so
            return np.full(len(a), self._running)
        with np.errstate(invalid="ignore"):
            d = a - b
        d[np.isnan(d)] = 0.0  # impossible for both: the bet on it is void
        ruined = np.isinf(d)
        end = int(np.argmax(ruined)) if ruined.any() else len(d)
        self._sum.add(d[:end])
        path = np.empty(len(d))
        # one addition after another, so that batches cannot be seen
        path[:end] = np.cumsum(np.concatenate([[self._running], d[:end]]))[1:]
        path[end:] = d[end] if end < len(d) else 0
        return path

    def results(self, name_a: str, name_b: str) -> tuple[Evidence, Evidence]:
        """Return the evidence against A and that against B."""
        last = self._running if math.isinf(self._running) else rounded(self._sum.totals()[0])
        points = self._drawn.points(self._rows, last)
        found = []
        for side, name in enumerate((name_a, name_b)):
            log_e = -last if side else last
            ends_best = self._rows and self._row_of_best[side] == self._rows - 1
            found.append(
                Evidence(
                    against=name,
                    log_e=log_e,
                    log_e_max=log_e if ends_best else self._best[side],
                    row_of_max=self._row_of_best[side],
                    threshold=self._threshold,
                    crossed_at=self._crossed[side],
                    path=tuple((n, -v if side else v) for n, v in points),
                )
            )
        return found[0], found[1]
