"""One Parquet file on this machine: Arrow decodes its columns, for half of DuckDB's time.

A scan by DuckDB passes every value through vectors of its own and copies it into Arrow; and it
takes a thread a row group, so that a file of one group is read by one thread. Arrow decodes a
column straight into its array, on many cores a thread a column, and needs no database opened.
What is sorted, what Arrow would type in another way, and a file in folders that hold columns
(site=north/part.parquet) is left to DuckDB.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from xent.errors import SourceError
from xent.evaluation.reading.batches import Batch, Field, arrow_field
from xent.evaluation.reading.duck import DuckSource, reader_of, rows_at_a_time
from xent.evaluation.reading.names import repeated

__all__ = ["ParquetSource", "open_parquet"]

BATCH_ROWS = 122_880  # twice DuckDB's: nothing is copied, and each batch has its price
WHOLE_BYTES = 1 << 24  # of a row group whose columns are read at once
READ_BYTES = 1 << 20  # of a column at a time, where a row group may be as large as the file
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
        self.num_rows: int | None = file.metadata.num_rows
        self.fields: list[Field] = [arrow_field(f.name, f.type) for f in file.schema_arrow]

    def head(self, rows: int) -> Batch:
        names = [field.name for field in self.fields]
        return next(self._read(names, rows), {})

    def batches(
        self, columns: Sequence[str], *, order_by: str | None = None, spill: str = ""
    ) -> Iterator[Batch]:
        """Yield the rows in their order, or in that of a column; sorting may need a folder."""
        if order_by is None:
            return self._read(columns, rows_at_a_time(self._width(columns), BATCH_ROWS))
        if self._duck is None:
            self._duck = DuckSource(f"FROM {reader_of(self.name)}", self.name)
        return self._duck.batches(columns, order_by=order_by, spill=spill)

    def close(self) -> None:
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

    def _read(self, columns: Sequence[str], rows: int) -> Iterator[Batch]:
        from pyarrow import ArrowException

        from xent import _native

        # one thread decodes as fast as three score, and for less processor time
        threads = _native.num_threads() > 3
        try:
            for batch in self._file.iter_batches(rows, columns=list(columns), use_threads=threads):
                for name in columns:
                    if _is_text(batch.schema.field(name).type):
                        batch.column(name).validate(full=True)  # that it is UTF-8
                yield {name: batch.column(name) for name in columns}
        except (ArrowException, OSError) as error:
            first = str(error).split("\n")[0]
            raise SourceError(
                f"{self.name} cannot be read: {first[:1].lower() + first[1:]}; the Parquet file "
                "is damaged, or changed while it was read"
            ) from None
