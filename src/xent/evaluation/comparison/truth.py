"""Whether rows that are compared are the same rows: they have the same truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import SourceError
from xent.evaluation.comparison.rows import Rows

__all__ = ["TruthCheck"]

Array = npt.NDArray[Any]
# different truths of which it is counted how often they come
MOST_COUNTED = 100_000


class TruthCheck:
    """Counts the rows whose truth differs from that of the first model."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._rows = 0
        self.checked = False
        self._wrong = [0] * len(names)
        self._first = [-1] * len(names)
        self._counts: list[dict[Any, int]] = [{} for _ in names]

    def add(self, rows: Sequence[Rows], first_row: int) -> bool:
        """Compare the truth of a batch; return whether all of it was the same so far."""
        self._rows += len(rows[0].nll)
        truth = rows[0].truth
        if truth is None or any(r.truth is None for r in rows):
            return True
        self.checked = True
        for i, other in enumerate(rows):
            assert other.truth is not None
            self._count(i, other.truth)
            differ = other.truth != truth
            if differ.ndim == 2:
                differ = differ.any(axis=1)
            if differ.any():
                if not self._wrong[i]:
                    self._first[i] = first_row + int(np.argmax(differ))
                self._wrong[i] += int(np.count_nonzero(differ))
        return not any(self._wrong)

    def _count(self, i: int, truth: Array) -> None:
        """How often each truth comes, to tell another order from other rows."""
        if truth.ndim == 2:
            for j, value in enumerate(truth.sum(axis=0).tolist()):
                self._counts[i][j] = self._counts[i].get(j, 0) + value
            return
        if len(self._counts[i]) > MOST_COUNTED:
            return
        values, counts = np.unique(truth, return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._counts[i][value] = self._counts[i].get(value, 0) + count

    def conclude(self, *, keyed: bool) -> None:
        """Raise if rows differed."""
        for i, wrong in enumerate(self._wrong):
            if not wrong:
                continue
            hint = "these are other rows, or another target"
            if self._counts[i] == self._counts[0]:
                hint = "each class comes as often in both, so their order may differ"
            if not keyed:
                hint += "; to pair them by a column that names the rows, say key"
            raise SourceError(
                f"rows that are compared must have the same truth, got another one for "
                f"{self._names[i]} than for {self._names[0]} in {wrong:,} of {self._rows:,} rows, "
                f"first in row {self._first[i]}; {hint}",
                index=self._first[i],
                value=wrong,
            )
