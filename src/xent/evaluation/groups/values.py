"""Columns whose values name groups: the values as text, and as keys of 64 bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.numbers import counted
from xent.evaluation.reading.batches import is_arrow, plain
from xent.kernels.cpu.row_keys import integer_keys, text_keys

__all__ = [
    "MISSING",
    "distinct",
    "keys_of",
    "named_texts_of",
    "text_of",
    "texts_of",
    "together",
    "weighing",
]

MISSING = "(missing)"


def text_of(value: Any) -> str:
    """Return a value as text; a whole number has one text in every type.

    >>> text_of(3), text_of(3.0), text_of(True), text_of(None), text_of("3.0")
    ('3', '3', 'true', '(missing)', '3.0')
    """
    if hasattr(value, "item"):
        value = value.item()
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return MISSING
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def texts_of(name: str, column: Any) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the different values of a column as text, and each row's place among them."""
    if is_arrow(column):
        values, codes = _arrow_values(column)
    elif column.ndim != 1:
        raise XentTypeError(
            f"{name} must hold one value a row, got an array of shape {column.shape}"
        )
    elif column.dtype.kind == "O":
        place: dict[Any, int] = {}
        texts = [text_of(v) for v in column]
        codes = np.array([place.setdefault(t, len(place)) for t in texts], dtype=np.int64)
        values = list(place)
    else:
        unique, codes = distinct(column)
        values = list(unique)
    # values that differ may have one text (1 and "1"), and a dictionary values of no row
    used = np.flatnonzero(np.bincount(codes, minlength=len(values)))
    places: dict[str, int] = {}
    place_of = np.zeros(len(values), dtype=np.int64)
    for value in used:
        place_of[value] = places.setdefault(text_of(values[value]), len(places))
    return list(places), place_of[codes]


def together(
    names: Sequence[str], columns: Sequence[Any]
) -> tuple[list[tuple[str, ...]], npt.NDArray[np.int64]]:
    """Return the different values of one column or more together, and each row's place there.

    >>> together(["site", "year"], [np.array(["b", "a", "b"]), np.array([7, 7, 7])])
    ([('a', '7'), ('b', '7')], array([1, 0, 1]))
    """
    texts, place = texts_of(names[0], columns[0])
    values: list[tuple[str, ...]] = [(t,) for t in texts]
    for name, column in zip(names[1:], columns[1:], strict=True):
        texts, more = texts_of(name, column)
        there, place = distinct(place * len(texts) + more)
        pairs = (divmod(int(pair), len(texts)) for pair in there)
        values = [(*values[a], texts[b]) for a, b in pairs]
    return values, place


def distinct(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return the different values, rising, and each one's place: np.unique, but by counting
    where whole numbers lie close together.

    >>> distinct(np.array([7, 5, 7]))
    (array([5, 7]), array([1, 0, 1]))
    """
    if values.dtype.kind in "iu" and values.size and values.dtype != np.uint64:
        low, high = int(values.min()), int(values.max())
        if high - low < max(values.size, 1024):
            off = values.astype(np.int64) - low
            there = np.flatnonzero(np.bincount(off))
            place = np.zeros(high - low + 1, dtype=np.int64)
            place[there] = np.arange(len(there))
            return there + low, place[off]
    unique, codes = np.unique(values, return_inverse=True)
    return unique, codes.astype(np.int64)


def _arrow_values(column: Any) -> tuple[list[Any], npt.NDArray[np.int64]]:
    from pyarrow import types

    if hasattr(column, "combine_chunks") and hasattr(column, "chunks"):
        column = column.combine_chunks()
    if types.is_nested(column.type):
        raise XentTypeError(f"a column of groups must hold one value a row, got {column.type}")
    if not types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = [*column.dictionary.to_pylist(), None]
    codes = plain(column.indices.fill_null(len(values) - 1))
    return values, codes.astype(np.int64)


def keys_of(
    argument: str, name: str, column: Any, first_row: int, scored: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint64]:
    """Return a key of 64 bits for the value of each row; rows that are scored need one."""
    whole = plain(column) if _is_whole(column) else column
    if not is_arrow(whole) and whole.dtype.kind in "iu" and whole.dtype != np.uint64:
        return integer_keys(whole)
    texts, codes = named_texts_of(argument, name, column, first_row, scored)
    keys = text_keys(texts)
    return keys[codes] if len(keys) else keys


def named_texts_of(
    argument: str,
    name: str,
    column: Any,
    first_row: int,
    scored: npt.NDArray[np.bool_] | None = None,
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return what `texts_of` does of a column that every row, or scored row, has a value in."""
    texts, codes = texts_of(name, column)
    if MISSING in texts:
        missing = codes == texts.index(MISSING)
        without = np.flatnonzero(missing if scored is None else missing & scored)
        if without.size:
            row = first_row + int(without[0])
            raise XentValueError(
                f"{argument} column {name!r} must have a value in every row, got none in row "
                f"{row} ({counted(without.size, 'such row')} in this batch); leave such rows out "
                "with --sql",
                index=row,
            )
    return texts, codes


def _is_whole(column: Any) -> bool:
    if not is_arrow(column) or column.null_count:
        return False
    from pyarrow import types

    return bool(types.is_integer(column.type))


def weighing(weight: npt.NDArray[np.float64] | None, *columns: npt.NDArray[Any]) -> tuple[Any, ...]:
    """Return the weights and columns without rows of no weight, which are no rows.

    >>> weighing(np.array([2.0, 0.0]), np.array([7, 8]))
    (array([2.]), array([7]))
    """
    if weight is None or weight.all():
        return weight, *columns
    kept = weight > 0
    return weight[kept], *(column[kept] for column in columns)
