"""What a row is called: its number, its number in a named part, its id, or nothing."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["MOST_LETTERS", "Row", "first_rows", "in_part", "place", "shortened"]

# int: counted from 0 in the one source; text: "part-2.parquet:17" or an id; None: a row of an
# engine that keeps no order
Row = int | str | None

MOST_LETTERS = 120  # of a name, so that a summary has a bounded size


def place(row: Row) -> tuple[int, int, str]:
    """Return what rows are sorted by: numbers first, then names, "a:9" before "a:10".

    >>> sorted(["a:10", 7, None, "a:9", 3], key=place)
    [3, 7, 'a:9', 'a:10', None]
    """
    if row is None:
        return 2, 0, ""
    return (0, row, "") if isinstance(row, int) else (1, len(row), row)


def first_rows(rows: Iterable[Row], count: int) -> tuple[Row, ...]:
    """Return the first rows of those that have a name."""
    return tuple(sorted((r for r in rows if r is not None), key=place)[:count])


def in_part(row: Row, part: str) -> Row:
    """Return what a numbered row of a part is called among the rows of other parts.

    >>> in_part(17, "part-2.parquet"), in_part("cat-3", "part-2.parquet")
    ('part-2.parquet:17', 'cat-3')
    """
    return f"{shortened(part)}:{row}" if isinstance(row, int) else row


def shortened(name: str) -> str:
    """Return a name of bounded length; of a long one its end, which tells files apart."""
    return name if len(name) <= MOST_LETTERS else "…" + name[1 - MOST_LETTERS :]
