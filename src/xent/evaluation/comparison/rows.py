"""The losses of single rows under one model, and what else a pair of rows is compared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.reading import batches
from xent.evaluation.reading.batches import Batch
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan
from xent.evaluation.scoring import Scorer

__all__ = ["RowScorer", "Rows"]

Array = npt.NDArray[Any]


@dataclass
class Rows:
    """Rows of one model; classes are numbered as those of the first model."""

    nll: Array  # (rows), nats: inf where impossible, nan where not scored
    # (rows) positions of classes, (rows, labels) of 0 and 1, or what a log-probability is of
    truth: Array | None = None
    predicted: Array | None = None  # the same of the likeliest outcome
    given: str = "probs"  # what `predictions` are, or "logits"
    predictions: Array | None = None  # (rows, classes); None for log-probabilities
    label_nll: Array | None = None  # (rows, labels)

    def where(self, kept: Array) -> Rows:
        """Return the rows of a mask."""

        def part(values: Array | None) -> Array | None:
            return None if values is None else values[kept]

        return Rows(
            self.nll[kept],
            part(self.truth),
            part(self.predicted),
            self.given,
            part(self.predictions),
            part(self.label_nll),
        )

    @property
    def right(self) -> Array | None:
        """Which rows' likeliest outcome was the truth; for labels, every label of the row."""
        if self.truth is None or self.predicted is None:
            return None
        same: Array = np.asarray(self.truth == self.predicted)
        return np.asarray(same.all(axis=1)) if same.ndim == 2 else same


class RowScorer(Scorer):
    """Scores batches as `evaluate` does, and keeps each row's loss."""

    def __init__(self, plan: Plan, options: Options, order: Array) -> None:
        """`order` is the number of each of the plan's classes among the first model's."""
        super().__init__(plan, options)
        self._order = order
        self._places = np.argsort(order)  # of the first model's classes in this plan
        self._reordered = bool(np.any(order != np.arange(len(order))))

    def rows(self, batch: Batch, first_row: int) -> Rows:
        """Score a batch; faults raise as they do in `evaluate`."""
        plan = self.plan
        columns, beside, nll, predicted = self.add(batch, first_row)
        nll = nll.copy()  # the next batch is scored in the same memory
        if plan.kind == "log_probs":
            options = self._options
            happened = self._tokens(options.target, batch, first_row)
            return Rows(nll, happened, self._tokens(options.predicted, batch, first_row))
        matrix = self._matrix(columns)
        given = "logits" if plan.prediction.endswith(("logit", "logits")) else "probs"
        if plan.kind == "labels":
            return self._labels(nll, np.stack(beside["labels"], axis=1), matrix, given)
        target = beside["target"]
        truth = np.where(target >= 0, self._order[np.maximum(target, 0)], target)
        return Rows(nll, truth, self._order[np.maximum(predicted, 0)], given, matrix)

    @property
    def needed(self) -> list[str]:
        """Every column that is read."""
        beside = (self._options.target, self._options.predicted)
        return [*self.plan.needed, *(name for name in beside if name is not None)]

    def _tokens(self, name: str | None, batch: Batch, first_row: int) -> Array | None:
        """What happened or was likeliest, such as the token: not scored, but compared."""
        if name is None:
            return None
        column = batch[name]
        if batches.field_of(name, column).kind == "int":
            return batches.integers(name, column, first_row)
        values = column.to_pylist() if batches.is_arrow(column) else column.tolist()
        return np.array([str(v) for v in values], dtype=object)

    def _labels(self, nll: Array, truth: Array, matrix: Array, given: str) -> Rows:
        truth = truth[:, self._places]
        values, true = matrix.astype(np.float64), truth == 1
        with np.errstate(divide="ignore", invalid="ignore"):
            if given == "logits":
                of_label = np.logaddexp(0.0, np.where(true, -values, values))
            else:
                of_label = -np.where(true, np.log(values), np.log1p(-values))
        of_label = np.maximum(of_label, 0.0)
        if self._clip:
            of_label = np.minimum(of_label, -np.log(self._clip))
        predicted = values > (0.0 if given == "logits" else 0.5)
        return Rows(nll, truth, predicted, given, matrix, of_label)

    def _matrix(self, columns: list[Array]) -> Array:
        """Return predictions as (rows, classes), in the order of the first model's classes."""
        if len(columns) == 1 and self.plan.prediction.startswith("binary"):
            p = columns[0].astype(np.float64)
            other = np.zeros_like(p) if self.plan.prediction == "binary_logit" else 1 - p
            pair = [other, p]
            return np.stack([pair[j] for j in self._places], axis=1)
        if columns[0].ndim == 2:
            return columns[0][:, self._places] if self._reordered else columns[0]
        return np.stack([columns[j] for j in self._places], axis=1)
