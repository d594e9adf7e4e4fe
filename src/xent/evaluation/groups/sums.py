"""Exact sums of the powers of weights and losses, by group: what moments are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import ONE
from xent.evaluation.summary.moments import Moments, moments_of
from xent.kernels.cpu.exact_sums import ExactSums

__all__ = ["LARGEST", "MomentSums", "MomentTally"]

Float = npt.NDArray[np.float64]
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

    def __init__(self, groups: int) -> None:
        self._counts = np.zeros(groups, dtype=np.int64)
        self._sums = {name: ExactSums(groups) for name in MomentSums._fields}
        self._weighted = False

    def add(self, group: npt.NDArray[np.int64], nll: Float, weight: Float | None) -> None:
        """Add finite losses with their weights, or 1 each: always the one or the other."""
        self._weighted = weight is not None
        self._counts += np.bincount(group, minlength=len(self._counts))
        terms: dict[str, tuple[Float, ...]]
        if weight is None:
            t = np.minimum(nll, LARGEST)
            terms = {"nll": (nll,), "nll_squared": _product(t, t)}
        else:
            t, w = np.minimum(nll * weight, LARGEST), np.minimum(weight, LARGEST)
            terms = {
                "weight": (weight,),
                "nll": (weight * nll,),
                "weight_squared": _product(w, w),
                "weighted_nll": _product(w, t),
                "nll_squared": _product(t, t),
            }
            terms["weight_cubed"] = _times(terms["weight_squared"], w)
            terms["weight_squared_nll"] = _times(terms["weight_squared"], t)
            terms["weighted_nll_squared"] = _times(terms["nll_squared"], w)
        terms["nll_cubed"] = _times(terms["nll_squared"], t)
        for name, parts in terms.items():
            for part in parts:
                self._sums[name].add(part, group)

    def totals(self) -> list[MomentSums]:
        """Return the sums of each group."""
        sums = {name: s.totals() for name, s in self._sums.items()}
        if not self._weighted:
            counts = [int(c) * ONE for c in self._counts]
            sums |= dict.fromkeys(("weight", "weight_squared", "weight_cubed"), counts)
            sums |= dict.fromkeys(("weighted_nll", "weight_squared_nll"), sums["nll"])
            sums["weighted_nll_squared"] = sums["nll_squared"]
        columns: list[Any] = [sums[name] for name in MomentSums._fields]
        return [MomentSums(*row) for row in zip(*columns, strict=True)]


def _product(a: Float, b: Float) -> tuple[Float, Float]:
    """Return a * b and what rounding took from it (Dekker): central moments need both."""
    value = a * b
    x, dx = _split(a)
    y, dy = _split(b)
    return value, ((x * y - value) + (x * dy + dx * y)) + dx * dy


def _times(a: tuple[Float, ...], b: Float) -> tuple[Float, Float]:
    value, error = _product(a[0], b)
    return value, error + a[1] * b


def _split(a: Float) -> tuple[Float, Float]:
    scaled = a * 134217729.0  # 2**27 + 1
    high = scaled - (scaled - a)
    return high, a - high
