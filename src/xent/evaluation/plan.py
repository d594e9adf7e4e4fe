"""From the columns of a source and what the caller said: what will be scored, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xent.errors import SourceError, XentValueError
from xent.evaluation import batches
from xent.evaluation.batches import Batch, Field
from xent.evaluation.finding import find_predictions, find_truth
from xent.evaluation.names import (
    class_names,
    column_named,
    expand,
    match_suffixes,
    repeated,
    span,
)
from xent.evaluation.options import Options
from xent.kernels.cpu.log_loss import MISSING

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """What is scored: the names of columns, and how they are read."""

    kind: str  # "classes", "labels" or "log_probs"
    prediction: str  # as the kernel calls it
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    width: int = 0  # of a list column; 0: one column a class
    target: str | None = None
    outcomes: tuple[str, ...] = ()  # label columns, in the order of the classes
    weight: str | None = None
    size: str | None = None
    note: str = ""  # the plan in words

    @property
    def needed(self) -> list[str]:
        """Every column that is read."""
        one = (self.target, self.weight, self.size)
        return list(dict.fromkeys([*self.columns, *self.outcomes, *(n for n in one if n)]))


class Beside(NamedTuple):
    """Columns beside truth and predictions."""

    weight: str | None
    size: str | None

    @property
    def columns(self) -> list[str]:
        return [name for name in self if name is not None]


def make_plan(fields: Sequence[Field], head: Batch, options: Options) -> Plan:
    """Return what to score; `head` holds the first rows, for what names do not tell."""
    by_name = {field.name: field for field in fields}
    names = list(by_name)
    if len(by_name) < len(fields):
        twice = repeated(field.name for field in fields)
        raise SourceError(f"column names must be different, got {twice!r} twice", value=twice)
    beside = Beside(
        weight=column_named("weight", options.weight, names) if options.weight else None,
        size=column_named("bytes", options.bytes, names) if options.bytes else None,
    )
    said = options.predictions
    if said is not None:
        given, columns = said[0], expand(said[0], said[1], names)
    else:
        taken = [*beside.columns, *([options.target] if options.target else [])]
        if options.labels is not None:
            taken += expand("labels", options.labels, names)
        rest = [f for f in fields if f.name not in taken]
        given, columns = find_predictions(rest, names, head)
    if given == "log_probs":
        return _log_probs(columns, by_name, options, beside)
    if beside.size:
        raise XentValueError(
            "bytes is for log-probabilities of text (log_probs); probabilities of classes "
            "have no bytes"
        )
    return _classes_or_labels(given, columns, by_name, head, options, beside)


def _log_probs(
    columns: list[str], by_name: dict[str, Field], options: Options, beside: Beside
) -> Plan:
    if len(columns) > 1 or by_name[columns[0]].kind == "list":
        raise XentValueError(
            "log_probs must be one column, the log-probability of what happened, got "
            f"{span(columns)}; for a log-probability a class, use probs with exp() in --sql",
            value=columns,
        )
    note = f"log-probabilities of what happened from {columns[0]}"
    if beside.size:
        note += f"; bytes from {beside.size}"
    return Plan(
        "log_probs",
        "log_probs",
        tuple(columns),
        note=_weighted(note, beside),
        weight=beside.weight,
        size=beside.size,
    )


def _weighted(note: str, beside: Beside) -> str:
    return f"{note}; weight: {beside.weight}" if beside.weight else note


def _classes_or_labels(
    given: str,
    columns: list[str],
    by_name: dict[str, Field],
    head: Batch,
    options: Options,
    beside: Beside,
) -> Plan:
    names = list(by_name)
    first = by_name[columns[0]]
    width = 0
    if first.kind == "list":
        if len(columns) > 1:
            raise XentValueError(
                f"{given} must be one list column or one column a class, got {span(columns)}"
            )
        width = first.width or _width(columns[0], head)
    count = width or len(columns)
    used = {*columns, *beside.columns}
    rest = [by_name[n] for n in names if n not in used]

    target = column_named("target", options.target, names) if options.target else None
    outcomes: list[str] = []
    if options.labels is not None:
        outcomes = expand("labels", options.labels, names)
    elif target is None:
        target, outcomes = find_truth(rest, columns, count, options.task)

    task = options.task or ("class" if not outcomes else _task(columns, outcomes, width, head))
    if task == "multi" and not outcomes:
        raise XentValueError(
            f"task 'multi' needs one column of 0 and 1 for each label, got target {target!r}; "
            "name the columns with labels"
        )
    if outcomes:
        outcomes = _pair(outcomes, columns, width)
    said_classes = [str(c) for c in options.classes] if options.classes is not None else None
    what = "logits" if given == "logits" else "probabilities"
    if count == 1 and not outcomes:
        if said_classes is not None and len(said_classes) != 2:
            raise XentValueError(
                f"one column of {what} is about two classes, got {len(said_classes)} classes",
                value=said_classes,
            )
        classes = said_classes or ["0", "1"]
        note = f"target: {target}; {what} of class {classes[1]} from {columns[0]}"
        prediction = "binary_logit" if given == "logits" else "binary_prob"
    else:
        inferred = [str(j) for j in range(width)] if width else class_names(columns)
        classes = said_classes or inferred
        if len(classes) != count:
            raise XentValueError(
                f"classes must name the {count} columns {span(columns)} in order, got "
                f"{len(classes)} names",
                value=list(classes),
            )
        _distinct(classes, columns)
        kind = "label" if task == "multi" else "class"
        where = f"{columns[0]} (a list)" if width else span(columns)
        truth = f"labels: {span(outcomes)}" if outcomes else f"target: {target}"
        if target and by_name[target].kind != "text" and not all(map(_is_whole, classes)):
            truth += " (positions of the classes)"
        if outcomes and task == "class":
            truth = f"target: the one 1 among {span(outcomes)}"
        plural = "label" if kind == "label" else "class" if count == 1 else "classes"
        plural += "s" if kind == "label" and count != 1 else ""
        note = f"{truth}; {count} {plural} from {where} ({what})"
        prediction = f"{kind}_logits" if given == "logits" else f"{kind}_probs"
    return Plan(
        kind="labels" if task == "multi" else "classes",
        prediction=prediction,
        columns=tuple(columns),
        classes=tuple(classes),
        width=width,
        target=None if outcomes else target,
        outcomes=tuple(outcomes),
        note=_weighted(note, beside),
        weight=beside.weight,
        size=beside.size,
    )


def _is_whole(name: str) -> bool:
    return name.removeprefix("-").isdigit()


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
