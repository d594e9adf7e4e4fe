"""Tables of other libraries as something that streams Arrow, or as a dict of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xent.errors import SourceError, UnavailableError, XentTypeError
from xent.evaluation.reading.duck import interruptible
from xent.evaluation.reading.names import repeated

__all__ = ["is_connection", "is_pandas", "query_table", "streamable"]


def is_pandas(value: Any) -> bool:
    """Whether a value is a pandas DataFrame or Series, without importing pandas."""
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "index")


def is_connection(value: Any) -> bool:
    """Whether a value is a DuckDB connection."""
    return hasattr(value, "execute") and hasattr(value, "sql") and hasattr(value, "register")


def streamable(source: Any) -> Any:
    """Return a table as what streams Arrow or as a dict of arrays; other things as they are."""
    if is_pandas(source):
        return _plain_names(source)
    if isinstance(source, np.ndarray) and source.dtype.names:
        return {name: source[name] for name in source.dtype.names}
    if isinstance(source, list) and source and all(isinstance(row, Mapping) for row in source):
        return _arrow().Table.from_pylist([dict(row) for row in source])
    if hasattr(source, "__arrow_c_stream__") or isinstance(source, Mapping):
        return source
    if hasattr(source, "collect") and hasattr(source, "collect_schema"):  # a polars.LazyFrame
        return source.collect()
    if hasattr(source, "scanner") and hasattr(source, "schema"):  # a pyarrow.dataset.Dataset
        return source.scanner(batch_size=1 << 16).to_reader()
    if hasattr(source, "to_reader") and hasattr(source, "projected_schema"):  # its Scanner
        return source.to_reader()
    if is_connection(source):
        raise XentTypeError(
            "a DuckDB connection must come with sql, the query for the rows; or pass a relation: "
            'connection.sql("...")'
        )
    return source


def query_table(source: Any, sql: str) -> Any:
    """Return the rows of a query, as what streams Arrow.

    `source` is a DuckDB connection, which is asked; or a relation, a table or a dict of
    arrays, which the query calls ``source``.
    """
    try:
        import duckdb
    except ImportError as error:
        raise UnavailableError(
            f'sql needs duckdb, which is missing ({error}); pip install "xent[evaluate]"'
        ) from None
    try:
        with interruptible():
            if is_connection(source):
                relation = source.sql(sql)
            elif isinstance(source, duckdb.DuckDBPyRelation):
                relation = source.query("source", sql)
            else:
                table = streamable(source)
                pa = _arrow()
                if isinstance(table, Mapping):
                    table = pa.table({str(n): np.asarray(a) for n, a in table.items()})
                elif hasattr(table, "__arrow_c_stream__"):
                    table = pa.table(table)  # a stream is read once, and a query may read it twice
                connection = duckdb.connect(config={"preserve_insertion_order": True})
                relation = connection.register("source", table).sql(sql)
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise SourceError(f"sql cannot be run: {first}", value=sql) from None
    if relation is None:
        raise SourceError(f"sql must be a query that returns rows, got {sql!r}", value=sql)
    return relation


def _plain_names(frame: Any) -> Any:
    """Return a DataFrame whose columns have text as names: ("p", "cat") becomes "p_cat"."""
    columns = getattr(frame, "columns", None)
    if columns is None:
        raise XentTypeError(
            f"source must be a table with named columns, got a {type(frame).__name__}; pass "
            "(target, probs), or a DataFrame"
        )
    names = ["_".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in columns]
    twice = repeated(names)
    if twice is not None:
        raise SourceError(f"column names must be different, got {twice!r} twice", value=twice)
    if names == list(columns):
        return frame
    return frame.set_axis(names, axis=1)


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise UnavailableError(
            f'a table needs pyarrow, which is missing ({error}); pip install "xent[evaluate]"'
        ) from None
    return pyarrow
