"""Digamma, trigamma and ratios of gamma functions for positive numbers, in float64 NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["digamma", "log_rising", "trigamma"]

Float = npt.NDArray[np.float64]

# the recurrence takes an argument here, where the asymptotic series is exact to 1e-17
_LARGE = 16.0
# Bernoulli numbers B_2, B_4, ...
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def digamma(x: Any) -> Float:
    """Return the derivative of log gamma at x > 0; -inf at 0.

    >>> print(digamma(1.0).round(6))  # minus Euler's constant
    -0.577216
    """
    x = np.array(x, np.float64)
    shift = np.zeros_like(x)
    with np.errstate(divide="ignore"):
        for _ in range(int(_LARGE)):
            small = x < _LARGE
            shift -= np.where(small, 1 / x, 0.0)
            x = np.where(small, x + 1, x)
    z = 1 / (x * x)
    series = np.zeros_like(x)
    for k in range(len(_BERNOULLI), 0, -1):
        series = (series + _BERNOULLI[k - 1] / (2 * k)) * z
    return np.asarray(shift + (np.log(x) - 0.5 / x - series))


def trigamma(x: Any) -> Float:
    """Return the second derivative of log gamma at x > 0.

    >>> print(trigamma(1.0).round(6))  # pi^2 / 6
    1.644934
    """
    x = np.array(x, np.float64)
    shift = np.zeros_like(x)
    with np.errstate(divide="ignore"):
        for _ in range(int(_LARGE)):
            small = x < _LARGE
            shift += np.where(small, 1 / (x * x), 0.0)
            x = np.where(small, x + 1, x)
    z = 1 / (x * x)
    series = np.zeros_like(x)
    for k in range(len(_BERNOULLI), 0, -1):
        series = (series + _BERNOULLI[k - 1]) * z
    return np.asarray(shift + (1 / x + 0.5 * z + series / x))


def log_rising(x: Any, n: Any) -> Float:
    """Return log(x (x + 1) ... (x + n - 1)) = log(gamma(x + n) / gamma(x)) for x > 0.

    Not a difference of two log gammas, which for a large x are huge and nearly equal.

    >>> print(log_rising(1.0, 4).round(6))  # log 24
    3.178054
    """
    x, n = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(n, np.float64))
    steps = np.minimum(n, _LARGE)
    result = np.zeros_like(x)
    for k in range(int(_LARGE)):
        result += np.where(k < steps, np.log(x + k), 0.0)
    # Stirling's formula at both ends, its leading terms subtracted on paper
    a, m = x + _LARGE, np.where(n > _LARGE, n - _LARGE, 0.0)
    b = a + m
    result += (a - 0.5) * np.log1p(m / a) + m * np.log(b) - m
    for k in range(len(_BERNOULLI), 0, -1):
        factor = _BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
        result += factor * (b ** (1 - 2 * k) - a ** (1 - 2 * k))
    return np.asarray(result)
