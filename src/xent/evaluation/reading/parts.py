"""Several files of predictions, one after the other, as one source."""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Iterator, Sequence

from xent.errors import SourceError
from xent.evaluation.reading.batches import Batch, num_rows
from xent.evaluation.reading.names import nearest, repeated
from xent.evaluation.reading.source import Source
from xent.evaluation.summary.rows import Row, in_part

__all__ = ["PartsSource"]


class PartsSource:
    """The rows of several paths, in the order of the paths; each is open while it is read,
    the first one all the time, so that the others may use what it has opened. `fields` are those
    of the first file with rows, as soon as its head has been asked for.

    Rows are numbered through all files; `called` says in which file a row is.
    """

    def __init__(self, paths: Sequence[str], open_path: Callable[..., Source]) -> None:
        files = [_file_of(path) for path in paths]
        again = repeated(files)
        if again is not None:
            twice = paths[files.index(again)]
            raise SourceError(
                f"sources must be different files, got {twice!r} twice: its rows would count twice",
                value=twice,
            )
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


def _file_of(path: str) -> str:
    """Return one name for all paths to a file: ./a, a link to it."""
    return path if "://" in path else os.path.realpath(path)
