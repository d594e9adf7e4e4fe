"""What is compared: models, the sources of their predictions, and that they belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError, XentValueError
from xent.evaluation.comparison.asked import Asked
from xent.evaluation.comparison.rows import RowScorer
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.finding import TARGETS
from xent.evaluation.reading.names import column_named, expand
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan, make_plan
from xent.evaluation.reading.source import Source

__all__ = ["Model", "distinct_names", "plan_models"]

HEAD_ROWS = 1024
SHOWN = 5


@dataclass
class Model:
    """One of the models: where its predictions are, and how they are read."""

    name: str
    source: int  # which of the sources
    plan: Plan
    scorer: RowScorer


def plan_models(
    sources: Sequence[Source],
    names: Sequence[str],
    said: Sequence[tuple[int, Options]],
    asked: Asked,
) -> list[Model]:
    """Return the models of these sources and options, their classes matched by name."""
    taken = {name for name in (asked.key, *asked.by, asked.cluster) if name is not None}
    heads = [source.head(HEAD_ROWS) for source in sources]
    for source, head in zip(sources, heads, strict=True):
        if not num_rows(head):
            raise SourceError(f"{source.name} must have rows, got none", code="D02")
    plans = [_plan(sources[at], heads[at], options, taken) for at, options in said]
    models = []
    for name, (at, options), plan in zip(names, said, plans, strict=True):
        named = None not in (said[0][1].predictions, options.predictions)
        order = _order(names[0], plans[0], name, plan, named=named)
        models.append(Model(name, at, plan, RowScorer(plan, options, order)))
    return models


def _plan(source: Source, head: Batch, options: Options, taken: set[str]) -> Plan:
    """Return what to score; what is `taken` for something else is no truth unless named so."""
    fields = source.fields
    try:
        if options.target is None and options.labels is None:
            said = options.predictions
            named = expand(*said, [f.name for f in fields]) if said else []
            other = {n for n in taken if n not in named and n.lower() not in TARGETS}
            fields = [f for f in fields if f.name not in other]
        plan = make_plan(fields, head, options)
    except (XentValueError, SourceError) as error:
        # which of the files is meant
        raise type(error)(f"{source.name}: {error}", index=error.index, value=error.value) from None
    names = [f.name for f in source.fields]
    if plan.kind == "log_probs" and options.target is not None:
        column_named("target", options.target, names)
    if options.predicted is not None:
        if plan.kind != "log_probs":
            raise XentValueError(
                f"predicted must come with log_probs, got it with {_what(plan)} in {source.name}, "
                "whose predictions say which is likeliest; leave it out",
                value=options.predicted,
            )
        column_named("predicted", options.predicted, names)
    return plan


def _order(first_name: str, first: Plan, name: str, plan: Plan, *, named: bool) -> npt.NDArray[Any]:
    """Return the number of each class of `plan` among the classes of the first.

    `named` says whether the columns of both were named, or inferred.
    """
    if plan.kind != first.kind:
        raise XentValueError(
            f"models must predict the same, got {_what(first)} from {first_name} and "
            f"{_what(plan)} from {name}"
        )
    if plan.classes == first.classes:
        return np.arange(len(plan.classes))
    if set(plan.classes) != set(first.classes):
        alone = [c for c in first.classes if c not in plan.classes]
        others = [c for c in plan.classes if c not in first.classes]
        both = [
            f"{', '.join(cs[:SHOWN])}{' ...' if len(cs) > SHOWN else ''} only in {n}"
            for n, cs in ((first_name, alone), (name, others))
            if cs
        ]
        hint = ""
        if len(plan.classes) == len(first.classes):
            hint = "; if their columns are in the same order, name the classes with classes"
        if not named:
            hint += f"{', or' if hint else ';'} say which columns are predictions with probs"
        raise XentValueError(
            f"models must predict the same classes, got {'; '.join(both).replace(';', ',')}{hint}"
        )
    place = {c: j for j, c in enumerate(first.classes)}
    return np.array([place[c] for c in plan.classes])


def _what(plan: Plan) -> str:
    return {
        "classes": f"one of {len(plan.classes)} classes",
        "labels": f"{len(plan.classes)} labels",
        "log_probs": "log-probabilities of what happened",
    }[plan.kind]


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return names as short as they may be: without the folders that all share.

    >>> distinct_names(["out/a.csv", "out/b.csv"]), distinct_names(["m", "m"])
    (['a.csv', 'b.csv'], ['m (1)', 'm (2)'])
    """
    parts = [n.split("/") for n in names]
    while len(parts) > 1 and all(len(p) > 1 for p in parts) and len({p[0] for p in parts}) == 1:
        parts = [p[1:] for p in parts]
    short = ["/".join(p) for p in parts]
    if len(set(short)) == len(short):
        return short
    return [f"{n} ({i + 1})" if short.count(n) > 1 else n for i, n in enumerate(short)]
