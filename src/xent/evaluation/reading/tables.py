"""Predictions in memory: arrays, dicts of arrays, and whatever streams Arrow."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError, UnavailableError, XentTypeError, XentValueError
from xent.evaluation.reading.batches import Batch, Field, arrow_field, field_of, matrix

__all__ = ["ArraySource", "ArrowSource", "array_of", "as_numpy"]

# scored at a time: what is converted (half floats, columns into rows) is never all of it
BATCH_ROWS = 1 << 20
BATCH_VALUES = 1 << 25


def as_numpy(name: str, values: Any) -> Any:
    """Return an array that NumPy reads: a tensor leaves its device and its graph, and bfloat16,
    which NumPy has not, is widened."""
    if hasattr(values, "detach"):  # a torch tensor
        if values.device.type == "meta":
            raise XentValueError(f"{name} must hold values, got a tensor on the device meta")
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):
            values = values.float()
    array = np.asarray(values)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def array_of(name: str, values: Any) -> Any:
    """Return anything array-like as a NumPy array of one or two dimensions."""
    if hasattr(getattr(values, "type", None), "list_size"):  # lists of Arrow
        whole = values.combine_chunks() if hasattr(values, "chunks") else values
        return matrix(name, whole, 0, values.type.list_size)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise XentTypeError(
            f"{name} must not be masked; fill the masked values with nan, and say nan='exclude' "
            "to leave such rows out"
        )
    try:
        array = as_numpy(name, values)
    except XentValueError:
        raise
    except ValueError:
        raise XentValueError(f"{name} must be a rectangular array, got rows that differ") from None
    if array.dtype.kind == "O" and array.ndim == 1 and array.size and np.ndim(array[0]) == 1:
        # a column of lists
        array = array_of(name, [np.asarray(row).tolist() for row in array])
    elif array.dtype.kind == "O":
        array = of_objects(array)
    if array.ndim not in (1, 2):
        raise XentValueError(
            f"{name} must have 1 or 2 dimensions, got shape {array.shape}", value=array.shape
        )
    if array.dtype.kind not in "biufUSTO":
        raise XentTypeError(f"{name} must hold numbers or text, got dtype {array.dtype}")
    return array


def of_objects(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return Python's numbers as numbers, nan where one is missing; words with None there.

    So are truth values, where some are missing, and numbers beyond 2**53: their digits count.

    >>> of_objects(np.array([1, None], dtype=object)), of_objects(np.array(["a"], dtype=object))
    (array([ 1., nan]), array(['a'], dtype=object))
    """
    values = array.ravel().tolist()
    if set(map(type, values)) <= {str}:
        return array
    missing = np.fromiter(map(_is_missing, values), dtype=bool, count=len(values))
    there = [v for v, gone in zip(values, missing, strict=True) if not gone]
    kinds = set(map(type, there))

    def all_are(*known: type) -> bool:
        return all(issubclass(kind, known) for kind in kinds)

    if there and all_are(int, np.integer, np.bool_) and not missing.any():
        return np.array(values).reshape(array.shape)
    truth = bool(there) and all_are(bool, np.bool_)
    numbers = all_are(int, float, Decimal, np.number, np.bool_)
    precise = numbers and all(not isinstance(v, int) or abs(v) <= 2**53 for v in there)
    if precise and not (truth and array.ndim == 1):
        found = [math.nan if gone else float(v) for v, gone in zip(values, missing, strict=True)]
        return np.array(found).reshape(array.shape)
    words = np.array([None if gone else v for v, gone in zip(values, missing, strict=True)], object)
    return words.reshape(array.shape)


def _is_missing(value: Any) -> bool:
    """Whether a value is None, nan, or what pandas has for them."""
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


class ArraySource:
    """Named arrays of equal length."""

    def __init__(self, arrays: Mapping[str, Any], name: str = "arrays") -> None:
        self.name = name
        self._arrays = {str(n): array_of(str(n), values) for n, values in arrays.items()}
        lengths = {n: len(a) for n, a in self._arrays.items()}
        if len(set(lengths.values())) > 1:
            first, *others = lengths
            other = next(n for n in others if lengths[n] != lengths[first])
            raise XentValueError(
                f"arrays must have as many rows as each other, got {lengths[first]} in "
                f"{first!r} and {lengths[other]} in {other!r}"
            )
        self.num_rows: int | None = next(iter(lengths.values()), 0)
        self.fields = [field_of(n, a) for n, a in self._arrays.items()]

    def head(self, rows: int) -> Batch:
        return {n: a[:rows] for n, a in self._arrays.items()}

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        width = sum(field.width for field in self.fields if field.name in set(columns))
        step = max(1, min(BATCH_ROWS, BATCH_VALUES // max(width, 1)))
        for begin in range(0, self.num_rows or 0, step):
            yield {n: self._arrays[n][begin : begin + step] for n in columns}

    def beside(self, arrays: Mapping[str, Any]) -> ArraySource:
        """Return a source of these arrays too."""
        return ArraySource({**self._arrays, **arrays}, self.name)

    def close(self) -> None:
        """Nothing is held open."""


class ArrowSource:
    """A table of pandas, Polars, Arrow or DuckDB, through the Arrow C stream."""

    def __init__(self, table: Any, name: str) -> None:
        try:
            import pyarrow as pa
        except ImportError as error:
            raise UnavailableError(
                f'a table needs pyarrow, which is missing ({error}); pip install "xent[evaluate]"'
            ) from None
        self.name = name
        try:
            self.num_rows: int | None = len(table)
        except TypeError:
            self.num_rows = None
        try:
            self._reader = pa.RecordBatchReader.from_stream(table)
        except pa.ArrowException as error:
            raise _no_column(name, error) from None
        self._read: list[Any] = []  # batches that were looked at and are yet to be scored
        self.fields: list[Field] = [arrow_field(f.name, f.type) for f in self._reader.schema]

    def head(self, rows: int) -> Batch:
        import pyarrow as pa

        # a batch may be of one row, or of none
        while sum(batch.num_rows for batch in self._read) < rows:
            batch = next(self._reader, None)
            if batch is None:
                break
            self._read.append(batch)
        table = pa.Table.from_batches(self._read, self._reader.schema).slice(0, rows)
        return {f.name: table.column(i).combine_chunks() for i, f in enumerate(table.schema)}

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        for batch in itertools.chain(self._read, self._reader):
            for begin in range(0, batch.num_rows, BATCH_ROWS):
                part = batch.slice(begin, BATCH_ROWS)
                yield {n: part.column(n) for n in columns}

    def close(self) -> None:
        self._reader.close()


def _no_column(name: str, error: Exception) -> SourceError:
    """Return the error for a column that Arrow has no type for, such as numbers among words."""
    *what, where = map(str, error.args)
    column = re.search(r"column (.+) with type", where)
    which = f"column {column.group(1)!r}" if column else "every column"
    why = f": {what[0][:1].lower()}{what[0][1:]}" if what else f": {where}"
    return SourceError(
        f"{which} of the {name} must hold values of one type{why}; cast it, or leave it out"
    )
