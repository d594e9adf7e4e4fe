"""From the columns of a source and what the caller said: what will be scored, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xent.errors import SourceError, XentValueError
from xent.evaluation.reading.batches import Batch, Field
from xent.evaluation.reading.finding import find_predictions
from xent.evaluation.reading.names import column_named, expand, repeated, span
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.pairing import find_compared, find_predicted, read

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
    by: tuple[str, ...] = ()
    cluster: str | None = None
    id: str | None = None
    note: str = ""  # the plan in words

    @property
    def needed(self) -> list[str]:
        """Every column that is read."""
        one = (self.target, self.weight, self.size, self.cluster, self.id)
        several = (*self.columns, *self.outcomes, *self.by)
        return list(dict.fromkeys([*several, *(n for n in one if n)]))


class Beside(NamedTuple):
    """Columns beside truth and predictions."""

    weight: str | None
    size: str | None
    cluster: str | None
    id: str | None
    by: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        one = (self.weight, self.size, self.cluster, self.id)
        return [*(name for name in one if name is not None), *self.by]

    def named(self, note: str) -> str:
        """The note of a plan, with these columns."""
        said = {"weight": self.weight, "cluster": self.cluster, "id": self.id}
        said["by"] = ", ".join(self.by)
        return "; ".join([note, *(f"{what}: {name}" for what, name in said.items() if name)])


def make_plan(fields: Sequence[Field], head: Batch, options: Options) -> Plan:
    """Return what to score; `head` holds the first rows, for what names do not tell."""
    by_name = {field.name: field for field in fields}
    names = list(by_name)
    if len(by_name) < len(fields):
        twice = repeated(field.name for field in fields)
        raise SourceError(f"column names must be different, got {twice!r} twice", value=twice)

    def column(argument: str) -> str | None:
        name = getattr(options, argument)
        return column_named(argument, name, names) if name else None

    beside = Beside(
        weight=column("weight"),
        size=column("bytes"),
        cluster=column("cluster"),
        id=column("id"),
        by=tuple(expand("by", options.by, names)) if options.by else (),
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
        note=beside.named(note),
        **beside._asdict(),
    )


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
        note=beside.named(note),
        **beside._asdict(),
    )
