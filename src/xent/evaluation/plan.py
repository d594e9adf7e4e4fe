"""From the columns of a source and what the caller said: what will be scored, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xent.errors import SourceError, XentValueError
from xent.evaluation.batches import Batch, Field
from xent.evaluation.finding import find_predictions
from xent.evaluation.names import column_named, expand, repeated, span
from xent.evaluation.options import Options
from xent.evaluation.pairing import find_compared, find_predicted, read

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
    predictions = find_predicted(given, columns, by_name, head)
    truth = find_compared(predictions, by_name, head, options, beside.columns)
    prediction, classes, note = read(predictions, truth, by_name, options)
    return Plan(
        kind="labels" if truth.task == "multi" else "classes",
        prediction=prediction,
        columns=tuple(columns),
        classes=tuple(classes),
        width=predictions.width,
        target=None if truth.outcomes else truth.target,
        outcomes=tuple(truth.outcomes),
        note=_weighted(note, beside),
        weight=beside.weight,
        size=beside.size,
    )
