"""Columns of exact sums as arrays, so that thousands of them add at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Columns"]

BITS = 32  # of a limb; the other half of its word is room for carries
MOST_TERMS = 1 << 30  # that add before carries must move


@dataclass(frozen=True, eq=False)
class Columns:
    """Integers of any size, (columns, rows), as limbs of 32 bits in words of 64.

    Limb i counts 2**(32 * (base + i)). Limbs add without their carries, which move when numbers
    are read: a merge is then one addition of two arrays.

    >>> a = Columns.of([(3, -5), (1 << 2000, 0)])
    >>> a.plus(a).numbers() == ((6, -10), (1 << 2001, 0))
    True
    """

    limbs: npt.NDArray[np.int64]  # (columns, limbs, rows)
    base: int = 0
    terms: int = 1  # how many numbers of limbs in 32 bits were added

    @classmethod
    def of(cls, numbers: Sequence[Sequence[int]]) -> Columns:
        """Return columns of equal lengths, of as many limbs as the largest number needs."""
        rows = len(numbers[0]) if numbers else 0
        whole = [v for column in numbers for v in column]
        shared = 0
        for v in whole:
            shared |= v
        base = max((shared & -shared).bit_length() - 1, 0) // BITS
        size = max((v.bit_length() for v in whole), default=0) // BITS + 1 - base
        data = b"".join((v >> BITS * base).to_bytes(4 * size, "little", signed=True) for v in whole)
        words = np.frombuffer(data, dtype="<u4").reshape(len(numbers), rows, size)
        limbs = np.ascontiguousarray(words.transpose(0, 2, 1)).astype(np.int64)
        limbs[:, -1] -= (limbs[:, -1] >> (BITS - 1)) << BITS  # the last one has the sign
        return cls(limbs, base)

    def plus(self, other: Columns) -> Columns:
        """Return the sums of both, number by number."""
        terms = self.terms + other.terms
        if terms > MOST_TERMS:
            return Columns.of(self.numbers()).plus(Columns.of(other.numbers()))
        base = min(self.base, other.base)
        end = max(of.base + of.limbs.shape[1] for of in (self, other))
        ours, theirs = (of._between(base, end) for of in (self, other))
        return Columns(ours + theirs, base, terms)

    def _between(self, base: int, end: int) -> npt.NDArray[np.int64]:
        before, after = self.base - base, end - self.base - self.limbs.shape[1]
        if not before and not after:
            return self.limbs
        return np.pad(self.limbs, ((0, 0), (before, after), (0, 0)))

    def numbers(self) -> tuple[tuple[int, ...], ...]:
        """Return the integers, a tuple a column."""
        limbs = np.pad(self.limbs, ((0, 0), (0, 2), (0, 0)))
        for i in range(limbs.shape[1] - 1):
            limbs[:, i + 1] += limbs[:, i] >> BITS
            limbs[:, i] &= (1 << BITS) - 1
        # what is left of the last limb is the sign: two's complement
        words: Any = limbs.transpose(0, 2, 1).astype(np.uint64).astype("<u4")
        size, shift = 4 * limbs.shape[1], BITS * self.base
        return tuple(
            tuple(
                int.from_bytes(data[k : k + size], "little", signed=True) << shift
                for k in range(0, len(data), size)
            )
            for data in (column.tobytes() for column in words)
        )
