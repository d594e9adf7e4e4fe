"""p-values: tails of Student's t and of a fair coin, without SciPy."""

from __future__ import annotations

import math

from xent.evaluation.intervals.student import student_tail

__all__ = ["coin_p_value", "t_p_value"]

# up to here the binomial sum is taken in whole numbers
EXACT_TOSSES = 4096
# the continued fraction loses digits where there are many degrees of freedom
MANY_DEGREES = 1e4


def t_p_value(t: float, freedom: float) -> float:
    """Return the probability that Student's t is at least this far from 0, either way.

    >>> round(t_p_value(2.228138852, 10), 6)
    0.05
    """
    if math.isnan(t) or freedom <= 0:
        return math.nan
    if math.isinf(t):
        return 0.0
    if freedom >= MANY_DEGREES:
        return math.erfc(_normal_deviate(t, freedom) / math.sqrt(2))
    return 2 * student_tail(abs(t), freedom)[0] if t else 1.0


def _normal_deviate(t: float, freedom: float) -> float:
    """The normal deviate with the same tail, by Hill (Algorithm 395): off by 1/freedom**5."""
    a = freedom - 0.5
    b = 48 * a * a
    y = a * math.log1p(t * t / freedom)
    top = ((-0.4 * y - 3.3) * y - 24) * y - 85.5
    return ((top / (0.8 * y * y + 100 + b) + y + 3) / b + 1) * math.sqrt(y)


def coin_p_value(heads: int, tails: int) -> float:
    """Return how probable a fair coin is to fall at least as unevenly: the exact sign test.

    >>> coin_p_value(0, 5), coin_p_value(3, 3)
    (0.0625, 1.0)
    """
    tosses, fewer = heads + tails, min(heads, tails)
    if 2 * fewer + 1 >= tosses:
        return 1.0
    if tosses <= EXACT_TOSSES:
        total = term = 1
        for k in range(fewer):
            term = term * (tosses - k) // (k + 1)
            total += term
        return min(1.0, 2 * total / (1 << tosses))
    # downwards from the largest term, each a fraction of the one before
    total_share = share = 1.0
    for k in range(fewer, 0, -1):
        share *= k / (tosses - k + 1)
        total_share += share
        if share < 1e-17 * total_share:
            break
    return min(1.0, 2 * _even_chance(fewer, tosses) * total_share)


def _even_chance(heads: int, tosses: int) -> float:
    """The probability of so many heads, as Loader computes it: no large logarithms cancel."""
    if heads == 0:
        return math.exp(-tosses * math.log(2))
    tails = tosses - heads
    lean = (tosses - 2 * heads) / tosses
    distance = heads * math.log1p(-lean) + tails * math.log1p(lean)
    errors = _stirling_error(tosses) - _stirling_error(heads) - _stirling_error(tails)
    return math.sqrt(tosses / (2 * math.pi * heads * tails)) * math.exp(errors - distance)


def _stirling_error(n: int) -> float:
    """log n! less Stirling's formula for it."""
    if n < 16:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2 * math.pi)
    z = 1 / (n * n)
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - z / 1188) * z) * z) * z) / n
