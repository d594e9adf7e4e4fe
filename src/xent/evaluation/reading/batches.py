"""Columns of a batch, from NumPy or Arrow, as the arrays that the kernel reads."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation.numbers import counted
from xent.kernels.cpu.log_loss import MISSING, MISSING_LABEL

__all__ = [
    "Batch",
    "Field",
    "field_of",
    "floats",
    "integers",
    "labels",
    "matrix",
    "num_rows",
    "plain",
    "weights",
    "words",
]

MOST_WEIGHT = 1e60  # beyond, the third power of a weighted loss may be too large for a double

# name -> NumPy array (rows) or (rows, classes), or Arrow array
Batch = dict[str, Any]


class Field(NamedTuple):
    """A column of a source: its name, what it holds, and how many values a row."""

    name: str
    kind: str  # "int", "float", "bool", "text", "list" (of numbers) or "other"
    width: int = 1  # of a list; 0 where only the rows know


def is_arrow(column: Any) -> bool:
    return hasattr(column, "__arrow_c_array__") or hasattr(column, "combine_chunks")


def num_rows(batch: Batch) -> int:
    return len(next(iter(batch.values()))) if batch else 0


def field_of(name: str, column: Any) -> Field:
    """Return what a NumPy or Arrow column holds."""
    if is_arrow(column):
        return arrow_field(name, column.type)
    if column.ndim == 2:
        return Field(name, "list", column.shape[1])
    if _is_truth(column):
        return Field(name, "bool")
    kinds = {"f": "float", "i": "int", "u": "int", "b": "bool", "U": "text", "O": "text"}
    kinds |= {"T": "text", "S": "text"}
    return Field(name, kinds.get(column.dtype.kind, "other"))


def _is_truth(column: npt.NDArray[Any]) -> bool:
    """Whether a NumPy column is of True, False and None."""
    first = next((v for v in column if v is not None), None) if column.dtype == object else None
    return isinstance(first, (bool, np.bool_))


def arrow_field(name: str, kind: Any) -> Field:
    """Return what an Arrow type holds."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return arrow_field(name, kind.value_type)
    if types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind):
        if arrow_field(name, kind.value_type).kind not in ("int", "float", "bool"):
            return Field(name, "other")  # words of a text, and lists of lists
        return Field(name, "list", getattr(kind, "list_size", 0))
    if types.is_floating(kind) or types.is_decimal(kind):
        return Field(name, "float")
    if types.is_integer(kind):
        return Field(name, "int")
    if types.is_boolean(kind):
        return Field(name, "bool")
    # a column without a value is text, as it is where a file has nothing in it
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)
    text = is_text or getattr(types, "is_string_view", lambda _: False)(kind)
    return Field(name, "text" if text else "other")


# Arrow's names of what a buffer holds as NumPy does
_PLAIN = {"double": "float64", "float": "float32", "halffloat": "float16"}
_PLAIN |= {f"{u}int{bits}": f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)}


def plain(column: Any) -> npt.NDArray[Any]:
    """Return an Arrow array of numbers as a NumPy array, without a copy where none is missing.

    Arrow's own `to_numpy` loads pandas where that is installed: a third of a second.
    """
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    dtype = _PLAIN.get(str(column.type))
    if dtype is None or column.null_count:
        values: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return values
    if not len(column):
        return np.empty(0, dtype=dtype)
    offset = column.offset * np.dtype(dtype).itemsize
    return np.frombuffer(column.buffers()[1], dtype, count=len(column), offset=offset)


def floats(name: str, column: Any, first_row: int) -> npt.NDArray[Any]:
    """Return a column as float32 or float64 numbers; a missing one is nan."""
    if is_arrow(column):
        from pyarrow import types

        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if types.is_decimal(column.type) or types.is_boolean(column.type):
            column = column.cast("float64" if types.is_decimal(column.type) else "int8")
        if types.is_null(column.type):
            column = column.cast("float64")
        if arrow_field(name, column.type).kind in ("text", "other"):
            raise not_a_number(name, column.to_pylist(), first_row)
        column = plain(column)
    elif _is_truth(column):
        column = column.astype(np.float64)  # None is nan
    if column.dtype.kind in "OUST":
        raise not_a_number(name, column.tolist(), first_row)
    wanted = np.float32 if column.dtype in (np.float16, np.float32) else np.float64
    return np.ascontiguousarray(column, dtype=wanted)


def words(name: str, column: Any, first_row: int) -> Any:
    """Return a column of classes that are neither numbers nor text, as text: dates."""
    if is_arrow(column):
        from pyarrow import types

        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if types.is_date(column.type):
            return column.cast("string")
    values = column.to_pylist() if is_arrow(column) else column.tolist()
    at = next((i for i, value in enumerate(values) if value is not None), 0)
    raise SourceError(
        f"target {name!r} must hold text, whole numbers, truth values or dates, got {values[at]!r} "
        f"in row {first_row + at}; cast it to text with sql",
        index=first_row + at,
        value=values[at],
    )


