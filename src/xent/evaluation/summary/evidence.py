"""What hints are drawn from, beside the sums: a table of confusions, ranges of the columns."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.evaluation.plain import counts_of, number_of
from xent.evaluation.summary.likeliest import Likeliest, LikeliestCounts

__all__ = ["MOST_CLASSES", "Evidence", "Gathering"]

MOST_CLASSES = 64  # with a table of confusions: 4,096 counts
BLOCK_ROWS = 8192  # in the cache's reach


@dataclass(frozen=True)
class Evidence:
    """Counts and ranges of scored rows that have a weight; add two for both sets of rows.

    Its size depends on the number of classes only, and it does not depend on how the rows
    were split, nor on their order.

    Attributes
    ----------
    confusion : tuple of int
        Rows by true class and likeliest class, row by row of the table; empty for labels
        and for more than 64 classes.
    beside : (int, int)
        Rows whose likeliest class is the one before their own, and the one after it: of more
        than 64 classes, whose columns may be one off.
    low, high : tuple of float
        Least and greatest prediction of each column, probabilities or logits as they came.
    likeliest : Likeliest, optional
        Bounds of the table of confusions of more than 64 classes.
    """

    confusion: tuple[int, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    beside: tuple[int, int] = (0, 0)
    likeliest: Likeliest | None = None

    def __add__(self, other: object) -> Evidence:
        if not isinstance(other, Evidence):
            return NotImplemented
        return Evidence(
            tuple(map(operator.add, self.confusion, other.confusion)),
            # a fifth of the time of map(min, ...)
            tuple([a if a < b else b for a, b in zip(self.low, other.low, strict=True)]),
            tuple([a if a > b else b for a, b in zip(self.high, other.high, strict=True)]),
            (self.beside[0] + other.beside[0], self.beside[1] + other.beside[1]),
            None if self.likeliest is None else self.likeliest + other.likeliest,
        )

    @property
    def table(self) -> NDArray[np.int64] | None:
        """Rows by true class (first index) and likeliest class; None where it was not kept."""
        if not self.confusion:
            return None
        size = int(len(self.confusion) ** 0.5)
        return np.array(self.confusion, np.int64).reshape(size, size)

    def to_state(self) -> list[Any]:
        """Return lists of numbers and text, for JSON."""
        return [
            list(self.confusion),
            [x.hex() for x in self.low],
            [x.hex() for x in self.high],
            list(self.beside),
            None if self.likeliest is None else self.likeliest.to_state(),
        ]

    @classmethod
    def from_state(cls, state: Sequence[Any], num_classes: int) -> Evidence:
        """Return what `to_state` wrote of so many classes."""
        confusion, low, high, beside, likeliest = state
        confusion = counts_of(confusion, "confusion")
        if len(confusion) not in (0, num_classes**2) or (num_classes > MOST_CLASSES and confusion):
            raise ValueError(f"confusion has {len(confusion)} counts of {num_classes} classes")
        low, high = (
            tuple(number_of(float.fromhex(x), name) for x in ends)
            for name, ends in (("low", low), ("high", high))
        )
        if len(low) != len(high):
            raise ValueError(f"columns have {len(low)} least values and {len(high)} greatest")
        before, after = counts_of(beside, "beside")
        many = None if likeliest is None else Likeliest.from_state(likeliest, num_classes)
        return cls(confusion, low, high, (before, after), many)


class Gathering:
    """Gathers evidence batch by batch."""

    def __init__(self, num_columns: int, num_classes: int, *, one_class: bool) -> None:
        self._size = num_classes if one_class and 2 <= num_classes <= MOST_CLASSES else 0
        self._large = one_class and num_classes > MOST_CLASSES
        self._before = self._after = 0
        fits = self._large and LikeliestCounts.fits(num_classes)
        self._likeliest = LikeliestCounts(num_classes) if fits else None
        self._confusion = np.zeros(self._size**2, np.int64)
        self._low = np.full(num_columns, np.inf)
        self._high = np.full(num_columns, -np.inf)

    def add(
        self,
        columns: Sequence[NDArray[Any]],  # one a class, or a single matrix
        scored: NDArray[np.bool_],
        target: NDArray[np.int64] | None = None,
        predicted: NDArray[np.int32] | None = None,
    ) -> None:
        """Add the rows that were scored."""
        count = int(np.count_nonzero(scored))
        if not count:
            return
        part: Any = slice(None) if count == len(scored) else scored
        if self._size and target is not None and predicted is not None:
            # 16 bits hold a table of 64 x 64: a quarter of the memory of the targets
            cells = target[part].astype(np.uint16)
            cells *= np.uint16(self._size)
            cells += predicted[part].astype(np.uint16)
            self._confusion += np.bincount(cells, minlength=self._size**2)
        if self._large and target is not None and predicted is not None:
            off = predicted[part] - target[part]
            self._before += int(np.count_nonzero(off == -1))
            self._after += int(np.count_nonzero(off == 1))
            if self._likeliest is not None:
                self._likeliest.add(target[part], predicted[part])
        if columns[0].ndim == 2:
            low, high = _ranges(columns[0][part])
        else:
            low = np.array([c[part].min() for c in columns])
            high = np.array([c[part].max() for c in columns])
        np.minimum(self._low, low, out=self._low)
        np.maximum(self._high, high, out=self._high)

    def evidence(self) -> Evidence:
        """Return what was gathered so far."""
        # adding 0 makes a -0.0 a plain 0: which of them is less depends on the order
        return Evidence(
            tuple(self._confusion.tolist()),
            tuple((self._low + 0.0).tolist()),
            tuple((self._high + 0.0).tolist()),
            (self._before, self._after),
            None if self._likeliest is None else self._likeliest.likeliest(),
        )


def _ranges(block: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return least and greatest value of each column, 64 rows side by side."""
    width = block.shape[1]
    low, high = block[:1].min(axis=0), block[:1].max(axis=0)
    for begin in range(0, len(block), BLOCK_ROWS):
        part = block[begin : begin + BLOCK_ROWS]
        even = len(part) // 64 * 64
        wide = part[:even].reshape(-1, 64 * width)
        for piece in (wide, part[even:]):
            if len(piece):
                low = np.minimum(low, piece.min(axis=0).reshape(-1, width).min(axis=0))
                high = np.maximum(high, piece.max(axis=0).reshape(-1, width).max(axis=0))
    return low, high
