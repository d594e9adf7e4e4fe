"""Whether rows side by side are the same rows: a column that looks like their name says so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError
from xent.evaluation.groups.values import keys_of, texts_of
from xent.evaluation.reading.batches import Batch, is_arrow, num_rows
from xent.evaluation.reading.source import Source
from xent.evaluation.summary.rows import shortened

__all__ = ["IdentityCheck"]

# what columns that name rows are called
NAMES = (
    "id", "row_id", "rowid", "sample_id", "example_id", "item_id", "uid", "uuid", "guid", "key",
    "index", "__index_level_0__",
)  # fmt: skip


class IdentityCheck:
    """Compares a column that all sources have, and that looks like the name of a row.

    The truth alone may hide another order: of few rows, or where nearly all are of one class, it
    may be the same by chance.

    column   the name of the column; None where there is none, and nothing is checked
    """

    def __init__(
        self, sources: Sequence[Source], names: Sequence[str], taken: Collection[str]
    ) -> None:
        """`taken` are columns that are known to be something else, such as the truth.

        A source by itself has nothing to be compared with.
        """
        self._names = names[: len(sources)]
        self.column = _name_of_rows(sources, taken) if len(sources) > 1 else None
        self._rows = 0
        self._wrong = [0] * len(sources)
        self._first: list[tuple[int, str, str]] = [(-1, "", "")] * len(sources)
        # keys of what differs, added up: 0 where both hold the same in another order
        self._apart = [0] * len(sources)

    def add(self, several: Sequence[Batch]) -> None:
        """Compare the column of the first source with that of each other one."""
        if self.column is None:
            return
        first_row, own = self._rows, several[0][self.column]
        self._rows += num_rows(several[0])
        for i, batch in enumerate(several[1:], 1):
            other = batch[self.column]
            if _equal(own, other):
                continue
            ours, theirs = (_keys(self.column, column) for column in (own, other))
            differ = np.flatnonzero(ours != theirs)
            if not differ.size:
                continue
            if not self._wrong[i]:
                at = int(differ[0])
                here = slice(at, at + 1)
                self._first[i] = first_row + at, _shown(own[here]), _shown(other[here])
            self._wrong[i] += differ.size
            self._apart[i] += sum(ours[differ].tolist()) - sum(theirs[differ].tolist())

    def conclude(self) -> list[str]:
        """Raise if rows came in another order; return notes on names that are others."""
        notes = []
        for name, wrong, apart, (row, ours, theirs) in zip(
            self._names, self._wrong, self._apart, self._first, strict=True
        ):
            if not wrong:
                continue
            if not apart:
                raise SourceError(
                    f"rows that are compared must be the same rows, got those of {name} in another "
                    f"order than those of {self._names[0]}: column {self.column!r} holds the same "
                    f"values, another one in {wrong:,} of {self._rows:,} rows, first in row {row} "
                    f"({ours} and {theirs}); to pair rows by it, say key={self.column!r}",
                    index=row,
                    value=wrong,
                )
            notes.append(
                f"column {self.column!r} of {name} differs from that of {self._names[0]} in "
                f"{wrong:,} of {self._rows:,} rows, first in row {row}: if it names the rows, key "
                "pairs them by it"
            )
        return notes


def _name_of_rows(sources: Sequence[Source], taken: Collection[str]) -> str | None:
    kinds = [{f.name: f.kind for f in source.fields} for source in sources]
    for name, kind in kinds[0].items():
        known = name.lower() in NAMES and name not in taken and kind in ("int", "text")
        if known and all(of.get(name) == kind for of in kinds):
            return name
    return None


def _equal(own: Any, other: Any) -> bool:
    if is_arrow(own) and is_arrow(other):
        return bool(own.equals(other))
    return not (is_arrow(own) or is_arrow(other)) and np.array_equal(own, other)


def _shown(one: Any) -> str:
    """Return the value of a column of one row, as it is told."""
    texts, _ = texts_of("a column that names rows", one)
    return shortened(texts[0])


def _keys(name: str, column: Any) -> npt.NDArray[np.uint64]:
    """Return a key of each value; that it is missing is a value too."""
    needed = np.zeros(len(column), dtype=bool)
    return keys_of("key", name, column, 0, needed)
