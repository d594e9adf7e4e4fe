"""Memory from the pool that the kernels take their results from.

A large array that was used before has its pages: the first touch of fresh ones costs more
than most arithmetic. See native/buffers.cpp.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

import xent._native as _native

__all__ = ["empty"]


def empty(count: int) -> NDArray[Any]:
    """Return so many bytes, whose memory goes back to the pool with the array."""
    return _native.empty(count)  # type: ignore[no-any-return]
