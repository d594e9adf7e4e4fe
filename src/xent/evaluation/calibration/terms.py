"""The parts of a log loss, and what is known about each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["POSSIBLE", "Decomposition", "Term"]

# of the largest term: what is less moves none of the digits that are shown
UNSEEN = 1e-6

POSSIBLE = "possible rows"  # the name of a decomposition that leaves the impossible ones out


@dataclass(frozen=True)
class Term:
    """One part of a log loss, in nats or in the unit of the evaluation.

    What is not known is None.

    Parameters
    ----------
    value : float
        As computed from these rows. These values add up to the log loss.
    corrected : float, optional
        Less the bias that a finite number of rows gives it. These add up too, as far as the
        uncertainty is corrected with them.
    null : float, optional
        What to expect of so many rows where there is nothing to find: of miscalibration,
        from a calibrated model; of resolution, from a model that knows nothing (of a
        temperature and a shift at most so much).
    p_value : float, optional
        Probability that such a model shows at least `value`.
    low, high : float, optional
        Interval of the corrected value over new rows, at the level that was asked for.
    """

    value: float
    corrected: float | None = None
    null: float | None = None
    p_value: float | None = None
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> Term:
        """Return the term in another unit."""

        def times(value: float | None) -> float | None:
            return None if value is None else value * factor

        return Term(
            self.value * factor,
            times(self.corrected),
            times(self.null),
            self.p_value,
            times(self.low),
            times(self.high),
        )


@dataclass(frozen=True)
class Decomposition:
    """log_loss = uncertainty - resolution + miscalibration + remainder, to rounding.

    Parameters
    ----------
    kind : {"isotonic", "temperature", "vector", "shift"}
        The recalibration that defines miscalibration: what it would gain on these rows.
    name : str
        Which outcome: a class, a label, "top label", or "all labels"; "possible rows" where the
        whole follows without its impossible rows.
    log_loss : float
        Infinite where a row was impossible.
    uncertainty : Term
        Entropy of the outcomes: the loss of always predicting their frequencies.
    resolution : Term
        What the recalibrated forecasts gain over the frequencies.
    miscalibration : Term
        What recalibration gains.
    remainder : float
        What the other terms leave out: infinite where impossible rows are, and where small
        probabilities were clipped what the clip adds, or takes.
    grid_cost : float
        Without the grid, resolution and miscalibration might both be larger, by at most this.
        0 where no grid is used; infinite where `is_least`.
    num_rows : float
        Rows behind it; of weighted rows their effective number (sum w)**2 / sum w**2.
    replicates : int
        How many draws the null values come from; 0 where they come from a formula.
    note : str
        What the reader must know.
    sampled : int
        Rows of the sample that miscalibration is found on, where they are not all: it is then
        resolution that makes the terms add up. 0 where no sample was taken.
    """

    kind: str
    name: str
    log_loss: float
    uncertainty: Term
    resolution: Term
    miscalibration: Term
    remainder: float = 0.0
    grid_cost: float = 0.0
    num_rows: float = 0.0
    replicates: int = 0
    note: str = ""
    sampled: int = 0

    @property
    def is_least(self) -> bool:
        """Whether loss and miscalibration are at least what they are said to be.

        Of forecasts within 2**-32 of 0 or 1 no more is known than that: one that was wrong cost
        22 nats, or any number above. Nothing is told of an end that has no bound.
        """
        return math.isinf(self.grid_cost) and math.isfinite(self.miscalibration.value)

    def scaled(self, factor: float) -> Decomposition:
        """Return the decomposition in another unit.

        Examples
        --------
        >>> d = Decomposition("isotonic", "rain", 0.5, Term(0.6), Term(0.3), Term(0.2))
        >>> bits = d.scaled(2.0)
        >>> bits.log_loss, bits.uncertainty.value
        (1.0, 1.2)
        """
        return replace(
            self,
            log_loss=self.log_loss * factor,
            uncertainty=self.uncertainty.scaled(factor),
            resolution=self.resolution.scaled(factor),
            miscalibration=self.miscalibration.scaled(factor),
            remainder=self.remainder * factor,
            grid_cost=self.grid_cost * factor,
        )

    @property
    def shows_remainder(self) -> bool:
        """Whether the other terms alone are seen not to add up: false of rounding.

        >>> terms = Term(6e-5), Term(0.0), Term(7e-6)
        >>> [
        ...     Decomposition("isotonic", "rain", 6.7e-5 + r, *terms, remainder=r).shows_remainder
        ...     for r in (1e-16, -4e-7)
        ... ]
        [False, True]
        """
        terms = self.uncertainty.value, self.resolution.value, self.miscalibration.value
        return abs(self.remainder) > UNSEEN * max(map(abs, terms))

    def to_dict(self) -> dict[str, Any]:
        """Return every number, for machines."""
        terms = ("uncertainty", "resolution", "miscalibration")
        return {**vars(self), **{name: dict(vars(getattr(self, name))) for name in terms}}
