"""Exact sums of the powers of weights and losses, by group: what moments are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import ONE
from xent.evaluation.summary.moments import Moments, moments_of
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["LARGEST", "MomentSums", "MomentTally", "products"]

Float = npt.NDArray[np.float64]
Group = npt.NDArray[np.int64]
LARGEST = 2.0**340  # what is larger has a cube beyond all doubles
BLOCK_ROWS = 8192  # in the cache's reach


class MomentSums(NamedTuple):
    """Sums over rows that are not impossible, in units of 2**-1074; w the weight, t = w loss."""

    weight: int = 0
    nll: int = 0  # t
    weight_squared: int = 0
    weighted_nll: int = 0  # w * t
    nll_squared: int = 0
    weight_cubed: int = 0
    weight_squared_nll: int = 0
    weighted_nll_squared: int = 0
    nll_cubed: int = 0

    def plus(self, other: MomentSums) -> MomentSums:
        return MomentSums(*(a + b for a, b in zip(self, other, strict=True)))

    def moments(self, scale: int = 1) -> Moments:
        """Return the moments of the losses divided by `scale`."""
        return moments_of(
            weight=(self.weight, self.weight_squared, self.weight_cubed),
            value=self.nll,
            squares=(self.weighted_nll, self.nll_squared),
            cubes=(self.weight_squared_nll, self.weighted_nll_squared, self.nll_cubed),
            scale=scale,
        )


class MomentTally:
    """Adds rows to the sums of their groups."""

    def __init__(self, groups: int = 1) -> None:
        self._counts = np.zeros(groups, dtype=np.int64)
        self._sums = {name: ExactSums(groups) for name in MomentSums._fields}
        self._weighted = False

    def add(
        self, group: Group | None, values: Float, weight: Float | None = None, groups: int = 0
    ) -> None:
        """Add finite values with their weights, or 1 each: always the one or the other.

        `group` is the number of each row's group, None where there is only one; `groups` is
        how many there are by now, where that has grown.
        """
        self._add(group, values if weight is None else weight * values, weight, groups)

    def add_ratio(self, t: Float, w: Float) -> None:
        """Add rows of a ratio of two sums, that of `t` by that of `w`, to the only group."""
        self._add(None, t, w, 0)

    def _add(self, group: Group | None, t: Float, w: Float | None, groups: int) -> None:
        self._weighted = self._weighted or w is not None
        if groups > len(self._counts):
            self._grow(max(groups, 2 * len(self._counts)))
        if group is None:
            self._counts[0] += len(t)
        else:
            self._counts += np.bincount(group, minlength=len(self._counts))
        for begin in range(0, len(t), BLOCK_ROWS):
            rows = slice(begin, begin + BLOCK_ROWS)
            of = None if group is None else group[rows]
            for name, parts in _powers(t[rows], None if w is None else w[rows]).items():
                for part in parts:
                    self._sums[name].add(part, of)

    def _grow(self, groups: int) -> None:
        self._counts = np.pad(self._counts, (0, groups - len(self._counts)))
        for sums in self._sums.values():
            sums.grow(groups)

    @property
    def counts(self) -> list[int]:
        """The number of rows of each group."""
        counts: list[int] = self._counts.tolist()
        return counts

    def totals(self) -> list[MomentSums]:
        """Return the sums of each group."""
        sums = {name: s.totals() for name, s in self._sums.items()}
        if not self._weighted:
            counts = [count * ONE for count in self.counts]
            sums |= dict.fromkeys(("weight", "weight_squared", "weight_cubed"), counts)
            sums |= dict.fromkeys(("weighted_nll", "weight_squared_nll"), sums["nll"])
            sums["weighted_nll_squared"] = sums["nll_squared"]
        columns: list[Any] = [sums[name] for name in MomentSums._fields]
        return [MomentSums(*row) for row in zip(*columns, strict=True)]


def _powers(t: Float, w: Float | None) -> dict[str, tuple[Float, ...]]:
    """What is added to each sum: a product as its double and what rounding took from it."""
    capped = _split(np.clip(t, -LARGEST, LARGEST))
    squared = _product(capped, capped)
    square = _split(squared[0])
    terms: dict[str, tuple[Float, ...]] = {
        "nll": (t,),
        "nll_squared": squared,
        "nll_cubed": _times(squared, square, capped),
    }
    if w is None:
        return terms
    weight = _split(np.minimum(w, LARGEST))
    weight_squared = _product(weight, weight)
    weight_square = _split(weight_squared[0])
    return terms | {
        "weight": (w,),
        "weight_squared": weight_squared,
        "weighted_nll": _product(weight, capped),
        "weight_cubed": _times(weight_squared, weight_square, weight),
        "weight_squared_nll": _times(weight_squared, weight_square, capped),
        "weighted_nll_squared": _times(squared, square, weight),
    }


def products(a: Float, b: Float) -> tuple[Float, Float]:
    """Return a * b as doubles and what rounding took from them."""
    return _product(_split(a), _split(b))


class _Split(NamedTuple):
    """A double as the sum of two of half its digits, whose products are exact (Dekker)."""

    value: Float
    high: Float
    low: Float


def _split(a: Float) -> _Split:
    high = a * 134217729.0  # 2**27 + 1
    high -= high - a
    return _Split(a, high, a - high)


def _product(a: _Split, b: _Split) -> tuple[Float, Float]:
    """Return a * b and what rounding took from it: central moments need both."""
    value = a.value * b.value
    error = a.high * b.high
    error -= value
    error += a.high * b.low + a.low * b.high
    error += a.low * b.low
    return value, error


def _times(a: tuple[Float, Float], of_value: _Split, b: _Split) -> tuple[Float, Float]:
    """Return a product of three: `a` is that of two, `of_value` its double split."""
    value, error = _product(of_value, b)
    error += a[1] * b.value
    return value, error
