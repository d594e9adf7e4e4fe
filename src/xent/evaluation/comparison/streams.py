"""Rows of several sources side by side: the first with the first, as far as all go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xent.errors import SourceError
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.source import Source
from xent.evaluation.reading.sources import ahead
from xent.evaluation.reading.tables import ArraySource

__all__ = ["by_row", "part"]


def part(batch: Batch, begin: int, end: int) -> Batch:
    """Return some rows of a batch, without copying them."""
    return {
        name: column.slice(begin, end - begin) if hasattr(column, "slice") else column[begin:end]
        for name, column in batch.items()
    }


def by_row(sources: Sequence[Source], columns: Sequence[Sequence[str]]) -> Iterator[list[Batch]]:
    """Yield batches of the same rows, one of each source.

    Raises
    ------
    SourceError
        Where one source ends before another; all are counted to their ends.
    """
    streams = [_stream(s, c) for s, c in zip(sources, columns, strict=True)]
    try:
        yield from _abreast(sources, streams)
    finally:
        for stream in streams:
            close = getattr(stream, "close", None)
            if close is not None:
                close()


def _stream(source: Source, columns: Sequence[str]) -> Iterator[Batch]:
    stream = source.batches(columns)
    return stream if isinstance(source, ArraySource) else ahead(stream)


def _abreast(sources: Sequence[Source], streams: list[Iterator[Batch]]) -> Iterator[list[Batch]]:
    waiting: list[Batch] = [{} for _ in streams]
    seen = 0
    while True:
        for i, stream in enumerate(streams):
            while not num_rows(waiting[i]):
                batch = next(stream, None)
                if batch is None:
                    break
                waiting[i] = batch
        lengths = [num_rows(batch) for batch in waiting]
        if not any(lengths):
            return
        if not all(lengths):
            counts = [
                seen + length + (sum(map(num_rows, stream)) if length else 0)
                for length, stream in zip(lengths, streams, strict=True)
            ]
            raise _unequal(sources, counts)
        common = min(lengths)
        yield [part(batch, 0, common) for batch in waiting]
        waiting = [
            part(batch, common, length) for batch, length in zip(waiting, lengths, strict=True)
        ]
        seen += common


def _unequal(sources: Sequence[Source], counts: list[int]) -> SourceError:
    said = ", ".join(f"{c:,} in {s.name}" for s, c in zip(sources, counts, strict=True))
    return SourceError(
        f"models compared row by row must have the same rows, got {said}; "
        "to pair them by a column that names the rows, say key",
        value=counts,
    )
