"""When a sampled check looks, and at which rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.policy import active

__all__ = ["FIRST_CALLS", "MAX_ROWS", "THEN_EVERY", "due", "forget", "sample_rows"]

FIRST_CALLS = 20
THEN_EVERY = 1000
MAX_ROWS = 64

_calls: dict[str, int] = {}


def due(name: str) -> bool:
    """Count a call of `name`; return whether its sampled check should look.

    Calls 1 to 20 of the process and then every 1000th at "fast", all at "full", none at
    "off". A count that two threads lose between them moves the sample, nothing else.
    """
    level = active()
    if level == "off":
        return False
    calls = _calls.get(name, 0) + 1
    _calls[name] = calls
    return calls <= FIRST_CALLS or calls % THEN_EVERY == 0 or level == "full"


def forget() -> None:
    """Start counting again (for tests)."""
    _calls.clear()


def sample_rows(array: NDArray[Any], axis: int, *, max_rows: int = MAX_ROWS) -> NDArray[Any]:
    """Return at most `max_rows` rows along `axis`, evenly spread, shape (rows, C).

    Copies the sample and nothing else, whatever the strides.
    """
    moved = np.moveaxis(array, axis, -1)
    shape = moved.shape[:-1]
    rows = int(np.prod(shape, dtype=np.int64))
    if not shape:
        return moved[None]
    picked = np.arange(rows) if rows <= max_rows else np.linspace(0, rows - 1, max_rows).astype(int)
    return moved[np.unravel_index(picked, shape)]
