"""The mutual information that a table of counts shows where there is none."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["expected_information"]

Array = npt.NDArray[np.float64]

MOST_TERMS = 2_000_000  # of exact sums: a tenth of a second
MOST_ROWS = 1_000_000  # of a table of log-factorials
BEYOND = 12.0  # standard deviations, where nothing is left


def expected_information(rows: npt.ArrayLike, columns: npt.ArrayLike) -> float:
    r"""Return the mean mutual information, in nats, of all tables with these totals.

    That is what shuffling one of two columns shows: with N in a cell hypergeometric,

    .. math::
        \operatorname{E} I = \sum_{ij} \operatorname{E} \frac{N_{ij}}{n}
        \log \frac{n N_{ij}}{a_i b_j} .

    Equal totals are summed once. Where totals are no whole numbers, as those of weights, or
    too many, each cell counts as if it were Poisson, times the share :math:`(1 - a_i / n)
    (1 - b_j / n)` of the variance that fixed totals leave to it: of large counts the same as
    :math:`(R - 1)(C - 1) / 2n`.

    Parameters
    ----------
    rows, columns : array
        Totals: how often each value of the two columns occurs.

    References
    ----------
    .. [1] Vinh, Epps and Bailey, "Information theoretic measures for clusterings comparison",
       JMLR 11, 2010.

    Examples
    --------
    Two columns of four rows that halve them; a third of the shuffled ones agree.

    >>> round(expected_information([2, 2], [2, 2]), 12) == round(math.log(2) / 3, 12)
    True
    """
    (a, of_a), (b, of_b) = (_different(totals) for totals in (rows, columns))
    n = math.fsum(a * of_a)
    if not n > 0:
        return 0.0
    a, b = (part.ravel() for part in np.meshgrid(a, b, indexing="ij"))
    times = np.outer(of_a, of_b).ravel()
    mean = a * b / n
    spread = np.sqrt(mean * (1 - a / n) * (1 - b / n)) * BEYOND + BEYOND
    low = np.maximum(np.floor(mean - spread), np.maximum(a + b - n, 1))
    high = np.minimum(np.ceil(mean + spread), np.minimum(a, b))
    whole = all(np.array_equal(part, np.round(part)) for part in (a, b))
    if whole and n <= MOST_ROWS and (high - low + 1).sum() <= MOST_TERMS:
        found = _exact(a, b, round(n), times, low, high)
    else:
        found = math.fsum(times * _poisson(mean) * (1 - a / n) * (1 - b / n) / n)
    return max(min(found, *(_entropy(part, n) for part in (rows, columns))), 0.0)


def _different(totals: npt.ArrayLike) -> tuple[Array, Array]:
    """Return the totals that are not 0, each once, and how often."""
    values = np.asarray(totals, dtype=np.float64)
    found, count = np.unique(values[values > 0], return_counts=True)
    return found, count.astype(np.float64)


def _entropy(totals: npt.ArrayLike, n: float) -> float:
    p = np.asarray(totals, dtype=np.float64) / n
    p = p[p > 0]
    return -math.fsum(p * np.log(p))


def _exact(a: Array, b: Array, n: int, times: Array, low: Array, high: Array) -> float:
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    terms = np.maximum(high - low + 1, 0).astype(np.int64)
    cell = np.repeat(np.arange(len(terms)), terms)
    count = np.arange(len(cell)) - np.repeat(np.cumsum(terms) - terms, terms)
    k = low.astype(np.int64)[cell] + count
    i, j = (part.astype(np.int64)[cell] for part in (a, b))
    log_p = (
        log_factorial[i] + log_factorial[j] + log_factorial[n - i] + log_factorial[n - j]
        - log_factorial[n] - log_factorial[k] - log_factorial[i - k] - log_factorial[j - k]
        - log_factorial[n - i - j + k]
    )  # fmt: skip
    values = np.exp(log_p) * k / n * np.log(n * k / (i * j))
    return math.fsum(times[cell] * values)


def _poisson(mean: Array) -> Array:
    """Return E[N log(N / mean)] of a Poisson N: 1/2 where the mean is large."""
    at, values = _poisson_table()
    small = np.minimum(mean, at[0])
    found = np.interp(np.log(np.maximum(mean, at[0])), np.log(at), values)
    # of a rare row: -mean log(mean), as the rare one row weighs
    found = np.where(mean > at[-1], 0.5 + 1 / (12 * np.maximum(mean, 1)), found)
    return np.where(mean < at[0], -small * np.log(np.maximum(small, 1e-300)), found)


@cache
def _poisson_table() -> tuple[Array, Array]:
    at = np.geomspace(1e-4, 100, 400)
    k = np.arange(1, 400)
    log_p = np.outer(np.log(at), k) - at[:, None] - np.cumsum(np.log(k))
    return at, (np.exp(log_p) * k * np.log(k / at[:, None])).sum(1)
