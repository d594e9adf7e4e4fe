"""Predictions, the truth that they are compared with, and how the two are read together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xent.errors import SourceError, XentValueError
from xent.evaluation.reading import batches
from xent.evaluation.reading.batches import Batch, Field
from xent.evaluation.reading.finding import TARGETS, find_truth
from xent.evaluation.reading.names import (
    class_names,
    class_values,
    column_named,
    expand,
    match_suffixes,
    repeated,
    span,
)
from xent.evaluation.reading.options import Options
from xent.kernels.cpu.log_loss import MISSING

__all__ = ["Predictions", "Reading", "Truth", "find_compared", "find_predicted", "read"]


class Predictions(NamedTuple):
    """The columns of predictions, before it is known what they are compared with."""

    given: str  # "probs" or "logits"
    columns: list[str]
    width: int  # of a list column; 0: one column a class

    @property
    def of_a_row(self) -> int:
        """How many there are in a row."""
        return self.width or len(self.columns)

    @property
    def what(self) -> str:
        return "logits" if self.given == "logits" else "probabilities"


class Truth(NamedTuple):
    """What predictions are compared with: one column of classes, or one for each label."""

    target: str | None
    outcomes: list[str]
    task: str  # "class" or "multi"


class Reading(NamedTuple):
    """How predictions are read: as the kernel calls them, of which classes, and in words."""

    prediction: str
    classes: list[str]
    note: str


def find_predicted(
    given: str, columns: list[str], by_name: dict[str, Field], head: Batch
) -> Predictions:
    """Return the predictions in these columns, one of lists or several of numbers."""
    first = by_name[columns[0]]
    width = 0
    if first.kind == "list":
        if len(columns) > 1:
            raise XentValueError(
                f"{given} must be one list column or one column a class, got {span(columns)}"
            )
        width = first.width or _width(columns[0], head)
    return Predictions(given, columns, width)


def find_compared(
    predictions: Predictions,
    by_name: dict[str, Field],
    head: Batch,
    options: Options,
    beside: list[str],  # columns that are neither
) -> Truth:
    """Return what the caller named as the truth, or what looks like it."""
    names, columns = list(by_name), predictions.columns
    target = column_named("target", options.target, names) if options.target else None
    outcomes: list[str] = []
    if options.labels is not None:
        outcomes = expand("labels", options.labels, names)
    elif target is None:
        used = {*columns, *beside}
        rest = [by_name[n] for n in names if n not in used]
        target, outcomes = find_truth(rest, columns, predictions.of_a_row, options.task)
        _sure_of(target, expand("by", options.by, names) if options.by else [])
    task = options.task
    if task is None:
        task = _task(columns, outcomes, predictions.width, head) if outcomes else "class"
    if task == "multi" and not outcomes:
        raise XentValueError(
            f"task 'multi' needs one column of 0 and 1 for each label, got target {target!r}; "
            "name the columns with labels"
        )
    if outcomes:
        outcomes = _pair(outcomes, columns, predictions.width)
    return Truth(target, outcomes, task)


def _sure_of(target: str | None, by: list[str]) -> None:
    """Raise where the slices are of a column that is the truth by its name, more than this one."""
    likelier = [name for name in by if name.lower() in TARGETS]
    if target is not None and target.lower() not in TARGETS and likelier:
        raise SourceError(
            f"the column of the true class must be named where slices are by {likelier[0]!r}, "
            f"got it or {target!r} to choose from; say target={likelier[0]!r} or target={target!r}",
            value=target,
        )


def read(
    predictions: Predictions, truth: Truth, by_name: dict[str, Field], options: Options
) -> Reading:
    """Return how predictions are read beside this truth."""
    if predictions.of_a_row == 1 and not truth.outcomes:
        return _two_classes(predictions, truth, options)
    return _one_column_each(predictions, truth, by_name, options)


def _two_classes(predictions: Predictions, truth: Truth, options: Options) -> Reading:
    """One column, of the second class of two."""
    said = _said_classes(options)
    if said is not None and len(said) != 2:
        raise XentValueError(
            f"one column of {predictions.what} is about two classes, got {len(said)} classes",
            value=said,
        )
    classes = said or ["0", "1"]
    note = (
        f"target: {truth.target}; {predictions.what} of class {classes[1]} from "
        f"{predictions.columns[0]}"
    )
    prediction = "binary_logit" if predictions.given == "logits" else "binary_prob"
    return Reading(prediction, classes, note)


def _one_column_each(
    predictions: Predictions, truth: Truth, by_name: dict[str, Field], options: Options
) -> Reading:
    """One column, or one entry of a list, for each class or label."""
    _, columns, width = predictions
    inferred = [str(j) for j in range(width)] if width else class_names(columns)
    classes = _said_classes(options) or inferred
    if len(classes) != predictions.of_a_row:
        raise XentValueError(
            f"classes must name the {predictions.of_a_row} columns {span(columns)} in order, got "
            f"{len(classes)} names",
            value=list(classes),
        )
    _distinct(classes, columns)
    kind = "label" if truth.task == "multi" else "class"
    what = f"a list of {predictions.what}" if width else predictions.what
    counted = _counted(predictions.of_a_row, kind)
    compared = _truth_in_words(truth, classes, by_name)
    note = f"{compared}; {counted} from {span(columns)} ({what})"
    prediction = f"{kind}_logits" if predictions.given == "logits" else f"{kind}_probs"
    return Reading(prediction, classes, note)


def _said_classes(options: Options) -> list[str] | None:
    return None if options.classes is None else [str(c) for c in options.classes]


def _truth_in_words(truth: Truth, classes: list[str], by_name: dict[str, Field]) -> str:
    if truth.outcomes and truth.task == "class":
        return f"target: the one 1 among {span(truth.outcomes)}"
    words = f"labels: {span(truth.outcomes)}" if truth.outcomes else f"target: {truth.target}"
    target = truth.target
    if target and by_name[target].kind not in ("text", "other") and class_values(classes) is None:
        words += " (positions of the classes)"
    return words


def _counted(count: int, kind: str) -> str:
    plural = {"label": "labels", "class": "classes"}[kind]
    return f"{count} {kind if count == 1 else plural}"


def _width(column: str, head: Batch) -> int:
    lengths = [len(v) for v in head[column].to_pylist() if v is not None]
    return lengths[0] if lengths else 1


def _distinct(classes: Sequence[str], columns: Sequence[str]) -> None:
    twice = repeated(classes)
    if twice is not None:
        raise XentValueError(
            f"classes must be different, got {twice!r} twice among the columns {span(columns)}; "
            "name them with classes",
            value=twice,
        )


def _task(columns: list[str], outcomes: list[str], width: int, head: Batch) -> str:
    """One class of many where predictions and outcomes of each of the first rows sum to one."""
    if (width or len(columns)) == 1:
        return "multi"
    if width:
        probs = batches.matrix(columns[0], head[columns[0]], 0, width).astype(np.float64)
    else:
        probs = np.stack([batches.floats(n, head[n], 0) for n in columns], axis=1, dtype=np.float64)
    truth = np.stack([batches.integers(n, head[n], 0) for n in outcomes], axis=1)
    # rows with missing values tell nothing
    told = ~np.isnan(probs).any(axis=1) & (truth != MISSING).all(axis=1)
    one = (truth.sum(axis=1) == 1) & (np.abs(probs.sum(axis=1) - 1) < 1e-3)
    return "class" if told.any() and one[told].all() else "multi"


def _pair(outcomes: list[str], columns: list[str], width: int) -> list[str]:
    count = width or len(columns)
    if len(outcomes) != count:
        raise XentValueError(
            f"labels must be one column for each of the {count} predictions, got "
            f"{len(outcomes)}: {span(outcomes)}",
            value=outcomes,
        )
    if width or count == 1:
        return outcomes
    # by name where the names agree, else in the order given
    return match_suffixes(outcomes, columns) or outcomes
