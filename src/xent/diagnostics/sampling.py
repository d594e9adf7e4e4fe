"""When a sampled check looks, and at which rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.policy import level_here

__all__ = ["FIRST_CALLS", "MAX_ROWS", "THEN_EVERY", "due", "forget", "sample_rows", "sample_values"]

FIRST_CALLS = 20
THEN_EVERY = 1000
MAX_ROWS = 64

_looks: dict[str, int] = {}  # looks taken
_skip: dict[str, int] = {}  # calls to let pass before the next look


def due(name: str) -> bool:
    """Count a call of `name`; return whether its sampled check should look.

    Calls 1 to 20 of the process and then every 1000th at "fast", all at "full", none at
    "off". A count that two threads lose between them moves the sample, nothing else.
    """
    # on the path of every call, hence no call of active() and one branch for most
    skip = _skip.get(name)
    if skip:
        _skip[name] = skip - 1
        return level_here.get() == "full"
    level = level_here.get()
    if level == "off":
        return False
    looks = _looks.get(name, 0) + 1
    _looks[name] = looks
    if looks == FIRST_CALLS:
        _skip[name] = THEN_EVERY - FIRST_CALLS - 1
    elif looks > FIRST_CALLS:
        _skip[name] = THEN_EVERY - 1
    return True


def forget() -> None:
    """Start counting again (for tests)."""
    _looks.clear()
    _skip.clear()


def sample_rows(array: NDArray[Any], axis: int, *, max_rows: int = MAX_ROWS) -> NDArray[Any]:
    """Return at most `max_rows` rows along `axis`, evenly spread, shape (rows, C).

    Copies the sample and nothing else, whatever the strides.
    """
    moved = np.moveaxis(array, axis, -1)
    if moved.ndim == 1:
        return moved[None]
    return moved[_evenly(moved.shape[:-1], max_rows)]


def sample_values(array: NDArray[Any], max_values: int) -> NDArray[Any]:
    """Return at most `max_values` elements, evenly spread, shape (values,); a copy."""
    return array[_evenly(array.shape, max_values)]


def _evenly(shape: tuple[int, ...], most: int) -> tuple[NDArray[np.intp], ...]:
    count = math.prod(shape)
    picked = np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.intp)
    return np.unravel_index(picked, shape)
