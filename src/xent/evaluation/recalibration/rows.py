"""The rows of a source in memory, in an order of their own, for fits that look at them often."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.errors import XentValueError
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan
from xent.evaluation.reading.source import Source
from xent.evaluation.recalibration.newton import Vector
from xent.evaluation.recalibration.objective import Matrix
from xent.evaluation.scoring import Scorer
from xent.evaluation.summary.summary import Summary
from xent.kernels.cpu.log_loss import MISSING_LABEL
from xent.kernels.cpu.row_keys import content_keys

__all__ = ["RowBatch", "RowReader", "RowSet", "load_rows", "scores_of"]

Progress = Callable[[int, int | None], None]


class RowBatch(NamedTuple):
    """Rows of a batch as numbers; for labels `scores` are their log-odds."""

    scores: Matrix  # (rows, classes), log-probabilities or logits
    truth: npt.NDArray[np.int64]  # (rows,) positions, below 0 where none; or (rows, labels)
    weight: Vector
    scored: npt.NDArray[np.bool_]  # rows with a truth, and without missing values

    def where(self, kept: npt.NDArray[np.bool_]) -> RowBatch:
        """Return the rows of a mask."""
        return RowBatch(self.scores[kept], self.truth[kept], self.weight[kept], self.scored[kept])


class RowSet(NamedTuple):
    """The scored rows of a source, sorted by what they hold: no order or split is seen."""

    scores: Matrix
    truth: npt.NDArray[np.int64]
    weight: Vector
    keys: npt.NDArray[np.uint64]
    summary: Summary

    def where(self, kept: npt.NDArray[np.bool_]) -> RowSet:
        """Return the rows of a mask; the summary stays."""
        rows = self.scores[kept], self.truth[kept], self.weight[kept], self.keys[kept]
        return RowSet(*rows, summary=self.summary)

    @property
    def fingerprint(self) -> str:
        """The same text for the same rows, in whatever order they came."""
        return hashlib.sha256(self.keys.astype("<u8").tobytes()).hexdigest()[:16]


class RowReader(Scorer):
    """Scores batches as `evaluate` does, faults included, and returns their rows."""

    def __init__(self, plan: Plan, options: Options) -> None:
        # what looks at rows needs nothing else that `evaluate` keeps of them
        plan = replace(plan, by=(), cluster=None, id=None)
        only: dict[str, Any] = {"by": None, "cluster": None, "id": None, "interval": None}
        super().__init__(plan, replace(options, calibration=False, **only))

    def rows(self, batch: Batch, first_row: int) -> RowBatch:
        """Score a batch and return its rows."""
        plan = self.plan
        columns, beside, *_ = self.add(batch, first_row)
        scores = scores_of(plan, columns)
        if plan.kind == "labels":
            truth = np.stack(beside["labels"], axis=1).astype(np.int64)
            there = (truth != MISSING_LABEL).all(axis=1)
        else:
            truth = beside["target"]
            there = truth >= 0
        weight = beside.get("weight")
        weight = np.ones(len(scores)) if weight is None else weight
        scored = there & ~np.isnan(scores).any(axis=1) & ~np.isnan(weight)
        return RowBatch(scores, truth, weight, scored)


def scores_of(plan: Plan, columns: list[npt.NDArray[np.floating]]) -> Matrix:
    """Return predictions as log-probabilities or logits, of labels as log-odds."""
    if columns[0].ndim == 2:
        values = columns[0].astype(np.float64)
    else:
        values = np.stack(columns, axis=1, dtype=np.float64)
    if plan.prediction == "binary_logit":
        return np.concatenate([np.zeros_like(values), values], axis=1)
    if plan.prediction.endswith("logits"):
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: Matrix = np.log(values)
        if plan.prediction == "class_probs":
            return logs
        complement = np.log1p(-values)
        if plan.prediction == "binary_prob":
            return np.concatenate([complement, logs], axis=1)
        return logs - complement


def load_rows(
    source: Source,
    plan: Plan,
    options: Options,
    *,
    most_scores: int,
    progress: Progress | None = None,
) -> RowSet:
    """Return the rows of a source that are scored.

    Raises
    ------
    XentValueError
        Where there are more than `most_scores` probabilities (rows times classes), and for
        rows as `evaluate` refuses them.
    """
    reader = RowReader(plan, options)
    plan = reader.plan
    parts: list[RowBatch] = []
    held = seen = 0
    for batch in source.batches(plan.needed):
        rows = reader.rows(batch, seen)
        seen += num_rows(batch)
        held += rows.scores.size
        if held > most_scores:
            raise XentValueError(
                f"rows times classes must be at most {most_scores:,} to be fitted in memory, "
                f"got more: {seen:,} rows of {rows.scores.shape[1]} so far; take a sample with "
                'sql="FROM source USING SAMPLE 100000 ROWS (reservoir, 1)"',
                value=held,
            )
        parts.append(rows if rows.scored.all() else rows.where(rows.scored))
        if progress is not None:
            progress(seen, source.num_rows)
    summary = reader.summary()
    if not summary.num_rows:
        raise XentValueError(
            f"{source.name} must have rows to fit, got {summary.num_ignored} ignored and "
            f"{summary.num_missing} with missing values",
            code="D02",
        )
    scores = np.concatenate([p.scores for p in parts])
    truth = np.concatenate([p.truth for p in parts])
    weight = np.concatenate([p.weight for p in parts])
    parts.clear()
    keys = content_keys([scores, truth, weight])
    order = np.argsort(keys, kind="stable")
    return RowSet(scores[order], truth[order], weight[order], keys[order], summary)
