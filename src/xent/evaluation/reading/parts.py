"""Several files of predictions, one after the other, as one source."""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Iterator, Sequence

from xent.errors import SourceError
from xent.evaluation.numbers import counted
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.names import nearest
from xent.evaluation.reading.paths import files_of, is_pattern
from xent.evaluation.reading.source import Source
from xent.evaluation.summary.rows import Row, in_part

__all__ = ["PartsSource", "check_once"]


class PartsSource:
    """The rows of several paths, in the order of the paths; each is open while it is read,
    the first one all the time, so that the others may use what it has opened. `fields` are those
    of the first file with rows, as soon as its head has been asked for.

    Rows are numbered through all files; `called` says in which file a row is.
    """

    def __init__(self, paths: Sequence[str], open_path: Callable[..., Source]) -> None:
        check_once(paths)
        self._paths = list(paths)
        self._open = open_path
        self._first_rows: list[int] = []  # of each file read so far
        self._first: Source = open_path(self._paths[0])
        self._current = self._first
        self.fields = self._first.fields
        self.name = f"{len(self._paths)} files: {paths[0]} ... {paths[-1]}"

    @property
    def num_rows(self) -> int | None:
        """Known where there is one file only: to ask all would open them twice."""
        return self._first.num_rows if len(self._paths) == 1 else None

    def head(self, rows: int) -> Batch:
        # a part of a split may be empty, and a CSV without rows does not tell what its columns hold
        for path in self._paths:
            source = self._opened(path)
            with_rows = source.head(rows)
            if num_rows(with_rows):
                self.fields = source.fields
                return with_rows
        return {}

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        seen, self._first_rows = 0, []
        for path in self._paths:
            source = self._opened(path)
            names = [field.name for field in source.fields]
            missing = next((c for c in columns if c not in names), None)
            if missing is not None and num_rows(source.head(1)):
                raise SourceError(
                    f"every file must have the columns of the first, got {path!r} without "
                    f"{missing!r}; {nearest(missing, names)}",
                    value=path,
                )
            self._first_rows.append(seen)
            if missing is not None:
                continue
            for batch in source.batches(columns):
                seen += num_rows(batch)
                yield batch

    def called(self, row: Row) -> Row:
        """Return a row that is numbered through all files by its number in its own file."""
        if not isinstance(row, int):
            return row
        part = bisect.bisect_right(self._first_rows, row) - 1
        return in_part(row - self._first_rows[part], self._paths[part])

    def close(self) -> None:
        self._leave()
        self._first.close()

    def _opened(self, path: str) -> Source:
        """The source of a path; the one before it is closed."""
        self._leave()
        if path != self._paths[0]:
            self._current = self._open(path, self._first)
        return self._current

    def _leave(self) -> None:
        if self._current is not self._first:
            self._current.close()
        self._current = self._first


def check_once(paths: Sequence[str]) -> None:
    """Raise where a file is named twice, by itself, through a link or by a pattern."""
    named: dict[str, list[tuple[str, str]]] = {}
    for path in paths:
        for spelt in files_of(path):
            named.setdefault(os.path.realpath(spelt), []).append((path, spelt))
    again = [found for found in named.values() if len(found) > 1]
    if not again:
        return
    names = [path for path, _ in again[0]]
    times = "twice" if len(names) == 2 else f"{len(names)} times"
    got, fix = f"{again[0][0][1]!r} {times}", "name it once"
    if any(map(is_pattern, names)):
        by = " and ".join(map(repr, dict.fromkeys(names)))
        got, fix = f"{got}, by {by}", "leave out what a pattern finds already"
        if len(set(names)) == 1:
            # a pattern names a file once, so that one of the names is a link
            links = ", ".join(repr(spelt) for _, spelt in again[0][1:])
            got, fix = f"{got} as {links} too", "choose a pattern that leaves links out"
    more = f" ({counted(len(again) - 1, 'more such file')})" if len(again) > 1 else ""
    raise SourceError(
        f"sources must be different files, got {got}: its rows would count {times}{more}; {fix}",
        value=names[0],
    )
