"""How two summaries are added, or why not."""

from __future__ import annotations

from typing import Any

from xent.errors import MergeError

__all__ = ["added", "difference"]


def added(name: str, ours: Any, theirs: Any) -> Any:
    """Return the sum of a part that both summaries have; None where neither has it."""
    if (ours is None) != (theirs is None):
        raise MergeError(
            f"summaries must both have {name} to be added, or neither; "
            "evaluate both parts with the same options",
            code="D30",
        )
    return None if ours is None else ours + theirs


def difference(ours: Any, theirs: Any) -> str:
    """Return two settings in words; of long lists the first place where they differ."""
    if not isinstance(ours, tuple) or len(ours) + len(theirs) < 20:
        return f"{ours!r} and {theirs!r}"
    if len(ours) != len(theirs):
        return f"{len(ours)} and {len(theirs)} of them"
    first = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
    return f"{ours[first]!r} and {theirs[first]!r} at position {first}"
