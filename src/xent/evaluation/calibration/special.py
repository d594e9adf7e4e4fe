"""Tails of chi-square, exact intervals of a frequency and quantiles, without SciPy."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from xent.evaluation.intervals.beta import beta_quantile

__all__ = ["chi_square_tail", "clopper_pearson", "quantile"]

TINY = 1e-300
STEPS = 100_000


def chi_square_tail(x: float, df: float) -> float:
    """Return the probability that a chi-square variable with `df` degrees exceeds x.

    >>> round(chi_square_tail(3.841458820694124, 1), 12)
    0.05
    """
    if x <= 0:
        return 1.0
    if df == 1:
        return math.erfc(math.sqrt(x / 2))
    a, half = df / 2, x / 2
    front = math.exp(a * math.log(half) - half - math.lgamma(a))
    if half < a + 1:
        # the series of the lower tail
        term = total = 1 / a
        k = a
        while term > total * 1e-17:
            k += 1
            term *= half / k
            total += term
        return max(1 - front * total, 0.0)
    return front * _gamma_fraction(a, half)


def _gamma_fraction(a: float, x: float) -> float:
    """Return 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)), by Lentz's method."""
    b = x + 1 - a
    c, d = 1 / TINY, 1 / b
    h = d
    for i in range(1, STEPS):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b or TINY)
        c = b + step / c or TINY
        h *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return h


def clopper_pearson(ones: float, count: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a frequency that covers at least at its level, exactly.

    Clopper and Pearson 1934, by quantiles of beta distributions; counts of weighted rows may
    be fractions.

    >>> [round(x, 4) for x in clopper_pearson(0, 10)]
    [0.0, 0.3085]
    """
    if count <= 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    zeros = count - ones
    low = 0.0 if ones <= 0 else beta_quantile(tail, ones, zeros + 1)
    high = 1.0 if zeros <= 0 else beta_quantile(1 - tail, ones + 1, zeros)
    return low, high


def quantile(rising: npt.NDArray[np.float64], share: float) -> float:
    """Return the value below which a share of rising values is, by a line between neighbours.

    The bits of ``np.quantile``, which loads NumPy's masked arrays: time that a small evaluation
    from the shell has no use for.

    >>> quantile(np.array([1.0, 2.0, 4.0]), 0.75)
    3.0
    """
    place = (len(rising) - 1) * share
    below = min(math.floor(place), len(rising) - 1)
    low, high = float(rising[below]), float(rising[min(below + 1, len(rising) - 1)])
    part = place - below
    # from the nearer of the two, as NumPy does
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)
