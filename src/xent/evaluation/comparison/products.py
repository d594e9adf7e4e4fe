"""Weighted second moments: what a correlation and a root mean square are made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.comparison.sums import GroupedSums
from xent.evaluation.exact import ratio
from xent.evaluation.groups.sums import LARGEST

__all__ = ["Products", "Squares"]

Array = npt.NDArray[Any]
# of a variance to a mean square: what is less may be the rounding of the squares
ROUNDED = 50  # powers of 2


class Products:
    """Sums of two weighted values and of their products.

    The moments of weighted rows (`moments_of`) are those of the error of their mean, with the
    squares of the weights; a correlation is of the rows, with the weights.
    """

    def __init__(self) -> None:
        self._sums = GroupedSums(("w", "a", "b", "aa", "bb", "ab"))

    def add(self, a: Array, b: Array, weight: Array) -> None:
        """Add rows of two values."""
        a, b, w = (np.clip(v, -LARGEST, LARGEST) for v in (a, b, weight))
        wa, wb = w * a, w * b
        self._sums.add(1, None, w=w, a=wa, b=wb, aa=wa * a, bb=wb * b, ab=wa * b)

    def correlation(self) -> float:
        """Return the weighted correlation; nan where one of the values does not vary."""
        w, a, b, aa, bb, ab = (sums[0] for sums in self._sums.totals().values())
        # whole numbers: nothing more is rounded before the last step
        va, vb, covariance = aa * w - a * a, bb * w - b * b, ab * w - a * b
        if va <= aa * w >> ROUNDED or vb <= bb * w >> ROUNDED:
            return math.nan
        return max(-1.0, min(1.0, ratio(covariance, math.isqrt(va * vb))))


class Squares:
    """Sums of squares of weighted values."""

    def __init__(self) -> None:
        self._sums = GroupedSums(("w", "square"))

    def add(self, values: Array, weight: Array) -> None:
        """Add finite values."""
        v, w = np.clip(values, -LARGEST, LARGEST), np.minimum(weight, LARGEST)
        self._sums.add(1, None, w=w, square=w * v * v)

    def root_mean(self) -> float:
        """Return the root of the weighted mean square."""
        w, square = (sums[0] for sums in self._sums.totals().values())
        return math.sqrt(ratio(square, w))
