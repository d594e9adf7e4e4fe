"""One Parquet file on this machine: Arrow decodes its columns, for half of DuckDB's time.

A scan by DuckDB passes every value through vectors of its own and copies it into Arrow; and it
takes a thread a row group, so that a file of one group is read by one thread. Arrow decodes a
column straight into its array, a thread a column. DuckDB still opens the file, sorts it, reads
many at once, and says what is wrong with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from xent.errors import SourceError
from xent.evaluation.reading.batches import Batch, arrow_field
from xent.evaluation.reading.duck import BATCH_ROWS, DuckSource, reader_of

__all__ = ["ParquetSource", "is_parquet_file"]

READ_BYTES = 1 << 20  # of a column at a time: a row group may be as large as the file


def is_parquet_file(path: str) -> bool:
    """Whether a path is one Parquet file here, not a pattern, an address or a packed file."""
    return path.lower().endswith((".parquet", ".pq")) and os.path.isfile(path)


class ParquetSource(DuckSource):
    """The rows of a Parquet file, in their order."""

    def __init__(self, path: str, *, beside: DuckSource | None = None) -> None:
        super().__init__(f"FROM {reader_of(path)}", path, beside=beside)

    def batches(
        self, columns: Sequence[str], *, order_by: str | None = None, spill: str = ""
    ) -> Iterator[Batch]:
        """Yield the rows in their order, or in that of a column; sorting may need a folder."""
        file = None if order_by else self._opened(columns)
        if file is None:
            yield from super().batches(columns, order_by=order_by, spill=spill)
            return
        from pyarrow import ArrowException

        from xent import _native

        try:
            with file:
                for batch in file.iter_batches(
                    BATCH_ROWS, columns=list(columns), use_threads=_native.num_threads() > 1
                ):
                    yield {name: batch.column(name) for name in columns}
        except (ArrowException, OSError) as error:
            first = str(error).split("\n")[0]
            raise SourceError(
                f"{self._file} cannot be read: {first[:1].lower() + first[1:]}; the Parquet file "
                "is damaged, or changed while it was read"
            ) from None

    def _opened(self, columns: Sequence[str]) -> Any:
        """The file, where Arrow reads these columns as DuckDB does; else None."""
        from pyarrow import ArrowException, parquet

        try:
            # a row group read ahead as a whole could be larger than all the rest together
            file = parquet.ParquetFile(self._file, pre_buffer=False, buffer_size=READ_BYTES)
        except (ArrowException, OSError):
            return None
        types = {field.name: field.type for field in file.schema_arrow}
        same = file.schema_arrow.names == [field.name for field in self.fields] and all(
            types[name] == self.types[name]
            or "text" == self._kind(name) == arrow_field(name, types[name]).kind
            for name in columns
        )
        if not same:
            file.close()
            return None
        return file

    def _kind(self, name: str) -> str:
        return next(field.kind for field in self.fields if field.name == name)
