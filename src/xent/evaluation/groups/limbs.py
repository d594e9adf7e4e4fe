"""Exact sums of doubles for very many groups, in arrays as small as their digits allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Limbs"]

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]

BITS = 32  # of a limb; the other half of its word is room for carries
MASK = (1 << BITS) - 1
# limbs of so many rows add in a double without rounding
BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Limbs:
    """One exact sum a cell: limb i counts units of 2**(32 * (base + i) - 1074).

    As many limbs as there are digits between the largest and the least of what was added: five
    for most losses, where an `ExactSums` has 67 and is meant for few groups.

    >>> sums = Limbs.of(np.array([0.5, 2.0**-60, 0.25]), np.array([0, 1, 0]), 2)
    >>> [number / 2.0**-sums.power for number in sums.numbers()] == [0.75, 2.0**-60]
    True
    """

    limbs: Index  # (cells, limbs), the last with the sign
    base: int = 0

    @property
    def power(self) -> int:
        """The power of 2 that `numbers` count."""
        return BITS * self.base - 1074

    @classmethod
    def of(cls, values: Array, place: Index, cells: int) -> Limbs:
        """Return the sums of finite values, each in the cell of its place."""
        bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
        exponent = (bits >> 52) & 0x7FF
        mantissa = bits & ((1 << 52) - 1)
        mantissa |= (exponent > 0).astype(np.int64) << 52
        some = mantissa != 0
        if not some.any():
            return cls(np.zeros((cells, 0), dtype=np.int64))
        if not some.all():  # 0 has no digits, and asks for no limbs
            bits, exponent, mantissa, place = (v[some] for v in (bits, exponent, mantissa, place))
        position = np.maximum(exponent - 1, 0)
        limb = position >> 5
        base = int(limb.min())
        width = int(limb.max()) - base + 3
        shift = (position & 31).astype(np.uint64)
        # the digits of a double fall on three limbs
        low = (mantissa.astype(np.uint64) << shift).astype(np.uint32)
        rest = (mantissa >> (BITS - shift.astype(np.int64))).astype(np.int64)
        sign = 1.0 - 2.0 * (bits < 0)
        parts = (low * sign, (rest & MASK) * sign, (rest >> BITS) * sign)
        first = place * width + (limb - base)
        found = np.zeros(cells * width, dtype=np.int64)
        for begin in range(0, len(first), BLOCK):
            rows = slice(begin, begin + BLOCK)
            for i, part in enumerate(parts):
                sums = np.bincount(first[rows] + i, part[rows], minlength=len(found))
                found += sums.astype(np.int64)
        return _carried(found.reshape(cells, width), base)

    @classmethod
    def together(cls, parts: Sequence[Limbs], order: Index, starts: Index) -> Limbs:
        """Return the sums over runs of the cells of all parts, taken in an order."""
        base, width = _window(parts)
        found = np.zeros((len(starts), width), dtype=np.int64)
        # a limb after the other: no array of all limbs of all parts
        for i in range(width):
            of = np.concatenate([part._limb(base + i) for part in parts])
            found[:, i] = np.add.reduceat(of[order], starts)
        return _carried(found, base)

    def _limb(self, at: int) -> Index:
        i = at - self.base
        inside = 0 <= i < self.limbs.shape[1]
        return self.limbs[:, i] if inside else np.zeros(len(self.limbs), dtype=np.int64)

    def plus(self, other: Limbs, sign: int = 1) -> Limbs:
        """Return the sums of both, cell by cell; with `sign` -1 their differences."""
        base, width = _window((self, other))
        found = np.zeros((len(self.limbs), width), dtype=np.int64)
        for i in range(width):
            found[:, i] = self._limb(base + i) + sign * other._limb(base + i)
        return _carried(found, base)

    def numbers(self, cells: slice = slice(None), power: int | None = None) -> list[int]:
        """Return sums as integers, in units of 2**`power`: the own one, or one below it."""
        limbs = self.limbs[cells]
        more = 0 if power is None else self.power - power
        size = 4 * limbs.shape[1]
        if not size:
            return [0] * len(limbs)
        data = limbs.astype("<u4").tobytes()  # two's complement
        return [
            int.from_bytes(data[k : k + size], "little", signed=True) << more
            for k in range(0, len(data), size)
        ]


def _window(parts: Sequence[Limbs]) -> tuple[int, int]:
    """The first limb that any of them has, and how many there are."""
    some = [part for part in parts if part.limbs.shape[1]]
    base = min((part.base for part in some), default=0)
    return base, max((part.base + part.limbs.shape[1] for part in some), default=base) - base


def _carried(limbs: Index, base: int) -> Limbs:
    """Return limbs of 32 bits, as few as hold every number with its sign."""
    for i in range(limbs.shape[1] - 1):
        limbs[:, i + 1] += limbs[:, i] >> BITS
        limbs[:, i] &= MASK
    if limbs.shape[1]:
        last = limbs[:, -1]
        if last.size and (last.min() < -(1 << 31) or last.max() >= 1 << 31):
            carry = last >> BITS
            last &= MASK
            limbs = np.concatenate([limbs, carry[:, None]], axis=1)
    used = np.flatnonzero(limbs.any(axis=0))
    first = int(used[0]) if used.size else limbs.shape[1]
    end = limbs.shape[1]
    # a last limb that only repeats the sign of the one below, or is 0 above one with room
    while end - first > 1 and _repeats(limbs[:, end - 2], limbs[:, end - 1]):
        limbs[:, end - 2] -= (limbs[:, end - 2] >> (BITS - 1)) << BITS
        end -= 1
    if first or end < limbs.shape[1]:
        limbs = np.ascontiguousarray(limbs[:, first:end])
    return Limbs(limbs, base + first)


def _repeats(below: Index, last: Index) -> bool:
    return bool((last == -(below >> (BITS - 1))).all())
