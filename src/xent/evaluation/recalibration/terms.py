"""What many classes lose for want of biases: the terms that sums cannot tell and rows can."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from xent.evaluation.plain import number_of, text_of, whole_of
from xent.evaluation.reading.options import Options, least_probability
from xent.evaluation.reading.plan import Plan
from xent.evaluation.recalibration.fit import LARGE, Fit
from xent.evaluation.recalibration.fits import MOST_CLASSES, shift_of, vector_of
from xent.evaluation.recalibration.newton import Vector
from xent.evaluation.recalibration.objective import Matrix
from xent.evaluation.recalibration.prepared import Rows, in_proportion, log_softmax, prepare
from xent.evaluation.recalibration.rows import scores_of
from xent.evaluation.sample import RowSample
from xent.evaluation.summary.summary import Summary

__all__ = ["RowTerms", "Sampled", "row_terms"]


@dataclass(frozen=True)
class Sampled:
    """What the terms need to know of a sample that they were fitted to, in nats.

    Parameters
    ----------
    num_rows : int
        Rows of the sample; equal ones are all counted.
    frequency_log_loss : float
        Entropy of its class frequencies.
    remainder : float
        How much more its rows lose than the fit began with: what a clip costs, and what sums of
        probabilities that are not quite 1 do.
    """

    num_rows: int
    frequency_log_loss: float
    remainder: float = 0.0


_SAMPLED = ("frequency_log_loss", "remainder")


@dataclass(frozen=True)
class RowTerms:
    """Vector scaling and prior shift fitted to the rows, or None and why not.

    `sampled` is None where the fits are of all rows.
    """

    vector: Fit | None = None
    shift: Fit | None = None
    note: str = ""
    sampled: Sampled | None = None

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
            None if state[name] is None else Fit.from_state(state[name])
            for name in ("vector", "shift")
        )
        sampled = state.get("sampled")
        if sampled is not None:
            sampled = Sampled(
                whole_of(sampled["num_rows"], "num_rows"),
                **{n: number_of(sampled[n], n, -LARGE, LARGE) for n in _SAMPLED},
            )
        return cls(vector, shift, text_of(state["note"], "note"), sampled)


def row_terms(sample: RowSample | None, plan: Plan, options: Options, summary: Summary) -> RowTerms:
    """Return the terms of the rows of a summary, fitted to all of them or to a sample."""
    classes = len(plan.classes)
    if plan.kind != "classes" or classes <= 2 or not options.calibration or sample is None:
        return RowTerms()  # the sums tell all that there is
    true = sum(1 for c in summary.by_class if c.weight and c.num_true > c.num_impossible)
    if true < 2 or summary.sum_impossible == summary.sum_weight:
        return RowTerms(note="they need two classes at least that are true and possible")
    if not len(sample) or classes > MOST_CLASSES:
        count = f"{summary.num_rows:,} rows of {classes:,} classes"
        return RowTerms(note=f"they need the rows again, and {count} are too many")
    if not sample.is_even:
        return RowTerms(
            note="they need the rows again, and these repeat too unevenly to be sampled"
        )
    scores = scores_of(plan, [sample.values])
    clip = least_probability(options.zero)
    if clip:
        scores = np.maximum(log_softmax(scores), np.log(clip))
    # weights of 1e300 have no sum
    weight = in_proportion(sample.weight) * sample.counts
    rows = prepare(scores, sample.target, weight)
    if sample.is_whole:
        effective = float(weight.sum() ** 2 / (weight**2 / sample.counts).sum())
        rows = replace(rows, effective=effective)
    vector, shift = (
        replace(fit, num_impossible=summary.num_impossible)
        for fit in (vector_of(rows), shift_of(rows))
    )
    if sample.is_whole:
        return RowTerms(vector, shift)
    sampled = Sampled(
        int(sample.counts.sum()),
        _entropy(rows, classes),
        float(np.average(_losses(plan, scores, sample), weights=weight)) - rows.loss,
    )
    return RowTerms(vector, shift, sampled=sampled)


def _losses(plan: Plan, scores: Matrix, sample: RowSample) -> Vector:
    """The losses of rows as they are scored: probabilities are not divided by their sum."""
    if plan.prediction.endswith("logits"):
        scores = log_softmax(scores)
    losses: Vector = -scores[np.arange(len(sample)), sample.target]
    return losses


def _entropy(rows: Rows, classes: int) -> float:
    shares = np.bincount(rows.target, rows.weight, classes)
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log(shares)).sum())
