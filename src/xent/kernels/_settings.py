"""Threads and memory of the native kernels."""

from __future__ import annotations

import operator

import xent._native as _native
from xent.errors import XentTypeError, XentValueError

__all__ = [
    "cached_bytes",
    "empty_cache",
    "instruction_set",
    "num_threads",
    "set_cache_limit",
    "set_num_threads",
]


def num_threads() -> int:
    """Return how many threads a native kernel may use.

    At first what the environment variable ``XENT_NUM_THREADS`` says, else the number of
    processors that this process may run on.
    """
    return int(_native.num_threads())


def set_num_threads(count: int | None) -> None:
    """Set how many threads a native kernel may use, in this process; None: the default again.

    No result depends on it: work is cut into the same pieces whatever their number.

    Raises
    ------
    XentTypeError
        If `count` is no integer.
    XentValueError
        If `count` is less than 1.
    """
    try:
        whole = 0 if count is None else operator.index(count)
    except TypeError:
        raise XentTypeError(
            f"count must be an integer, or None, got {count!r}", value=count
        ) from None
    if count is not None and whole < 1:
        raise XentValueError(f"count must be at least 1, or None, got {count}", value=count)
    _native.set_num_threads(whole)


def instruction_set() -> str:
    """Return the instruction set in use: "x86-64-v4", "x86-64-v3" or "baseline".

    The best that processor and build have; the environment variable ``XENT_ISA`` ("v3",
    "baseline") asks for a lower one before the import.
    """
    return str(_native.isa())


def cached_bytes() -> int:
    """Return how many bytes of collected results are kept for the next ones."""
    return int(_native.cached_bytes())


def set_cache_limit(num_bytes: int) -> None:
    """Set how many bytes of collected results may be kept; 0 keeps none.

    The default is 1 GiB, or what the environment variable ``XENT_CACHE_BYTES`` says.
    The first touch of fresh memory costs more than a softmax gradient computed into it,
    which is why the buffer of a result that is gone serves the next one.

    Raises
    ------
    XentValueError
        If `num_bytes` is negative.
    """
    if num_bytes < 0:
        raise XentValueError(f"num_bytes must be at least 0, got {num_bytes}", value=num_bytes)
    _native.set_cache_limit(num_bytes)


def empty_cache() -> None:
    """Give the memory of collected results back to the system."""
    _native.empty_cache()
