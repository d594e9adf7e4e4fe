"""Predictions in files: whatever DuckDB reads, streamed as Arrow record batches."""

from __future__ import annotations

import codecs
import contextlib
import csv
import glob
import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from xent.errors import SourceError, UnavailableError
from xent.evaluation.reading.batches import Batch, Field, arrow_field
from xent.evaluation.reading.names import repeated

__all__ = ["DuckSource", "interruptible", "reader_of", "rows_at_a_time"]

BATCH_ROWS = 61_440  # half a row group of DuckDB: small enough for its buffers to be used again
BATCH_VALUES = 1 << 23  # of all columns: several batches are in memory at a time
FEWEST_ROWS = 256
MEMORY_LIMIT = "400MB"
SCANNED_LINES = 1_000_000
PACKED = (".gz", ".zst")
NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?"
DELIMITERS = {".csv": ",", ".tsv": "\t"}


class DuckSource:
    """The rows of a DuckDB query, in their order.

    `beside` is a source that is open already, whose database is used again: to make one takes
    longer than to read a small file.
    """

    def __init__(
        self,
        query: str,
        name: str,
        *,
        sql: str | None = None,
        database: str | None = None,
        beside: DuckSource | None = None,
    ) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise UnavailableError(
                f'a file needs duckdb, which is missing ({error}); pip install "xent[evaluate]"'
            ) from None
        self.name = self._file = name
        self._error = duckdb.Error
        from xent import _native

        settings = {
            "threads": _native.num_threads(),
            "memory_limit": MEMORY_LIMIT,
            "preserve_insertion_order": True,
        }
        self._query = query
        self._sql = sql
        self._connection: Any
        try:
            with interruptible():
                if beside is not None:
                    self._connection = beside._connection.cursor()
                elif database:
                    self._connection = duckdb.connect(database, read_only=True, config=settings)
                else:
                    self._connection = duckdb.connect(config=settings)
                self._connection.execute("SET enable_progress_bar = false")
                relation = self._connection.sql(query)
                if relation is None:
                    raise SourceError(f"sql must be a query that returns rows, got {sql!r}")
                schema = relation.limit(0).to_arrow_table().schema
        except duckdb.Error as error:
            raise self._plainly(error) from None
        self.fields: list[Field] = [arrow_field(f.name, f.type) for f in schema]

    @cached_property
    def num_rows(self) -> int | None:
        """What the footers of Parquet files say; None of other files and of queries."""
        if self._sql is not None or _ending(self._file) != ".parquet":
            return None
        count = "SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata(?)"
        try:
            # a connection of its own: this one may be in the middle of a stream
            with interruptible():
                found = self._connection.cursor().execute(count, [self._file]).fetchone()
        except (self._error, OSError):
            return None  # the reader will say what is wrong
        return None if found is None else found[0]

    def head(self, rows: int) -> Batch:
        try:
            with interruptible():
                first = self._connection.sql(f"FROM ({self._query}\n) LIMIT {rows}")
                table = first.to_arrow_table()
        except (self._error, OSError) as error:
            raise self._plainly(error) from None
        if not table.num_rows:
            return {}
        return {n: table.column(n).combine_chunks() for n in table.column_names}

    def batches(
        self, columns: Sequence[str], *, order_by: str | None = None, spill: str = ""
    ) -> Iterator[Batch]:
        """Yield the rows in their order, or in that of a column; sorting may need a folder."""
        chosen = ", ".join(_quoted(n) for n in columns)
        order = f" ORDER BY {_quoted(order_by)}" if order_by else ""
        try:
            if spill:
                self._connection.execute("SET temp_directory = ?", [spill])
            relation = self._connection.sql(f"SELECT {chosen} FROM ({self._query}\n){order}")
            width = sum(f.width or 1 for f in self.fields if f.name in set(columns))
            for batch in _reader(relation, rows_at_a_time(width)):
                yield {n: batch.column(i) for i, n in enumerate(columns)}
        except (self._error, OSError) as error:
            raise self._plainly(error) from None

    def close(self) -> None:
        self._connection.close()

    def _plainly(self, error: Exception) -> SourceError:
        """DuckDB's error in one line, with the file and line where it names them."""
        text = str(error)
        line = re.search(r"CSV Error on Line: (\d+)", text)
        path = re.search(r"file = (.+)", text)
        if line:
            found = path.group(1).strip() if path else self.name
            columns = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
            value = re.search(r'Error when converting column "(.+)"\. (.+)', text)
            what = "it is malformed"
            if columns:
                what = f"expected {columns.group(1)} fields, found {columns.group(2)}"
            elif value:
                what = f"column {value.group(1)!r}: {_lower(value.group(2))}"
            return SourceError(f"{found}:{line.group(1)}: {what}", index=int(line.group(1)))
        broken = _malformed_line(self._file)
        if broken:
            return broken
        first = text.split("\n")[0]
        first = re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", first)
        if "No magic bytes" in first or "Parquet" in first or "TProtocol" in first:
            first += "; the Parquet file is truncated or is no Parquet file"
        what = "sql cannot be run" if self._sql is not None else f"{self.name} cannot be read"
        return SourceError(f"{what}: {_lower(first)}")


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C in the middle of a query be Ctrl-C; DuckDB makes an error of its own of it."""
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise


def _lower(text: str) -> str:
    # an abbreviation stays: JSON, CSV
    return (text if text[1:2].isupper() else text[:1].lower() + text[1:]).rstrip(".")


def rows_at_a_time(width: float, most: int | None = None) -> int:
    """Return how many rows of so many values are read at a time; `most` is BATCH_ROWS.

    >>> rows_at_a_time(10), rows_at_a_time(1000)
    (61440, 8388)
    """
    most = BATCH_ROWS if most is None else most
    return max(FEWEST_ROWS, min(most, int(BATCH_VALUES / max(width, 1))))


def _reader(relation: Any, rows: int) -> Any:
    """The Arrow reader of a relation, under either of its names."""
    read = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch
    return read(rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def reader_of(path: str, kind: str | None = None) -> str:
    """Return the DuckDB call that reads a path or pattern; `kind` overrides its ending."""
    literal = "'" + path.replace("'", "''") + "'"
    ending = kind or _ending(path)
    if ending in DELIMITERS:
        delimiter = DELIMITERS[ending]
        if ending == ".csv":
            delimiter = _delimiter(path) or delimiter
        _check_header(path, delimiter)
        return f"read_csv({literal}, delim='{delimiter}', quote='\"', header=true)"
    if ending in (".parquet", ".pq"):
        return f"read_parquet({literal})"
    if ending in (".json", ".jsonl", ".ndjson"):
        return f"read_json_auto({literal})"
    raise SourceError(
        f"source must be .csv, .tsv, .json, .jsonl, .ndjson, .parquet or .npz, got {path!r}; "
        "other formats: --sql with the DuckDB function that reads them",
        value=path,
    )


def _ending(path: str) -> str:
    base = path.lower()
    for packed in PACKED:
        base = base.removesuffix(packed)
    return os.path.splitext(base)[1]


def _first_file(path: str) -> str | None:
    if os.path.isfile(path):
        return path
    found = sorted(glob.glob(path, recursive=True))
    return found[0] if found else None


def _delimiter(path: str) -> str | None:
    """The likeliest delimiter of a header line; None where the file is packed or has none."""
    first = _first_file(path)
    if first is None or first.lower().endswith(PACKED):
        return None
    with open(first, encoding="utf-8", errors="replace", newline="") as file:
        header = file.readline()
    counts = {d: header.count(d) for d in ",;\t|"}
    best = max(counts, key=lambda d: counts[d])
    return best if counts[best] else None


def _check_header(path: str, delimiter: str) -> None:
    """Raise where a name comes twice: DuckDB would call the second one something else.

    And where the first row has more fields than the header: DuckDB would leave the header out and
    take that row for it. And where there is no header, whose place a row would take.
    """
    first = _first_file(path)
    if first is None or first.lower().endswith(PACKED):
        return
    with open(first, "rb") as bytes_of_it:
        if bytes_of_it.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise SourceError(f"{first} must be text in UTF-8, got UTF-16; save it as UTF-8")
    with open(first, encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            names = next(reader, [])
            row = next(reader, [])
        except csv.Error:
            return  # the reader says where
        line = reader.line_num
    if _are_values(names):
        values = delimiter.join(names)
        raise SourceError(
            f"{first}:1: the first line must name the columns, got values: {values}; "
            f"name them with --sql \"FROM read_csv('{first}', header=false, "
            f'names=[{_names_for(names)}])"'
        )
    twice = repeated(names)
    if twice is not None:
        raise SourceError(f"{first}:1: column names must be different, got {twice!r} twice")
    # a first line of one field may stand above the header
    if 1 < len(names) < len(row):
        raise SourceError(
            f"{first}:{line}: expected {len(names)} fields, found {len(row)}", index=line
        )


def _are_values(names: list[str]) -> bool:
    """Whether a first line is a row: numbers only, not all whole, or several that sum to 1."""
    numbers = [float(name) for name in names if re.fullmatch(NUMBER, name.strip(), re.I)]
    whole = [number.is_integer() for number in numbers]
    if len(numbers) == len(names):
        return not all(whole)
    return len(numbers) - sum(whole) > 1 and abs(sum(numbers) - 1) < 1e-3


def _names_for(values: list[str]) -> str:
    """Names for columns that have none, as SQL: 'label', 'p_0', 'p_1'."""
    fractions = [i for i, value in enumerate(values) if "." in value or "e-" in value.lower()]
    if len(fractions) != len(values) - 1:
        return "'label', ..."
    names = {i: f"'p_{j}'" if len(fractions) > 1 else "'p'" for j, i in enumerate(fractions)}
    return ", ".join(names.get(i, "'label'") for i in range(len(values)))


def _malformed_line(path: str) -> SourceError | None:
    """The first line whose number of fields is not the header's, where DuckDB did not say."""
    if _ending(path) not in DELIMITERS:
        return None
    first = _first_file(path)
    delimiter = _delimiter(path)
    if first is None or delimiter is None:
        return None
    with open(first, encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 0
        try:
            expected = len(next(reader, []))
            for row in reader:
                if reader.line_num > SCANNED_LINES:
                    break
                if row and len(row) != expected:
                    return SourceError(
                        f"{first}:{reader.line_num}: expected {expected} fields, found {len(row)}",
                        index=reader.line_num,
                        value=delimiter.join(row),
                    )
                line = reader.line_num
        except csv.Error as error:
            what = str(error)
            if "unexpected end" in what or "field larger" in what:
                what = "a quote is opened and not closed"
            return SourceError(f"{first}:{line + 1}: {what}", index=line + 1)
    return None
