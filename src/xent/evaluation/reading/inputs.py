"""Arguments of `evaluate` that are tables with names become columns with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xent.errors import XentValueError
from xent.evaluation.reading.names import class_names, repeated
from xent.evaluation.reading.streams import is_pandas, streamable

__all__ = ["named_columns", "plain_inputs"]

BLOCKS = {"probs", "logits", "labels", "by"}  # arguments that may be several columns


def plain_inputs(
    source: Any, given: dict[str, Any], classes: Sequence[Any] | None
) -> tuple[Any, dict[str, Any], Sequence[Any] | None]:
    """Return source, arguments and classes with the names that came inside of tables.

    A table given as `probs`, `logits`, `labels` or `by` becomes columns of the source, named as
    there; a table as the source joins arrays that come beside it; the categories of a
    categorical target become the classes where columns have no names.
    """
    if isinstance(source, tuple) and len(source) == 2:
        if given["target"] is not None or given["probs"] is not None:
            raise XentValueError("a pair (target, probs) must come without target and probs")
        # a pair may hold logits, where logits=True says so
        kind = "logits" if given["logits"] is True else "probs"
        given = {**given, "target": source[0], kind: source[1]}
        source = None
    arrays = {n: v for n, v in given.items() if v is not None and not isinstance(v, (str, list))}
    _check_index({"source": source, **arrays})
    if arrays and source is not None and not isinstance(source, Mapping):
        columns = _columns(source)
        source = source if columns is None else columns
    tables: dict[str, dict[str, Any]] = {}
    for argument in arrays.keys() & BLOCKS:
        columns = _columns(arrays[argument])
        if columns is not None and not _numbered(list(columns)):
            tables[argument] = columns
    if tables and (source is None or isinstance(source, Mapping)):
        tables = _apart(tables, [*(source or ()), *(n for n in arrays if n not in tables)])
        source = {**(source or {}), **{n: a for c in tables.values() for n, a in c.items()}}
        given = {**given, **{argument: list(columns) for argument, columns in tables.items()}}
    if classes is None:
        classes = _categories(given)
    return source, given, classes


def named_columns(argument: str, value: Any, taken: Sequence[str]) -> dict[str, Any] | None:
    """Return the columns of a table by names that are not `taken`; None where it has no names."""
    columns = _columns(value)
    if columns is None or _numbered(list(columns)):
        return None
    return _apart({argument: columns}, list(taken))[argument]


def _columns(value: Any) -> dict[str, Any] | None:
    """Return the columns of a table by name; None for what is no table."""
    if isinstance(value, Mapping):
        return {str(n): a for n, a in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.names is None:
        return None
    if is_pandas(value) and not hasattr(value, "columns"):
        return None  # a Series
    table = streamable(value)
    if isinstance(table, Mapping):
        return {str(n): a for n, a in table.items()}
    names = getattr(table, "column_names", getattr(table, "columns", None))
    if names is None or callable(names) or not hasattr(table, "__getitem__"):
        return None
    return {str(n): table[n] for n in names}


def _numbered(names: list[str]) -> bool:
    """Whether these are the names 0, 1, 2, ... of columns that nobody named."""
    return class_names(names) == [str(j) for j in range(len(names))]


def _apart(tables: dict[str, dict[str, Any]], taken: list[str]) -> dict[str, dict[str, Any]]:
    """Return tables whose columns have different names, the argument's before them if need be."""
    if repeated([*taken, *(n for columns in tables.values() for n in columns)]) is None:
        return tables
    return {
        argument: {
            f"{argument}.{name}": columns[full]
            for name, full in zip(class_names(list(columns)), columns, strict=True)
        }
        for argument, columns in tables.items()
    }


def _check_index(values: dict[str, Any]) -> None:
    """Raise where tables of pandas have the same index in another order: rows go by position."""
    indexed = {n: v for n, v in values.items() if is_pandas(v)}
    if len(indexed) < 2:
        return
    (first, one), *others = indexed.items()
    for name, other in others:
        if len(one) != len(other) or one.index.equals(other.index):
            continue
        try:
            shuffled = one.index.sort_values().equals(other.index.sort_values())
        except TypeError:  # labels that do not compare
            continue
        if shuffled:
            place = next(
                i for i, (a, b) in enumerate(zip(one.index, other.index, strict=True)) if a != b
            )
            raise XentValueError(
                f"{first} and {name} must have their rows in the same order, got the same index "
                f"in another order, from position {place} on ({one.index[place]!r} and "
                f"{other.index[place]!r}); say {name}.loc[{first}.index], or reset_index on both",
                index=place,
            )


def _categories(given: dict[str, Any]) -> list[str] | None:
    """Return the categories of a target where predictions have no names, and only one order.

    Categories in another order than the sorted one are not used: the columns of scikit-learn
    are sorted, those of others follow the categories.
    """
    predictions = given["probs"] if given["logits"] is None else given["logits"]
    width = predictions.shape[1] if getattr(predictions, "ndim", 0) == 2 else 0
    found: Any = getattr(getattr(given["target"], "dtype", None), "categories", None)
    # those of a polars.Categorical have no order, and no length
    if not hasattr(found, "__len__") or not width or len(found) != width:
        return None
    values = list(found)
    if not all(isinstance(v, str) for v in values) or values != sorted(values):
        return None
    return values
