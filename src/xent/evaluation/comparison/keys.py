"""Rows of several sources with the same key side by side: sorted, then merged as they stream."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation.comparison.streams import part
from xent.evaluation.numbers import counted
from xent.evaluation.reading import batches
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.duck import DuckSource
from xent.evaluation.reading.names import column_named
from xent.evaluation.reading.parquet import ParquetSource
from xent.evaluation.reading.source import Source
from xent.evaluation.reading.sources import ahead
from xent.kernels.cpu.log_loss import MISSING

__all__ = ["KeyedRows"]

Array = npt.NDArray[Any]
Stream = Generator[tuple[Array, Batch], None, None]
BATCH_ROWS = 1 << 16
KINDS = {"int": "whole numbers", "text": "text"}


class KeyedRows:
    """Rows that have the same key in every source.

    Every source is sorted by the key: a file by DuckDB, which spills to disk, arrays in
    memory. Rows without a partner are counted, and refused unless `inner`.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        columns: Sequence[Sequence[str]],
        key: str,
        *,
        inner: bool,
    ) -> None:
        self._sources = sources
        self._key = key
        self._inner = inner
        self._columns = [list(dict.fromkeys([*c, key])) for c in columns]
        self.unmatched = [0] * len(sources)
        self._first_unmatched: list[Any] = [None] * len(sources)
        self._repeated = [0] * len(sources)
        self._first_repeated: list[Any] = [None] * len(sources)
        self._seen = [0] * len(sources)
        self._kind = self._check_kinds()

    def _check_kinds(self) -> str:
        kinds = []
        for source in self._sources:
            by_name = {f.name: f.kind for f in source.fields}
            try:
                column_named("key", self._key, list(by_name))
            except SourceError as error:
                if all(part.strip() in by_name for part in self._key.split(",")):
                    raise SourceError(
                        f"{source.name}: key must name a column, got {self._key!r}; a key is one "
                        "column: make one of them with --sql \"SELECT *, concat_ws('/', "
                        f'{self._key}) AS key FROM source"',
                        value=self._key,
                    ) from None
                raise SourceError(f"{source.name}: {error}", value=self._key) from None
            kinds.append(by_name[self._key])
        for source, kind in zip(self._sources, kinds, strict=True):
            if kind not in KINDS:
                raise XentTypeError(
                    f"key {self._key!r} must hold whole numbers or text, got {kind} in "
                    f"{source.name}; cast it with --sql"
                )
            if kind != kinds[0]:
                raise XentTypeError(
                    f"key {self._key!r} must hold the same in all sources, got "
                    f"{KINDS[kinds[0]]} in {self._sources[0].name} and {KINDS[kind]} in "
                    f"{source.name}; cast it with --sql"
                )
        return kinds[0]

    def batches(self) -> Iterator[list[Batch]]:
        """Yield batches of the same keys, one of each source, in the order of the keys."""
        streams = [self._sorted(s, c) for s, c in zip(self._sources, self._columns, strict=True)]
        with contextlib.ExitStack() as stack:
            # a source is closed after the thread that reads it
            for stream in streams:
                stack.callback(stream.close)
            yield from self._abreast(streams)
        self._check()

    def _abreast(self, streams: list[Stream]) -> Iterator[list[Batch]]:
        waiting: list[tuple[Array, Batch] | None] = [next(s, None) for s in streams]
        last: list[Any] = [None] * len(streams)
        while True:
            there = [w for w in waiting if w is not None]
            if not there:
                break
            # every stream holds all of its keys up to here
            limit = min(keys[-1] for keys, _ in there)
            found: list[tuple[Array, Batch]] = []
            for i, held in enumerate(waiting):
                if held is None:
                    found.append((np.array([]), {}))
                    continue
                keys, batch = held
                end = int(np.searchsorted(keys, limit, side="right"))
                found.append((keys[:end], part(batch, 0, end)))
                self._watch(i, keys[:end], last)
                rest = (keys[end:], part(batch, end, len(keys)))
                waiting[i] = rest if len(rest[0]) else next(streams[i], None)
            matched = self._matched(found)
            if matched is not None:
                yield matched

    def _watch(self, i: int, keys: Array, last: list[Any]) -> None:
        """Count keys that come twice."""
        if not len(keys):
            return
        same = keys[1:] == keys[:-1]
        first = last[i] is not None and keys[0] == last[i]
        repeats = int(np.count_nonzero(same)) + int(first)
        if repeats and not self._repeated[i]:
            self._first_repeated[i] = keys[0] if first else keys[1:][same][0]
        self._repeated[i] += repeats
        self._seen[i] += len(keys)
        last[i] = keys[-1]

    def _matched(self, found: list[tuple[Array, Batch]]) -> list[Batch] | None:
        keys = [k for k, _ in found]
        if all(len(k) == len(keys[0]) and np.array_equal(k, keys[0]) for k in keys[1:]):
            return [batch for _, batch in found] if len(keys[0]) else None
        if any(not len(k) for k in keys):
            common: Array = keys[0][:0]
        else:
            common = reduce(np.intersect1d, keys)
        taken = []
        for i, (of_source, batch) in enumerate(found):
            if not len(of_source):
                continue
            place = np.minimum(np.searchsorted(common, of_source), max(len(common) - 1, 0))
            alone = (common[place] != of_source) if len(common) else np.ones(len(of_source), bool)
            if alone.any():
                if not self.unmatched[i]:
                    self._first_unmatched[i] = of_source[np.argmax(alone)]
                self.unmatched[i] += int(alone.sum())
            taken.append(_take(batch, np.flatnonzero(~alone)))
        # repeated keys are refused at the end; their rows cannot be paired
        if not len(common) or len({num_rows(batch) for batch in taken}) > 1:
            return None
        return taken

    def _check(self) -> None:
        for i, source in enumerate(self._sources):
            if self._repeated[i]:
                raise SourceError(
                    f"key {self._key!r} must be different in every row, got "
                    f"{_shown(self._first_repeated[i])} more than once in {source.name} "
                    f"({counted(self._repeated[i], 'row repeats', 'rows repeat')} a key)",
                    value=_plain(self._first_repeated[i]),
                )
        if any(self.unmatched) and not self._inner:
            said = ", ".join(
                f"{count:,} of {seen:,} rows of {source.name} (first {_shown(first)})"
                for source, count, seen, first in zip(
                    self._sources, self.unmatched, self._seen, self._first_unmatched, strict=True
                )
                if count
            )
            raise SourceError(
                f"every key {self._key!r} must be in all sources, got without a partner: {said}; "
                "to compare the rows that all have, say inner",
                value=list(self.unmatched),
            )

    def _sorted(self, source: Source, columns: list[str]) -> Stream:
        if isinstance(source, (DuckSource, ParquetSource)):
            in_order = source.batches(columns, order_by=self._key, spill=tempfile.gettempdir())
            with contextlib.closing(ahead(in_order)) as stream:
                for batch in stream:
                    if num_rows(batch):
                        yield self._keys(source, batch), batch
            return
        whole = _gathered(list(source.batches(columns)))
        keys = self._keys(source, whole, are_numbered=True)
        order = np.argsort(keys, kind="stable")
        for begin in range(0, len(order), BATCH_ROWS):
            rows = order[begin : begin + BATCH_ROWS]
            yield keys[rows], _take(whole, rows)

    def _keys(self, source: Source, batch: Batch, *, are_numbered: bool = False) -> Array:
        column = batch[self._key]
        missing: Array
        if self._kind == "int":
            keys: Array = batches.integers(self._key, column, 0)
            missing = np.asarray(keys == MISSING)
        else:
            if batches.is_arrow(column):
                keys = np.array(column.to_pylist(), dtype=object)
            else:
                keys = column.astype(object)
            missing = np.array([k is None or k != k for k in keys], dtype=bool)
        if missing.any():
            count, row = counted(int(missing.sum())), int(np.argmax(missing))
            where = f", the first row {row}" if are_numbered else ""  # rows of a file are sorted
            raise XentValueError(
                f"key {self._key!r} must be there in every row, got {count} of {source.name} "
                f"without one{where}; leave such rows out: nothing tells their partners",
                index=row if are_numbered else None,
            )
        return keys


def _take(batch: Batch, rows: Array) -> Batch:
    return {name: _taken(column, rows) for name, column in batch.items()}


def _taken(column: Any, rows: Array) -> Any:
    if batches.is_arrow(column):
        import pyarrow as pa

        return column.take(pa.array(rows))
    return column[rows]


def _gathered(parts: list[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    whole: Batch = {}
    for name in parts[0]:
        columns = [batch[name] for batch in parts]
        if batches.is_arrow(columns[0]):
            import pyarrow as pa

            whole[name] = pa.concat_arrays(columns)
        else:
            whole[name] = np.concatenate(columns)
    return whole


def _plain(key: Any) -> Any:
    return key.item() if hasattr(key, "item") else key


def _shown(key: Any) -> str:
    return repr(_plain(key))
