"""The beta distribution, in float64 and without SciPy."""

from __future__ import annotations

import math

__all__ = ["beta_cdf", "beta_fraction", "beta_quantile"]

EPS = 2.0**-52
TINY = 1e-300
STEPS = 100_000


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
        return front * beta_fraction(x, a, b) / a
    return 1 - front * beta_fraction(1 - x, b, a) / b


def beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 / (_away(1 - (a + b) * x / (a + 1)))
    result = d
    for m in range(1, STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            result *= c * d
        if abs(c * d - 1) < EPS:
            break
    return result


def _away(value: float) -> float:
    return value if abs(value) > TINY else TINY


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
