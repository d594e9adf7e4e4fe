"""Replicates of the Poisson bootstrap: sums over rows that are drawn again and again."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.errors import MergeError
from xent.evaluation.exact import ONE, ratio
from xent.evaluation.groups.sums import LARGEST, products
from xent.evaluation.intervals.means import (
    FEW_CLUSTERS,
    Interval,
    bootstrap_interval,
    no_interval,
)
from xent.evaluation.packed import pack_columns, unpack_columns
from xent.evaluation.plain import counts_of, sums_of, text_of
from xent.evaluation.reading.options import MOST_REPLICATES
from xent.evaluation.summary.moments import sum_of_squares
from xent.kernels.cpu.exact_sums import ExactSums
from xent.kernels.cpu.replicates import ReplicateSums

__all__ = ["REPEATED", "ReplicateTally", "Replicates"]

SEED = 20260101
REPEATED = 1.5  # rows a key, from which on the bootstrap draws bundles of rows, and says so


class Sample(NamedTuple):
    """Sums over drawn rows, in units of 2**-1074; w the weight, t the weight times the loss."""

    weight: int
    nll: int
    weight_squared: int
    weighted_nll: int
    nll_squared: int

    def mean_and_error(self, rows: int) -> tuple[float, float]:
        """The mean loss of so many rows and its standard error; nan for no rows."""
        w, t, *squares = self
        if w <= 0:
            return math.nan, math.nan
        return ratio(t, w), math.sqrt(ratio(sum_of_squares(rows, w, t, *squares) * ONE, w**4))


@dataclass(frozen=True)
class Replicates:
    """What each replicate of the bootstrap drew; add two to merge them.

    In replicate r a row is drawn Poisson(1) times: an integer of its key, r and a fixed seed.
    The key is the row's `key_column`, so that rows of one value are drawn together (a cluster
    bootstrap); without a column it is the row's content: predictions, truth and weight. So
    neither a split nor the order of rows can be seen. Rows of equal content are drawn
    together too: where many rows are equal the interval is wider than they deserve, never
    narrower; `rows_a_key` is how many rows share a key with an average row, and a column
    that tells rows apart, as `id`, is the cure.

    Parameters
    ----------
    key_column : str
        "" for the content of rows.
    samples : tuple of Sample
        The rows themselves first, then each replicate.
    drawn : tuple of int
        How many rows: the rows themselves first, then those each replicate drew.
    """

    key_column: str
    samples: tuple[Sample, ...]
    drawn: tuple[int, ...]

    def __add__(self, other: object) -> Replicates:
        if not isinstance(other, Replicates):
            return NotImplemented
        ours, theirs = (
            {"replicates": len(r.samples) - 1, "id": r.key_column} for r in (self, other)
        )
        for name, value in ours.items():
            if theirs[name] != value:
                raise MergeError(
                    f"bootstrap samples must have the same {name} to be added, got {value!r} and "
                    f"{theirs[name]!r}; evaluate both parts with the same options",
                    code="D30",
                    value=theirs[name],
                )
        return Replicates(
            self.key_column,
            tuple(
                Sample(*(a + b for a, b in zip(x, y, strict=True)))
                for x, y in zip(self.samples, other.samples, strict=True)
            ),
            tuple(a + b for a, b in zip(self.drawn, other.drawn, strict=True)),
        )

    @property
    def rows_a_key(self) -> float:
        """How many rows share a key with an average row, from how the draws vary; 1 at least.

        A replicate draws n rows, give or take the root of sum n_k**2 over keys of n_k rows.
        """
        rows, *drawn = self.drawn
        if not rows or not drawn:
            return 1.0
        return max(1.0, sum((d - rows) ** 2 for d in drawn) / (len(drawn) * rows))

    @property
    def tied(self) -> bool:
        """Whether rows are drawn together, by more than few draws show of rows that are not."""
        by_chance = 1 + 4 * math.sqrt(2 / max(len(self.samples) - 1, 1))
        return self.rows_a_key >= max(REPEATED, by_chance)

    @property
    def note(self) -> str:
        """What a reader should know of the replicates, or ""."""
        if not self.tied:
            return ""
        if self.key_column:
            keys = self.drawn[0] / self.rows_a_key
            few = f"drawn by only about {keys:.0f} values of {self.key_column}"
            return few if keys < FEW_CLUSTERS else ""
        return (
            f"about {self.rows_a_key:.0f} rows are equal to an average row and drawn together, "
            "so this is too wide; id tells rows apart"
        )

    def interval(self, level: float, *, scale: int = 1) -> Interval:
        """Return the interval of the mean loss divided by `scale`, in nats."""
        (mean, error), *found = (
            sample.mean_and_error(rows)
            for rows, sample in zip(self.drawn, self.samples, strict=True)
        )
        rows = self.drawn[0]
        if rows < 2:
            return no_interval(level, "bootstrap", "one row has no spread to judge by")
        if all(drawn % rows == 0 for drawn in self.drawn) and error > 0:
            # all of them are drawn together, so often as it may be
            note = f"one value of {self.key_column} has no spread to judge by"
            return no_interval(level, "bootstrap", note)
        means, errors = zip(*found, strict=True)
        interval = bootstrap_interval(mean, error, means, errors, level, least=0.0)
        note = "; ".join(n for n in (interval.note, self.note) if n)
        scaled = interval.scaled(1 / scale)
        return Interval(scaled.low, scaled.high, level, "bootstrap", note)

    def to_state(self) -> dict[str, Any]:
        """Return what JSON can hold of it, exact to the last bit."""
        return {
            "key_column": self.key_column,
            "samples": pack_columns(
                ((rows, *sums) for rows, sums in zip(self.drawn, self.samples, strict=True)), 6
            ),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Replicates:
        """Return the replicates that `to_state` wrote."""
        drawn, *sums = zip(*unpack_columns(state["samples"], 6, MOST_REPLICATES + 1), strict=True)
        samples = tuple(Sample(*of) for of in zip(*sums, strict=True))
        for of in samples:
            sums_of((of.weight, of.weight_squared, of.nll_squared), "sums of a replicate")
        drawn = counts_of(drawn, "rows of a replicate")
        return cls(text_of(state["key_column"], "key_column"), samples, drawn)


class ReplicateTally:
    """Draws scored rows into the replicates."""

    def __init__(self, replicates: int, key_column: str | None) -> None:
        self._column = key_column or ""
        self._replicates = replicates
        self._drawn: ReplicateSums | None = None
        self._rows: list[ExactSums] = []
        self._count = 0
        self._weighted = False

    def add(
        self,
        keys: npt.NDArray[np.uint64],
        nll: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64] | None,
    ) -> None:
        """Add scored rows of finite loss, always with weights or always without."""
        t = np.minimum(nll if weight is None else weight * nll, LARGEST)
        w = None if weight is None else np.minimum(weight, LARGEST)
        # what rounding takes from a square is all that there is to see of nearly equal losses
        pairs = [(t, t)] if w is None else [(w, w), (w, t), (t, t)]
        squares, lost = zip(*(products(a, b) for a, b in pairs), strict=True)
        # to 2**-118, as `PowerSums` keeps products: digits below are not worth their bytes
        lost = tuple(np.rint(error * 2.0**118) * 2.0**-118 for error in lost)
        values = [t, *squares, *lost] if w is None else [w, t, *squares, *lost]
        if self._drawn is None:
            self._weighted = weight is not None
            self._drawn = ReplicateSums(self._replicates, len(values), seed=SEED)
            self._rows = [ExactSums() for _ in values]
        self._drawn.add(keys, values)
        for sums, value in zip(self._rows, values, strict=True):
            sums.add(value)
        self._count += len(keys)

    def state(self) -> Replicates:
        """Return the replicates so far."""
        if self._drawn is None:
            none = Sample(0, 0, 0, 0, 0)
            return Replicates(
                self._column, (none,) * (self._replicates + 1), (0,) * (self._replicates + 1)
            )
        drawn, sums = self._drawn.totals()
        drawn = [self._count, *drawn]
        columns = [[own.totals()[0], *of] for own, of in zip(self._rows, sums, strict=True)]
        count = 3 if self._weighted else 1  # products of two
        plain, squares, lost = columns[: -2 * count], columns[-2 * count : -count], columns[-count:]
        whole = [list(map(operator.add, *both)) for both in zip(squares, lost, strict=True)]
        columns = plain + whole
        if not self._weighted:
            t, tt = columns
            ones = [d * ONE for d in drawn]
            columns = [ones, t, ones, t, tt]
        samples = tuple(Sample(*row) for row in zip(*columns, strict=True))
        return Replicates(self._column, samples, tuple(drawn))
