"""What many classes lose for want of biases: the terms that sums cannot tell and rows can."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xent.evaluation.reading.duck import DuckSource
from xent.evaluation.reading.options import Options, least_probability
from xent.evaluation.reading.parquet import ParquetSource
from xent.evaluation.reading.parts import PartsSource
from xent.evaluation.reading.plan import Plan
from xent.evaluation.reading.source import Source
from xent.evaluation.reading.tables import ArraySource
from xent.evaluation.recalibration.fit import Fit
from xent.evaluation.recalibration.fits import MOST_CLASSES, shift_of, vector_of
from xent.evaluation.recalibration.prepared import prepare
from xent.evaluation.recalibration.rows import RowSet, load_rows
from xent.evaluation.summary.summary import Summary

__all__ = ["MOST_SCORES", "RowTerms", "row_terms"]

# rows times classes: what they cost is then felt by nobody who waited for the rows themselves
MOST_SCORES = 1 << 20
# rows times the square of the classes, of a Hessian
MOST_PRODUCTS = 1 << 27


@dataclass(frozen=True)
class RowTerms:
    """Vector scaling and prior shift fitted to the rows, or None and why not."""

    vector: Fit | None = None
    shift: Fit | None = None
    note: str = ""

    @property
    def fits(self) -> list[Fit]:
        """What there is."""
        return [fit for fit in (self.vector, self.shift) if fit is not None]

    def to_state(self) -> dict[str, Any]:
        """Return plain values, for a state file."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RowTerms:
        """Return the terms that `to_state` gave."""
        vector, shift = (
            state[name] and Fit.from_state(state[name]) for name in ("vector", "shift")
        )
        return cls(vector, shift, state["note"])


def row_terms(
    source: Source, plan: Plan, options: Options, summary: Summary, most: int | None = None
) -> RowTerms:
    """Return the terms, where the rows can be looked at again and are few enough.

    `summary` is of the same rows: it tells how many there are before they are read. At most
    `most` probabilities, rows times classes, are looked at (MOST_SCORES).
    """
    most = MOST_SCORES if most is None else most
    classes = len(plan.classes)
    if plan.kind != "classes" or classes <= 2 or not options.calibration:
        return RowTerms()  # the sums tell all that there is
    if not isinstance(source, (ArraySource, DuckSource, ParquetSource, PartsSource)):
        return RowTerms(note=f"they need the rows again, and {source.name} is read once")
    true = sum(1 for c in summary.by_class if c.weight and c.num_true > c.num_impossible)
    if true < 2 or summary.sum_impossible == summary.sum_weight:
        return RowTerms(note="they need two classes at least that are true and possible")
    size = summary.num_rows * classes
    if size > most or size * classes > MOST_PRODUCTS or classes > MOST_CLASSES:
        count = f"{summary.num_rows:,} rows of {classes:,} classes"
        return RowTerms(note=f"they need the rows again, and {count} are too many")
    rows = load_rows(source, plan, options, most_scores=max(most, 1))
    return terms_of(rows, least_probability(options.zero))


def terms_of(rows: RowSet, clip: float = 0.0) -> RowTerms:
    """Return the terms of rows in memory."""
    scores = rows.scores
    if clip:
        top = scores.max(axis=1, keepdims=True)
        lse = top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
        scores = np.maximum(scores - lse, np.log(clip))
    prepared = prepare(scores, rows.truth, rows.weight)
    return RowTerms(vector_of(prepared), shift_of(prepared))
