"""Places and counts, as messages write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Index", "at", "first", "number", "row_index", "row_name", "share"]

Index = tuple[int, ...]


def first(mask: NDArray[np.bool_]) -> Index:
    """Return the multi-index of the first true element in C order.

    >>> first(np.array([[False, False], [True, True]]))
    (1, 0)
    """
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def at(name: str, index: Index) -> str:
    """Return an element's place: `target[12, 83]`, or the bare name without an index."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def row_name(name: str, index: Index, axis: int, ndim: int) -> str:
    """Return a row's place; the class axis shows as a colon unless it is the last.

    >>> row_name("p", (3,), -1, 2), row_name("p", (3, 7), 1, 3), row_name("p", (), 0, 1)
    ('p[3]', 'p[3, :, 7]', 'p')
    """
    axis %= ndim
    if axis == ndim - 1:
        return at(name, index)
    parts = [*map(str, index[:axis]), ":", *map(str, index[axis:])]
    return f"{name}[{', '.join(parts)}]"


def row_index(index: Index) -> Index | int | None:
    """Return a row's index as errors carry it: an int for one axis, None for one row."""
    if not index:
        return None
    return index[0] if len(index) == 1 else index


def share(count: int, total: int, what: str = "") -> str:
    """Return `37 of 4,096`, and what they are.

    >>> share(37, 4096, "rows")
    '37 of 4,096 rows'
    """
    return f"{count:,} of {total:,}" + (f" {what}" if what else "")


def number(value: Any) -> str:
    """Return a number with four significant digits, whole numbers as they are.

    >>> number(np.float32(0.5)), number(3.0), number(255), number(1.23456e-9)
    ('0.5', '3.0', '255', '1.235e-09')
    """
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    value = float(value)
    if value == round(value, 0) and abs(value) < 1e6:
        return f"{value:.1f}"
    return f"{value:.4g}"
