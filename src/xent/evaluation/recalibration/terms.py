"""What many classes lose for want of biases: the terms that sums cannot tell and rows can."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xent.evaluation.duck import DuckSource
from xent.evaluation.options import Options, least_probability
from xent.evaluation.plan import Plan
from xent.evaluation.recalibration.fit import Fit
from xent.evaluation.recalibration.fits import fit_shift, fit_vector
from xent.evaluation.recalibration.rows import RowSet, load_rows
from xent.evaluation.sources import Source
from xent.evaluation.summary import Summary
from xent.evaluation.tables import ArraySource

__all__ = ["MOST_SCORES", "RowTerms", "row_terms"]

# rows times classes: what they cost is then felt by nobody who waited for the rows themselves
MOST_SCORES = 1 << 20
# rows times the square of the classes, of a Hessian
MOST_PRODUCTS = 1 << 27


@dataclass(frozen=True)
class RowTerms:
    """Vector scaling and prior shift fitted to the rows, or None and why not."""

    vector: Fit | None
    shift: Fit | None
    note: str = ""


def row_terms(
    source: Source, plan: Plan, options: Options, summary: Summary, most: int = MOST_SCORES
) -> RowTerms:
    """Return the terms, where the rows can be looked at again and are few enough.

    `summary` is of the same rows: it tells how many there are before they are read. At most
    `most` probabilities, rows times classes, are looked at.
    """
    if plan.kind != "classes":
        return RowTerms(None, None, "they are about one class of many")
    if not isinstance(source, (ArraySource, DuckSource)):
        return RowTerms(None, None, f"they need the rows again, and {source.name} is read once")
    classes = len(plan.classes)
    size = summary.num_rows * classes
    if size > most or size * classes > MOST_PRODUCTS:
        count = f"{summary.num_rows:,} rows of {classes:,} classes"
        return RowTerms(None, None, f"they need the rows again, and {count} are many")
    if summary.num_rows == summary.num_impossible:
        return RowTerms(None, None, "every row was impossible")
    rows = load_rows(source, plan, options, most_scores=max(most, 1))
    return terms_of(rows, least_probability(options.zero))


def terms_of(rows: RowSet, clip: float = 0.0) -> RowTerms:
    """Return the terms of rows in memory."""
    scores = rows.scores
    if clip:
        top = scores.max(axis=1, keepdims=True)
        lse = top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
        scores = np.maximum(scores - lse, np.log(clip))
    return RowTerms(
        fit_vector(scores, rows.truth, rows.weight), fit_shift(scores, rows.truth, rows.weight)
    )
