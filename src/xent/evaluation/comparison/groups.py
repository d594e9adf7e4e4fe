"""Rows by the value of a column: slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentValueError
from xent.evaluation.groups.values import texts_of

__all__ = ["MAX_SLICES", "Codes"]

Array = npt.NDArray[Any]

MAX_SLICES = 10_000


class Codes:
    """Numbers the values of a column as they turn up."""

    def __init__(self, name: str, most: int = MAX_SLICES) -> None:
        self._name = name
        self._most = most
        self.place: dict[str, int] = {}

    def add(self, column: Any) -> Array:
        """Return the number of each row's value."""
        texts, codes = texts_of(self._name, column)
        table = np.array([self.place.setdefault(t, len(self.place)) for t in texts], dtype=np.int64)
        if len(self.place) > self._most:
            raise XentValueError(
                f"{self._name} must have at most {self._most:,} different values, got more; "
                "group them with --sql",
                value=len(self.place),
            )
        return table[codes]
