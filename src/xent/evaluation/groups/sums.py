"""Exact sums of the powers of weights and losses, by group: what moments are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import ONE
from xent.evaluation.summary.moments import Moments, moments_of
from xent.kernels.cpu.moment_sums import POWERS, UNWEIGHTED, PowerSums

__all__ = ["LARGEST", "MomentSums", "MomentTally", "products", "without_weights"]

Float = npt.NDArray[np.float64]
Group = npt.NDArray[np.int64]
LARGEST = 2.0**340  # what is larger has a cube beyond all doubles


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

    def moments(self, rows: int, scale: int = 1) -> Moments:
        """Return the moments of the losses of so many rows, divided by `scale`."""
        return moments_of(
            rows,
            weight=(self.weight, self.weight_squared, self.weight_cubed),
            value=self.nll,
            squares=(self.weighted_nll, self.nll_squared),
            cubes=(self.weight_squared_nll, self.weighted_nll_squared, self.nll_cubed),
            scale=scale,
        )


def without_weights(count: int, nll: int, nll_squared: int, nll_cubed: int) -> MomentSums:
    """Return the sums of so many rows of weight 1, from those of the losses.

    >>> of = without_weights(3, 10, 20, 30)
    >>> of.weighted_nll, of.weight_squared_nll, of.weighted_nll_squared
    (10, 10, 20)
    """
    ones = count * ONE
    return MomentSums(
        weight=ones,
        nll=nll,
        weight_squared=ones,
        weighted_nll=nll,
        nll_squared=nll_squared,
        weight_cubed=ones,
        weight_squared_nll=nll,
        weighted_nll_squared=nll_squared,
        nll_cubed=nll_cubed,
    )


class MomentTally:
    """Adds rows to the sums of their groups."""

    def __init__(self, groups: int = 1) -> None:
        self._groups = groups
        self._sums: PowerSums | None = None  # whether there are weights is known with a row

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
        if self._sums is None:
            self._groups = max(groups, self._groups)
            self._sums = PowerSums(self._groups, weighted=w is not None)
        if groups > self._groups:
            self._groups = max(groups, 2 * self._groups)
            self._sums.grow(self._groups)
        self._sums.add(t, w, group)

    @property
    def counts(self) -> list[int]:
        """The number of rows of each group."""
        return [0] * self._groups if self._sums is None else self._sums.counts()

    def totals(self) -> list[MomentSums]:
        """Return the sums of each group."""
        if self._sums is None:
            return [MomentSums()] * self._groups
        sums = self._sums.totals()
        if "weight" not in sums:
            unweighted = zip(
                self.counts, *(sums[name] for name in POWERS[:UNWEIGHTED]), strict=True
            )
            return [without_weights(*of) for of in unweighted]
        columns: list[Any] = [sums[name] for name in MomentSums._fields]
        return [MomentSums(*row) for row in zip(*columns, strict=True)]


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
