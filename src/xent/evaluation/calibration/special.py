"""Tails and quantiles of distributions, without SciPy."""

from __future__ import annotations

import math

__all__ = ["beta_cdf", "beta_quantile", "chi_square_tail", "clopper_pearson", "wilson"]

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


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the probability that a beta variable is at most x.

    >>> beta_cdf(0.5, 3, 3)
    0.5
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x == 0.5 and a == b:
        return 0.5
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d or TINY)
    h = d
    for m in range(1, STEPS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + step * d or TINY)
            c = 1 + step / c or TINY
            h *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return h


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the value that a beta variable stays below with probability p.

    Found in the logit, by the Illinois variant of the false position.

    >>> round(beta_quantile(0.5, 2, 2), 12)
    0.5
    """
    if p <= 0 or p >= 1:
        return float(p >= 1)

    def excess(logit: float) -> float:
        return beta_cdf(_sigmoid(logit), a, b) - p

    centre = math.log(a / b)
    width = 8 * math.sqrt(1 / a + 1 / b)  # of the logit, when a and b are large
    low, high = centre - width, centre + width
    while (below := excess(low)) > 0 and low > -745:
        low -= width
    while (above := excess(high)) < 0 and high < 745:
        high += width
    for _ in range(200):
        middle = (low * above - high * below) / (above - below) if above > below else low
        if not low < middle < high or high - low < 1e-14 * max(abs(low), 1e-3):
            break
        found = excess(middle)
        if found == 0:
            return _sigmoid(middle)
        if found < 0:
            low, below, above = middle, found, above / 2
        else:
            high, above, below = middle, found, below / 2
    return _sigmoid((low + high) / 2)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)


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


def wilson(ones: float, count: float, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return Wilson's interval of a frequency: the frequencies that a score test accepts.

    >>> [round(x, 4) for x in wilson(5, 10)]
    [0.2366, 0.7634]
    """
    if count <= 0:
        return 0.0, 1.0
    p, t = ones / count, z * z / count
    centre = (p + t / 2) / (1 + t)
    half = z / (1 + t) * math.sqrt(p * (1 - p) / count + t / (4 * count))
    return max(centre - half, 0.0), min(centre + half, 1.0)