def weights(name: str, column: Any, first_row: int) -> npt.NDArray[np.float64]:
    """Return a column of weights whose third powers have sums, as float64."""
    values = np.ascontiguousarray(floats(name, column, first_row), dtype=np.float64)
    large = (values > MOST_WEIGHT) & (values < np.inf)
    if large.any():
        at = int(np.argmax(large))
        raise XentValueError(
            f"weight {name!r} must be at most {MOST_WEIGHT:g}, got {values[at]:g} in row "
            f"{first_row + at} ({counted(int(large.sum()), 'such row')} in this batch); "
            "weights count in proportion: divide all of them by the largest",
            index=first_row + at,
            value=float(values[at]),
        )
    return values


def not_a_number(name: str, values: list[Any], first_row: int) -> SourceError:
    """Return the error for a column that must hold numbers and holds something else."""
    for i, value in enumerate(values):
        if value is None or isinstance(value, (int, float)):
            continue
        try:
            float(value)
        except (TypeError, ValueError):
            comma = re.fullmatch(r"-?\d*,\d+", str(value))
            hint = (
                "a decimal comma? Read the file with --sql \"FROM read_csv('FILE', "
                "decimal_separator=',')\""
                if comma
                else "rows count from 0, after the header"
            )
            return SourceError(
                f"column {name!r} must hold numbers, got {value!r} in row {first_row + i}; {hint}",
                index=first_row + i,
                value=value,
            )
    return SourceError(
        f"column {name!r} must hold numbers, got text such as {values[0] if values else ''!r}; "
        "cast it with --sql",
        index=first_row,
    )


def matrix(name: str, column: Any, first_row: int, width: int) -> npt.NDArray[Any]:
    """Return a list column as a (rows, width) matrix; a missing list is a row of nan."""
    if not is_arrow(column):
        wanted = np.float32 if column.dtype in (np.float16, np.float32) else np.float64
        return np.ascontiguousarray(column, dtype=wanted)
    from pyarrow import compute, types

    rows = len(column)
    if not types.is_fixed_size_list(column.type):
        lengths = plain(compute.list_value_length(column))
        wrong = np.flatnonzero((lengths != width) & ~np.isnan(lengths.astype(np.float64)))
        if wrong.size:
            row = first_row + int(wrong[0])
            raise SourceError(
                f"column {name!r} must hold {width} values a row, got "
                f"{int(lengths[wrong[0]])} in row {row} ({counted(wrong.size, 'such row')} in this "
                "batch)",
                index=row,
            )
    if column.null_count:
        # flatten() leaves missing lists out
        there = column.is_valid().to_numpy(zero_copy_only=False)
        values = floats(name, column.drop_null().flatten(), first_row).reshape(-1, width)
        result = np.full((rows, width), np.nan, dtype=values.dtype)
        result[there] = values
        return result
    return floats(name, column.flatten(), first_row).reshape(rows, width)


def integers(name: str, column: Any, first_row: int) -> npt.NDArray[np.int64]:
    """Return a column of whole numbers as int64; a missing one is MISSING."""
    if is_arrow(column):
        if column.null_count or not _is_plain_integer(column.type):
            return _whole(name, floats(name, column, first_row), first_row)
        column = plain(column)
    if column.dtype.kind in "iub":
        if column.dtype == np.uint64 and column.size and column.max() > np.iinfo(np.int64).max:
            raise XentValueError(f"{name} must fit in 64 signed bits, got {column.max()}")
        return np.ascontiguousarray(column, dtype=np.int64)
    if column.dtype.kind == "f" or _is_truth(column):
        return _whole(name, floats(name, column, first_row), first_row)
    raise XentTypeError(f"{name} must hold whole numbers, got dtype {column.dtype}")


def _is_plain_integer(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind))


def _whole(name: str, values: npt.NDArray[Any], first_row: int) -> npt.NDArray[np.int64]:
    values = np.asarray(values, dtype=np.float64)
    missing = np.isnan(values)
    whole = np.where(missing, 0, values)
    wrong = np.flatnonzero((whole != np.floor(whole)) | (np.abs(whole) > 2.0**53))
    if wrong.size:
        row = first_row + int(wrong[0])
        raise XentValueError(
            f"{name} must hold whole numbers, got {values[wrong[0]]} in row {row} "
            f"({counted(wrong.size, 'such row')} in this batch); probabilities as targets "
            "are not scored here",
            index=row,
            value=float(values[wrong[0]]),
        )
    result = whole.astype(np.int64)
    result[missing] = MISSING
    return result


def labels(name: str, column: Any, first_row: int) -> npt.NDArray[np.uint8]:
    """Return a column of 0 and 1 as uint8; a missing one is MISSING_LABEL."""
    values = integers(name, column, first_row)
    missing = values == MISSING
    wrong = np.flatnonzero((values != 0) & (values != 1) & ~missing)
    if wrong.size:
        row = first_row + int(wrong[0])
        raise XentValueError(
            f"label column {name!r} must hold 0 and 1, got {values[wrong[0]]} in row {row} "
            f"({counted(wrong.size, 'such row')} in this batch)",
            code="D08",
            index=row,
            value=int(values[wrong[0]]),
        )
    result = values.astype(np.uint8)
    result[missing] = MISSING_LABEL
    return result
