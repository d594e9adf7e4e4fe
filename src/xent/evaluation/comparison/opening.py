"""The sources of several models, opened: one for each of them, or one that holds them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.comparison.asked import Asked
from xent.evaluation.comparison.groups import of_first
from xent.evaluation.comparison.models import distinct_names
from xent.evaluation.reading.inputs import named_columns, plain_inputs
from xent.evaluation.reading.names import class_list
from xent.evaluation.reading.opening import gather, is_choice
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.source import Source
from xent.evaluation.reading.sources import PATH
from xent.evaluation.reading.tables import ArraySource

__all__ = ["names_of_models", "open_models", "slice_columns"]

# options that may differ from model to model
OF_A_MODEL = ("target", "probs", "logits", "log_probs", "predicted", "labels", "classes", "task")


def open_models(
    sources: Sequence[Any],
    each: Sequence[Mapping[str, Any]] | None,
    given: dict[str, Any],
    sql: str | None,
    opened: list[Source],
    common: dict[str, Any],
    asked: Asked,
    arrays: dict[str, Any],
) -> list[tuple[int, Options]]:
    """Open the sources into `opened`; return each model's source and options."""
    count = len(each) if each is not None else len(sources)
    if count < 2:
        raise XentValueError(
            f"compare needs two models or more, got {count}; models in the columns of one "
            "source: each=[{'probs': 'a_*'}, {'probs': 'b_*'}]"
        )
    if each is not None and len(sources) not in (1, count):
        raise XentValueError(
            f"each must have an entry for every source, got {count} for {len(sources)} sources"
        )
    found: list[tuple[int, Options]] = []
    for i in range(count):
        own = {**given, **_own(i, each)}
        if isinstance(own["classes"], str):
            own["classes"] = class_list(own["classes"])
        if len(sources) == count:
            source, columns = _one_source(sources[i], own, sql)
            opened.append(source)
        else:
            if not opened:
                opened.append(_one_source(sources[0], {}, sql)[0])
            columns = own
        if i == 0 and arrays:
            opened[0] = _with_arrays(opened[0], arrays)
        at = len(opened) - 1
        fields = {f.name for f in opened[at].fields}
        # the first source must have them; the others may
        beside: dict[str, Any] = {
            option: column
            for option, column in (("weight", asked.weight), ("bytes", asked.size))
            if column is not None and (at == 0 or column in fields)
        }
        found.append((at, Options(**columns, **beside, **common)))
    return found


def slice_columns(by: Any, opened: list[Source]) -> tuple[str, ...]:
    """Return the names of the columns that make slices; arrays join the first source."""
    if by is None:
        return ()
    if is_choice("by", by):
        return tuple(of_first("by", by, opened))
    names = [f.name for f in opened[0].fields]
    columns = named_columns("by", by, names) or {"by": by}
    opened[0] = _with_arrays(opened[0], columns)
    return tuple(columns)


def _with_arrays(source: Source, arrays: dict[str, Any]) -> Source:
    """A source of arrays, with some more of them beside the predictions."""
    if not isinstance(source, ArraySource):
        raise XentValueError(
            f"arrays ({', '.join(arrays)}) must come with arrays of predictions, got "
            f"{source.name}; name its columns"
        )
    return source.beside(arrays)


def _own(i: int, each: Sequence[Mapping[str, Any]] | None) -> Mapping[str, Any]:
    if each is None:
        return {}
    unknown = [name for name in each[i] if name not in OF_A_MODEL]
    if unknown:
        raise XentValueError(
            f"each may say {', '.join(OF_A_MODEL)}, got {unknown[0]!r} for model {i}",
            value=unknown[0],
        )
    return each[i]


def _one_source(source: Any, own: dict[str, Any], sql: str | None) -> tuple[Source, dict[str, Any]]:
    """Open a source as `evaluate` does; return it and what is said about its columns."""
    own = {**dict.fromkeys(OF_A_MODEL), **own}
    task, classes = own.pop("task"), own.pop("classes")
    if _is_predictions(source):
        # predictions alone: the truth is common to all
        if own["target"] is None and own["labels"] is None and own["log_probs"] is not True:
            raise XentTypeError(
                "a source that is an array of predictions needs target, an array too, got none; "
                "or give pairs (target, probs)"
            )
        kind = next((n for n in ("logits", "log_probs") if own[n] is True), "probs")
        own[kind] = np.asarray(source) if isinstance(source, list) else source
        source = None
    source, own, classes = plain_inputs(source, own, classes)
    opened, said = gather(source, own, sql)
    return opened, {**said, "task": task, "classes": classes}


def _is_predictions(source: Any) -> bool:
    """Whether a source is an array of predictions, no table and no paths."""
    if isinstance(source, list):
        return bool(source) and not isinstance(source[0], (Mapping, *PATH))
    return hasattr(source, "dtype") and getattr(source.dtype, "names", None) is None


def names_of_models(
    names: Sequence[str] | None,
    sources: Sequence[str],
    said: Sequence[tuple[int, Options]],
    each: Sequence[Mapping[str, Any]] | None,
) -> list[str]:
    """Return what the models are called: as asked, or by their sources, or by their columns."""
    if names is not None:
        if len(names) != len(said) or len(set(names)) != len(names):
            raise XentValueError(
                f"names must be one different name for each of the {len(said)} models, got "
                f"{list(names)}",
                value=list(names),
            )
        return [str(n) for n in names]
    if len(sources) == len(said):
        return distinct_names(sources)
    assert each is not None
    return distinct_names([_columns_in_words(o) for _, o in said])


def _columns_in_words(options: Options) -> str:
    said = options.predictions
    if said is None:
        return "model"
    return said[1] if isinstance(said[1], str) else ",".join(said[1])
