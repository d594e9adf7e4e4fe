"""Tables to files, a batch at a time; the file is whole or not there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from xent.errors import UnavailableError, XentValueError
from xent.evaluation.files import beside, writable

__all__ = ["table_path", "table_writer"]

ENDINGS = (".parquet", ".pq", ".csv")


def table_path(path: str) -> str:
    """Return the path; raise before any work is done if no table can be written there."""
    if not path.lower().endswith(ENDINGS):
        raise XentValueError(f"a table must be written to .parquet or .csv, got {path!r}")
    writable(path)
    return path


@contextlib.contextmanager
def table_writer(path: str) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Yield what to call with batches of NumPy or Arrow columns, for a .parquet or .csv file.

    A matrix is a column of lists. The file is written beside its place and moved there at the
    end; where something raises there is none, and one that was there before stays.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise UnavailableError(
            f'a table needs pyarrow, which is missing ({error}); pip install "xent[evaluate]"'
        ) from None
    opened = _open_csv if table_path(path).lower().endswith(".csv") else _open_parquet
    writer: Any = None
    with beside(path) as temporary, contextlib.ExitStack() as stack:

        def write(columns: Mapping[str, Any]) -> None:
            nonlocal writer
            batch = pa.record_batch({n: _arrow(values) for n, values in columns.items()})
            if writer is None:
                writer = stack.enter_context(opened(temporary, batch.schema))
            writer.write_batch(batch)

        yield write


def _open_parquet(path: str, schema: Any) -> Any:
    from pyarrow import parquet

    return parquet.ParquetWriter(path, schema)


def _open_csv(path: str, schema: Any) -> Any:
    from pyarrow import csv, types

    for field in schema:
        if types.is_nested(field.type):
            raise XentValueError(
                f"a .csv file must hold no lists, got column {field.name!r} of {field.type}; "
                "write .parquet",
                value=field.name,
            )
    return csv.CSVWriter(path, schema)


def _arrow(values: Any) -> Any:
    """A NumPy column as Arrow; a matrix as lists of one length."""
    import numpy as np
    import pyarrow as pa

    if not isinstance(values, np.ndarray):
        return values
    if values.ndim == 1:
        return pa.array(values.tolist() if values.dtype.kind == "U" else values)
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
