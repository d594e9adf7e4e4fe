"""The operations, fast: which implementations there are, and which of them serves a call."""

from xent.kernels._settings import (
    cached_bytes,
    empty_cache,
    instruction_set,
    num_threads,
    set_cache_limit,
    set_num_threads,
)
from xent.kernels.choice import Choice, explain

__all__ = [
    "Choice",
    "cached_bytes",
    "empty_cache",
    "explain",
    "instruction_set",
    "num_threads",
    "set_cache_limit",
    "set_num_threads",
]
