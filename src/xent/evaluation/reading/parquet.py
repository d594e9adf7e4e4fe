"""One Parquet file on this machine: Arrow decodes its columns, for half of DuckDB's time.

A scan by DuckDB passes every value through vectors of its own and copies it into Arrow; and it
takes a thread a row group, so that a file of one group is read by one thread. Arrow decodes a
column straight into its array, on many cores a thread a column, and needs no database opened.
What is sorted, what Arrow would type in another way, and a file in folders that hold columns
(site=north/part.parquet) is left to DuckDB.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from xent.errors import SourceError
from xent.evaluation.reading.batches import Batch, Field, arrow_field
from xent.evaluation.reading.duck import DuckSource, reader_of, rows_at_a_time
from xent.evaluation.reading.names import repeated

__all__ = ["ParquetSource", "open_parquet"]

BATCH_ROWS = 122_880  # twice DuckDB's: nothing is copied, and each batch has its price
WHOLE_BYTES = 1 << 24  # of a row group whose columns are read at once
READ_BYTES = 1 << 20  # of a column at a time, where a row group may be as large as the file
HEAD_BYTES = 1 << 26  # of a first batch that is read as a whole where its head is asked for
HIVE = re.compile(r"(^|[/\\])[^=/\\]+=[^/\\]*[/\\]")  # a folder that is a column and its value


def open_parquet(path: str, *, beside: DuckSource | None = None) -> ParquetSource | DuckSource:
    """Open a Parquet file by Arrow where that reads what DuckDB reads, else by DuckDB."""
    file = _opened(path)
    if file is None:
        return DuckSource(f"FROM {reader_of(path)}", path, beside=beside)
    return ParquetSource(path, file)


def _opened(path: str) -> Any:
    """Return the file as Arrow opens it; None where DuckDB is to read it, or to refuse it."""
    if not (path.lower().endswith((".parquet", ".pq")) and os.path.isfile(path)):
        return None
    if HIVE.search(path):
        return None
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        return None
    try:
        # a row group read ahead as a whole could be larger than all the rest together
        metadata = parquet.read_metadata(path)
        file = parquet.ParquetFile(
            path, metadata=metadata, pre_buffer=False, buffer_size=_read_bytes(metadata)
        )
    except (ArrowException, OSError):
        return None
    try:
        schema = file.schema_arrow
        # DuckDB, which sorts, does not tell capitals from small letters
        names = [name.lower() for name in schema.names]
    except UnicodeDecodeError:
        file.close()
        raise SourceError(
            f"{path} must have columns whose names are UTF-8; write it again with such names"
        ) from None
    if repeated(names) is None and all(_is_plain(field.type) for field in schema):
        return file
    file.close()
    return None


def _read_bytes(metadata: Any) -> int:
    """How many bytes of a column are read at a time; 0, its part of a row group.

    What is read in pieces is copied once more, a tenth of the time that reading takes.
    """
    groups = range(metadata.num_row_groups)
    largest = max((metadata.row_group(i).total_byte_size for i in groups), default=0)
    return READ_BYTES if largest > WHOLE_BYTES else 0


def _is_plain(kind: Any) -> bool:
    """Whether a type means the same to Arrow and to DuckDB: a number, text, a list of numbers."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return bool(types.is_floating(kind.value_type))
    is_number = types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind)
    return bool(is_number) or _is_text(kind)


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


class ParquetSource:
    """The rows of a Parquet file, in their order."""

    def __init__(self, path: str, file: Any) -> None:
        self.name = path
        self._file = file
        self._duck: DuckSource | None = None
        self._begun: tuple[Any, Iterator[Any]] | None = None  # a first batch, and those after it
        self.num_rows: int | None = file.metadata.num_rows
        self.fields: list[Field] = [arrow_field(f.name, f.type) for f in file.schema_arrow]

    def head(self, rows: int) -> Batch:
        """Return the first rows.

        The first pages of a column, its dictionary above all, cost as much for one row as for a
        batch. So a batch is read, and is the first of those that `batches` yields where it is
        asked for the same columns.
        """
        names = [field.name for field in self.fields]
        most = rows_at_a_time(self._width(names), BATCH_ROWS)
        if rows <= most and self._row_bytes() * most <= HEAD_BYTES:
            stream = self._stream(names, most)
            # what is damaged beyond these rows may be a column that nobody asks for
            with contextlib.suppress(*_damaged()):
                first = next(stream, None)
                self._begun = None if first is None else (first, stream)
                return next(
                    self._checked([] if first is None else [first.slice(0, rows)], names), {}
                )
        return next(self._checked(self._stream(names, rows), names), {})

    def batches(
        self, columns: Sequence[str], *, order_by: str | None = None, spill: str = ""
    ) -> Iterator[Batch]:
        """Yield the rows in their order, or in that of a column; sorting may need a folder."""
        begun, self._begun = self._begun, None
        if order_by is None:
            if begun is not None and {field.name for field in self.fields} == set(columns):
                first, stream = begun
                return self._checked(itertools.chain(iter([first]), stream), columns)
            rows = rows_at_a_time(self._width(columns), BATCH_ROWS)
            return self._checked(self._stream(columns, rows), columns)
        if self._duck is None:
            self._duck = DuckSource(f"FROM {reader_of(self.name)}", self.name)
        return self._duck.batches(columns, order_by=order_by, spill=spill)

    def close(self) -> None:
        self._begun = None
        self._file.close()
        if self._duck is not None:
            self._duck.close()

    def _width(self, columns: Sequence[str]) -> float:
        """How many values a row has in these columns; of lists, on average of the first group."""
        metadata = self._file.metadata
        if not metadata.num_row_groups:
            return 0.0
        group = metadata.row_group(0)
        # a plain column, and one of lists, is one column of the file
        counts = {f.name: group.column(i).num_values for i, f in enumerate(self.fields)}
        return float(sum(counts[name] for name in columns) / max(group.num_rows, 1))

    def _row_bytes(self) -> float:
        """How many bytes a row has in the file before they are packed."""
        metadata = self._file.metadata
        groups = range(metadata.num_row_groups)
        total = sum(metadata.row_group(i).total_byte_size for i in groups)
        return float(total / max(metadata.num_rows, 1))

    def _stream(self, columns: Sequence[str], rows: int) -> Iterator[Any]:
        """Arrow's batches of so many rows."""
        from xent import _native

        # columns side by side: the first batch is there sooner, and until then all are waiting
        threads = _native.num_threads() > 1
        stream: Iterator[Any] = self._file.iter_batches(
            rows, columns=list(columns), use_threads=threads
        )
        return stream

    def _checked(self, stream: Iterable[Any], columns: Sequence[str]) -> Iterator[Batch]:
        try:
            for batch in stream:
                for name in columns:
                    if _is_text(batch.schema.field(name).type):
                        batch.column(name).validate(full=True)  # that it is UTF-8
                yield {name: batch.column(name) for name in columns}
        except _damaged() as error:
            first = str(error).split("\n")[0]
            raise SourceError(
                f"{self.name} cannot be read: {first[:1].lower() + first[1:]}; the Parquet file "
                "is damaged, or changed while it was read"
            ) from None


def _damaged() -> tuple[type[Exception], ...]:
    """What Arrow raises where it cannot read."""
    from pyarrow import ArrowException

    return ArrowException, OSError
