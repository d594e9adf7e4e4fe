"""Whether rows side by side are the same rows: a column that looks like their name says so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError
from xent.evaluation.groups.values import texts_of
from xent.evaluation.reading.batches import Batch, field_of, is_arrow, num_rows, plain
from xent.evaluation.reading.source import Source
from xent.kernels.cpu.row_keys import text_keys

__all__ = ["IdentityCheck"]

Array = npt.NDArray[Any]
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
        """`taken` are columns that are known to be something else, such as the truth."""
        self._names = names
        self.column = _name_of_rows(sources, taken)
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
            differ = _differ(self.column, own, other)
            if not differ.size:
                continue
            ours, theirs = (_texts(self.column, column, differ) for column in (own, other))
            if not self._wrong[i]:
                self._first[i] = first_row + int(differ[0]), ours[0], theirs[0]
            self._wrong[i] += differ.size
            self._apart[i] += sum(text_keys(ours).tolist()) - sum(text_keys(theirs).tolist())

    def conclude(self) -> list[str]:
        """Raise if rows came in another order; return notes on names that are others."""
        notes = []
        for name, wrong, apart, (row, ours, theirs) in zip(
            self._names, self._wrong, self._apart, self._first, strict=False
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
    if not sources:
        return None
    kinds = [{f.name: f.kind for f in source.fields} for source in sources]
    for name, kind in kinds[0].items():
        known = name.lower() in NAMES and name not in taken and kind in ("int", "text")
        if known and all(of.get(name) == kind for of in kinds):
            return name
    return None


def _differ(name: str, own: Any, other: Any) -> npt.NDArray[np.int64]:
    """Return the rows in which two columns of a batch differ."""
    if is_arrow(own) and is_arrow(other) and own.type == other.type and own.equals(other):
        return np.array([], dtype=np.int64)
    whole = [
        not getattr(c, "null_count", 0) and field_of(name, c).kind == "int" for c in (own, other)
    ]
    if all(whole):
        return np.flatnonzero(plain(own) != plain(other))
    (a, of_a), (b, of_b) = texts_of(name, own), texts_of(name, other)
    return np.flatnonzero(np.array(a, dtype=object)[of_a] != np.array(b, dtype=object)[of_b])


def _texts(name: str, column: Any, rows: npt.NDArray[np.int64]) -> list[str]:
    texts, of = texts_of(name, column.take(rows))
    return [texts[place] for place in of]
