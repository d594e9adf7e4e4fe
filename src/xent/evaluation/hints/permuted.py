"""Columns that stand for other classes than they are called, seen in a table of confusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.assignment import cheapest_assignment
from xent.diagnostics.where import share
from xent.evaluation.summary.likeliest import Likeliest
from xent.evaluation.summary.summary import Summary

__all__ = ["one_off", "permuted_among_many", "permuted_columns"]

Counts = NDArray[np.int64]

LEAST_ROWS = 20
LEAST_FIT = 0.6  # of a class's rows, and of a column's
LEAST_GAIN = 0.2
ERRORS = 3
ALONE = 10  # times as often as the row's own class, and as the one on its other side


def permuted_columns(table: NDArray[np.int64], classes: Sequence[str]) -> tuple[str, str] | None:
    """Return what was found and the fix if columns fit other classes than their own; else None.

    A class fits another column where most of its rows go there and most of what goes there
    is of the class, by three standard errors and by a margin. One such class may be a class
    that the model cannot tell from another; two make a permutation.

    Parameters
    ----------
    table : integer array, shape (K, K)
        Rows by true class and likeliest class.
    classes : sequence of str
        Their names.
    """
    truth, said = table.sum(axis=1), table.sum(axis=0)
    likeliest = table.argmax(axis=1)
    own = np.arange(len(table))
    if not np.any(likeliest[truth >= LEAST_ROWS] != own[truth >= LEAST_ROWS]):
        return None
    # where it makes no difference a class stays at its column
    column = cheapest_assignment(-(2.0 * table + np.eye(len(table))))
    fits = table[own, column]
    fit = fits / np.maximum(1, np.maximum(truth, said[column]))
    gain = (fits - table.diagonal()) / np.maximum(1, truth)
    moved = np.flatnonzero(
        (column != own)
        & (truth >= LEAST_ROWS)
        & (fit >= _least_fit(truth, said[column]))
        & (gain >= LEAST_GAIN)
    )
    if len(moved) < 2:
        return None
    rows = int(truth.sum())
    now, then = int(table.diagonal().sum()) / rows, int(fits.sum()) / rows
    better = f"the likeliest class is right in {now:.1%} of the rows, and would be in {then:.1%}"
    if len(table) == 2:
        return (
            f"the columns look reversed: {better} with 1 - p in the place of p",
            f"name the classes in the order of the columns: classes={[classes[1], classes[0]]}",
        )
    return _told(moved, column, classes, better)


def permuted_among_many(counts: Likeliest, classes: Sequence[str]) -> tuple[str, str] | None:
    """Return what `permuted_columns` does, from bounds of the table; None where they are silent.

    What holds for the least that a count can be holds for the count. There are always classes
    among many that a model takes for others, and classes that it was never taught: their rows
    go to a column whose own class is where it should be, or has no rows. So one at least of
    the columns must be named after a class that fits another one itself.

    Parameters
    ----------
    counts : Likeliest
        Rows by true class, bounded by likeliest class.
    classes : sequence of str
        Their names.
    """
    truth, said, right = counts.rows, counts.said, counts.right
    column, least = counts.commonest()
    most = np.maximum(truth, said[column])
    fits = least / np.maximum(1, most)
    gain = (least - right) / np.maximum(1, truth)
    moves = (column != np.arange(len(truth))) & (truth >= LEAST_ROWS)
    moves &= (fits >= _least_fit(truth, said[column])) & (gain >= LEAST_GAIN)
    moved = np.flatnonzero(moves)
    if not moves[column[moved]].any():
        return None
    rows = int(truth.sum())
    now, then = int(right.sum()) / rows, int(np.where(moves, least, right).sum()) / rows
    better = (
        f"the likeliest class is right in {now:.1%} of the rows, and would be in at least "
        f"{then:.1%}"
    )
    return _told(moved, column, classes, better)


def _least_fit(truth: Counts, said: Counts) -> NDArray[np.float64]:
    """Return the share that is more than half, by three standard errors and by a margin."""
    margin = 0.5 + ERRORS * 0.5 / np.sqrt(np.maximum(1, np.minimum(truth, said)))
    found: NDArray[np.float64] = np.maximum(LEAST_FIT, margin)
    return found


def _told(
    moved: NDArray[np.intp], column: NDArray[Any], classes: Sequence[str], better: str
) -> tuple[str, str]:
    """Return the sentence for columns that fit other classes, and the fix."""
    shift = set((column[moved] - moved).tolist())
    if shift in ({-1}, {1}) and len(moved) > 2:
        base = "1-based" if shift == {-1} else "0-based, and the columns 1-based"
        return (
            f"the labels look {base}: class {classes[moved[0]]!r} fits the column of "
            f"{classes[column[moved[0]]]!r}, and so on for {share(len(moved), len(classes))} "
            f"classes; {better}",
            f"{'subtract 1 from' if shift == {-1} else 'add 1 to'} the target, or name the "
            "classes in the order of the columns",
        )
    shown = ", ".join(f"{classes[column[c]]!r} fits class {classes[c]!r}" for c in moved[:5])
    more = f" and {len(moved) - 5:,} more" if len(moved) > 5 else ""
    return (
        f"the columns look permuted: the column of {shown}{more}; {better}",
        "name the classes in the order of the columns, with classes",
    )


def one_off(s: Summary, beside: tuple[int, int]) -> tuple[str, str] | None:
    """Return what was found and the fix where the columns of many classes are one off; else None.

    Parameters
    ----------
    s : Summary
    beside : (int, int)
        Rows whose likeliest class is the one before their own, and the one after it.
    """
    before, after = beside
    most, other = max(beside), min(beside)
    # a model that always says one class is one off where the one beside it is the truth
    commonest = max(c.num_true for c in s.by_class)
    if most < LEAST_ROWS or most < ALONE * max(s.num_correct, other):
        return None
    if most - commonest < LEAST_GAIN * s.num_rows:
        return None
    base = "1-based" if before > after else "0-based, and the columns 1-based"
    side = "before" if before > after else "after"
    return (
        f"the labels look {base}: the likeliest class is the one {side} the row's own in "
        f"{most / s.num_rows:.1%} of the rows, and its own in {s.num_correct / s.num_rows:.1%}",
        f"{'subtract 1 from' if before > after else 'add 1 to'} the target, or name the "
        "classes in the order of the columns",
    )
