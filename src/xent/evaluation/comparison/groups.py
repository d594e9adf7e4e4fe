"""Columns of the first source that put rows into groups: slices, clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError
from xent.evaluation.groups.slices import Value, check_count
from xent.evaluation.groups.values import together
from xent.evaluation.reading.names import expand
from xent.evaluation.reading.source import Source

__all__ = ["MAX_SLICES", "Codes", "of_first"]

Array = npt.NDArray[Any]
Find = Callable[[str, Any, Sequence[str]], Any]

MAX_SLICES = 10_000  # more than `evaluate` has: no state has to hold them


def of_first(
    argument: str, chosen: str | Sequence[str], sources: Sequence[Source], find: Find = expand
) -> Any:
    """Return what `find` finds in the first source, such as columns; raise with where they are."""
    first, *others = sources
    try:
        return find(argument, chosen, [f.name for f in first.fields])
    except SourceError as error:
        if not others:
            raise
        for other in others:
            if error.value in (f.name for f in other.fields):
                raise SourceError(
                    f"{argument} must name a column of the first source, {first.name}, got "
                    f"{error.value!r}, which {other.name} has; name that one first",
                    value=error.value,
                ) from None
        raise SourceError(f"{first.name}: {error}", value=error.value) from None


class Codes:
    """Numbers the values of columns together as they turn up."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self.place: dict[Value, int] = {}

    def add(self, columns: Sequence[Any]) -> Array:
        """Return the number of each row's values."""
        values, codes = together(self._columns, columns)
        table = [self.place.setdefault(v, len(self.place)) for v in values]
        check_count(self._columns, self.place, MAX_SLICES)
        return np.array(table, dtype=np.int64)[codes]
