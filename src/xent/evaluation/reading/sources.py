"""Where predictions come from: the choice among the kinds of source."""

from __future__ import annotations

import os
import queue
import shutil
import sys
import tempfile
import threading
import zipfile
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import numpy as np

from xent.errors import SourceError, XentTypeError
from xent.evaluation.reading.batches import Batch
from xent.evaluation.reading.duck import DuckSource, reader_of
from xent.evaluation.reading.parquet import open_parquet
from xent.evaluation.reading.parts import PartsSource, check_once
from xent.evaluation.reading.paths import must_exist
from xent.evaluation.reading.source import Source
from xent.evaluation.reading.streams import query_table, streamable
from xent.evaluation.reading.tables import ArraySource, ArrowSource

__all__ = ["PATH", "ahead", "open_source"]

PATH = (str, os.PathLike)


def open_source(source: Any, sql: str | None = None) -> Source:
    """Open a path, a list of paths, a pattern, "-", a query, a dict of arrays or a table."""
    if isinstance(source, list) and source and all(isinstance(s, PATH) for s in source):
        paths = [os.fspath(s) for s in source]
        if sql is not None:
            raise SourceError(
                f"sql must come with one source, got {len(paths)}; name the files in the query"
            )
        if len(paths) > 1:
            return PartsSource(paths, _open_path)
        source = paths[0]
    if isinstance(source, PATH):
        check_once([os.fspath(source)])
    if sql is not None:
        return _open_query(source, sql)
    if isinstance(source, PATH):
        return _open_path(os.fspath(source))
    source = streamable(source)
    if isinstance(source, Mapping):
        return ArraySource(source)
    if hasattr(source, "__arrow_c_stream__"):
        return ArrowSource(source, type(source).__name__)
    raise XentTypeError(
        "source must be a path, a dict of arrays, a pair (target, probs) or a table that "
        f"streams Arrow (pandas, Polars, PyArrow, a DuckDB relation), got {type(source).__name__}"
    )


def _open_query(source: Any, sql: str) -> Source:
    sql = sql.strip().rstrip(";")
    if source is None:
        return DuckSource(sql, "query", sql=sql)
    if not isinstance(source, PATH):
        return ArrowSource(query_table(source, sql), "query")
    path = os.fspath(source)
    if path.endswith((".duckdb", ".db")):
        must_exist(path)
        return DuckSource(sql, path, sql=sql, database=path)
    must_exist(path)
    # the query sees the file as a table of the name "source"
    return DuckSource(f"WITH source AS (FROM {reader_of(path)}) FROM ({sql}\n)", path, sql=sql)


def _open_path(path: str, beside: Source | None = None) -> Source:
    if path == "-":
        return _StandardInput()
    must_exist(path)
    if path.lower().endswith(".npz"):
        return _open_npz(path)
    opened = beside if isinstance(beside, DuckSource) else None
    return open_parquet(path, beside=opened)


def _open_npz(path: str) -> Source:
    return ArraySource(_arrays(path), path)


def _arrays(path: str) -> dict[str, Any]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.ndarray):
            with archive:
                return {name: archive[name] for name in archive.files}
    # zipfile and zlib have errors of their own for what is damaged, encrypted, or packed in a way
    # that is not known; NumPy reads the header of an array as Python, and raises what that raises
    except Exception as error:
        raise SourceError(f"{path} cannot be read: {_why(error)}") from None
    raise SourceError(
        f"{path} must be an archive of named arrays, got a single array; save it with "
        "numpy.savez(path, target=..., probs=...)"
    )


def _why(error: Exception) -> str:
    """Return what is wrong with an archive, in the words of its reader where these help."""
    what = (str(error) or type(error).__name__).splitlines()[0]
    # NumPy advises to load what it takes for a pickle; an archive of numbers is none
    if "Object arrays" in what:
        return "it holds Python objects"
    said = isinstance(error, (OSError, MemoryError, RuntimeError, zipfile.BadZipFile))
    if said and "zip" not in what and "pickle" not in what:
        return what
    return "it is truncated or no .npz file"


class _StandardInput(DuckSource):
    """Standard input, kept in a temporary file: its columns are looked at before it is read."""

    def __init__(self) -> None:
        if sys.stdin is None:
            raise SourceError("source '-' must have rows, got closed standard input", code="D02")
        self._folder = tempfile.TemporaryDirectory(prefix="xent-")
        try:
            path = self._keep()
            super().__init__(f"FROM {_reader_of_input(path)}", path)
        except BaseException:
            self._folder.cleanup()
            raise
        self.name = "standard input"

    def _keep(self) -> str:
        """Copy what comes to a file, and return its path."""
        start = sys.stdin.buffer.read(4)
        kind = ".parquet" if start == b"PAR1" else ".csv"
        if start.lstrip()[:1] in (b"{", b"["):
            kind = ".jsonl"
        path = os.path.join(self._folder.name, "stdin" + kind)
        with open(path, "wb") as file:
            file.write(start)
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        if not os.path.getsize(path):
            raise SourceError("source '-' must have rows, got empty standard input", code="D02")
        return path

    def _plainly(self, error: Exception) -> SourceError:
        plain = super()._plainly(error)
        text = str(plain).replace(self._file, "standard input")
        return SourceError(text, index=plain.index, value=plain.value)

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


def _reader_of_input(path: str) -> str:
    """The reader of a copy of standard input, whose errors do not name it."""
    try:
        return reader_of(path)
    except SourceError as error:
        # no query reads it
        said, named, _ = str(error).replace(path, "standard input").partition("; name them")
        text = f"{said}; put their names into the first line" if named else said
        raise SourceError(text, index=error.index) from None


def ahead(items: Iterator[Batch], depth: int = 2) -> Generator[Batch, None, None]:
    """Yield the same items, the next ones fetched on a thread while this one is used."""
    waiting: queue.Queue[tuple[Batch | None, BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()
    main = threading.main_thread()

    def put(item: tuple[Batch | None, BaseException | None]) -> None:
        # the process may end while nobody asks for more
        while not stopped.is_set() and main.is_alive():
            try:
                return waiting.put(item, timeout=0.1)
            except queue.Full:
                continue

    def fetch() -> None:
        try:
            for item in items:
                put((item, None))
                if stopped.is_set() or not main.is_alive():
                    return
            put((None, None))
        except BaseException as error:
            put((None, error))

    # no daemon: Python would end under a thread that is in a library, which aborts the process
    thread = threading.Thread(target=fetch, name="xent-reader", daemon=False)
    try:
        thread.start()
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()
        if thread.is_alive():  # else Ctrl-C came while it was being started, and it ends by itself
            thread.join()
