"""Intervals of a mean loss, and of a difference of losses, that cover as often as they say."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from xent.errors import XentValueError
from xent.evaluation.exact import ONE
from xent.evaluation.intervals.clusters import cluster_moments
from xent.evaluation.intervals.student import student_quantile
from xent.units import perplexity_of

__all__ = [
    "FEWEST",
    "FEW_CLUSTERS",
    "Interval",
    "as_level",
    "bootstrap_interval",
    "cluster_interval",
    "hall_interval",
    "no_interval",
    "skewness_of_mean",
]

# effective rows: with less than a tenth of a degree of freedom no quantile means anything
FEWEST = 1.1

FEW_CLUSTERS = 20


@dataclass(frozen=True)
class Interval:
    """Where a mean lies with a confidence; nan where nothing can be said, and `note` says why.

    Parameters
    ----------
    low, high : float
        The ends, in the unit of the mean.
    level : float
        Confidence, such as 0.95.
    method : str
        "hall", "cluster" or "bootstrap"; of differences "wider", "hall", "t" or "anytime"; of
        shares "wilson", of differences of perplexities "delta".
    note : str
        What a reader should know of it, or "".

    Examples
    --------
    >>> Interval(0.0, math.log(2), 0.95, "hall").exp()
    Interval(low=1.0, high=2.0, level=0.95, method='hall', note='')
    """

    low: float
    high: float
    level: float
    method: str
    note: str = ""

    def __bool__(self) -> bool:
        """Whether there are ends."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def scaled(self, factor: float) -> Interval:
        """Return the interval in another unit; `factor` is positive."""
        return replace(self, low=self.low * factor, high=self.high * factor)

    def to_dict(self) -> dict[str, Any]:
        """Return it for machines: ends that are not there are None, and `note` says why.

        >>> no_interval(0.95, "hall", "one row has no spread to judge by").to_dict()["low"] is None
        True
        """
        return {**vars(self), **({} if self else {"low": None, "high": None})}

    def exp(self) -> Interval:
        """Return the interval of exp of the mean, such as the perplexity."""
        return replace(self, low=perplexity_of(self.low), high=perplexity_of(self.high))


def as_level(level: Any) -> float:
    """Return a level, which may be a number of NumPy; raise unless 0 < level < 1."""
    number = isinstance(level, numbers.Real) and not isinstance(level, bool)
    if not number or not 0 < level < 1:
        hint = "; 0.95 is 95 %" if number and 1 < level < 100 else ""
        raise XentValueError(f"level must be in (0, 1), got {level!r}{hint}", value=level)
    return float(level)


def no_interval(level: float, method: str, note: str) -> Interval:
    """Return the interval that says nothing, and why."""
    return Interval(math.nan, math.nan, level, method, note)


def hall_interval(
    n: float,
    mean: float,
    variance: float,
    third_moment: float,
    level: float = 0.95,
    *,
    least: float = -math.inf,
) -> Interval:
    r"""Return Hall's interval of a mean, which a skewed distribution does not lead astray.

    With :math:`s` the standard error and :math:`a = \gamma / \sqrt n` the skewness of the
    mean, the studentised mean is made symmetric by the cubic
    :math:`g(x) = ((1 + a x / 3)^3 - 1) / a + a / 6`, which only rises, so

    .. math::
        \left[ m - s\, g^{-1}(t_{1 - \alpha / 2}),\; m - s\, g^{-1}(t_{\alpha / 2}) \right],
        \qquad
        g^{-1}(z) = \frac3a \left( (1 + a (z - a / 6))^{1/3} - 1 \right)

    with quantiles of Student's t, n - 1 degrees of freedom. Losses are skewed: they are
    small but for a few. Wald's interval of them is too short above.

    Parameters
    ----------
    n, mean, variance, third_moment : float
        As `Summary.moments` has them: central moments, divided by n. With
        weights n is Kish's effective number.
    level : float, default 0.95
        Confidence, in (0, 1).
    least : float, default -inf
        What the true mean cannot be below: 0 for a loss, nothing for a difference. An end
        below it is moved there, which cannot cost coverage.

    Returns
    -------
    Interval
        Without ends for fewer than two values, or infinite ones. Values that are all equal
        give an interval of width 0, with a note: they cannot tell what others would be.

    See Also
    --------
    cluster_interval : for values that come in groups.
    bootstrap_interval : from resampled means.

    References
    ----------
    .. [1] P. Hall, "On the removal of skewness by transformation", J. R. Stat. Soc. B 54,
       1992, 221-228.

    Examples
    --------
    >>> i = hall_interval(100, 0.3, 0.25, 0.5)
    >>> round(i.low, 3), round(i.high, 3)  # Student's t has 0.201 and 0.399
    (0.221, 0.464)
    """
    level = as_level(level)
    if not all(map(math.isfinite, (n, mean, variance, third_moment))):
        return no_interval(level, "hall", "the losses are too large for an interval")
    if n < FEWEST:
        return no_interval(level, "hall", "one row has no spread to judge by")
    if variance <= 0:
        # of how many rows is the caller's to say: n is Kish's number, less than they are
        return Interval(float(mean), float(mean), level, "hall", "all losses are equal")
    error = math.sqrt(variance / (n - 1))
    skewness = skewness_of_mean(n, variance, third_moment)
    tail = (1 - level) / 2
    t = -student_quantile(tail, n - 1)
    low = max(mean - error * _unskewed(t, skewness), min(least, mean))
    return Interval(float(low), float(mean - error * _unskewed(-t, skewness)), level, "hall")


def skewness_of_mean(n: float, variance: float, third_moment: float) -> float:
    """Return the skewness of a mean, from central moments.

    >>> skewness_of_mean(4.0, 1e-220, 0.0)  # the power 3/2 of which is no double
    0.0
    """
    # of n values it is within 1; rounding may say otherwise
    return max(-1.0, min(1.0, third_moment / variance / math.sqrt(variance) / math.sqrt(n)))


def _unskewed(z: float, a: float) -> float:
    """The inverse of Hall's cubic."""
    u = a * (z - a / 6)
    if abs(u) < 0.5:
        return z if abs(a) < 1e-12 else 3 / a * math.expm1(math.log1p(u) / 3)
    root = math.copysign(abs(1 + u) ** (1 / 3), 1 + u)
    return 3 / a * (root - 1)


def cluster_interval(
    totals: Sequence[float],
    weights: Sequence[float],
    level: float = 0.95,
    *,
    least: float = -math.inf,
) -> Interval:
    r"""Return the interval of a mean of values that come in clusters.

    Rows of one cluster (a user, a document, a day) go wrong together, so that many rows are
    worth less than their number. With :math:`A_g` the sum of the weighted values of cluster
    g, :math:`W_g` that of its weights, and :math:`m = \sum A_g / \sum W_g`,

    .. math::
        s^2 = \frac{G}{G - 1} \frac{\sum_g (A_g - m W_g)^2}{(\sum_g W_g)^2}

    (the cluster-robust variance CR1 of a mean), with Student's t of G - 1 degrees of freedom
    and Hall's cubic for the skewness of :math:`A_g - m W_g`: see `hall_interval`.

    Parameters
    ----------
    totals, weights : sequence of float or int, one a cluster
        Numbers in one unit; whole ones are used without rounding.
    level, least
        As for `hall_interval`.

    Returns
    -------
    Interval
        Without ends for fewer than two clusters; its note says where they are few.

    References
    ----------
    .. [1] K.-Y. Liang and S. L. Zeger, Biometrika 73, 1986, 13-22.
    .. [2] E. Miller, "Adding error bars to evals", arXiv:2411.00640, 2024.

    Examples
    --------
    >>> i = cluster_interval([3.0, 1.0, 2.0, 2.0], [5, 5, 5, 5])
    >>> round(i.low, 3), round(i.high, 3), i.note
    (0.14, 0.66, 'only 4 clusters')
    """
    level = as_level(level)
    there = [(a, w) for a, w in zip(totals, weights, strict=True) if w > 0]
    count = len(there)
    if not all(isinstance(a, int) or math.isfinite(a) for a, _ in there):
        return no_interval(level, "cluster", "the losses are too large for an interval")
    if count < 2:
        return no_interval(level, "cluster", f"{count} cluster has no spread to judge by")
    if not all(isinstance(number, int) for pair in there for number in pair):
        there = [(int(Fraction(a) * ONE), int(Fraction(w) * ONE)) for a, w in there]
    x, w = zip(*there, strict=True)
    found = hall_interval(*cluster_moments(x, w), level, least=least)
    if found.low == found.high:
        note = f"all {count} clusters are equal"
    else:
        note = found.note or (f"only {count} clusters" if count < FEW_CLUSTERS else "")
    return replace(found, method="cluster", note=note)


def bootstrap_interval(
    mean: float,
    error: float,
    means: Sequence[float],
    errors: Sequence[float],
    level: float = 0.95,
    *,
    least: float = -math.inf,
) -> Interval:
    r"""Return the studentised bootstrap interval of a mean (bootstrap-t).

    Each replicate r has a mean :math:`m_r` and the standard error :math:`s_r` of its own
    rows. The quantiles of :math:`t_r = (m_r - m) / s_r` take the place of Student's:

    .. math::
        \left[ m - s\, q_{1 - \alpha / 2}(t_r),\; m - s\, q_{\alpha / 2}(t_r) \right] .

    Percentiles of :math:`m_r` themselves are too low for skewed losses and cover no better
    than Wald's interval; these are right to the next order.

    Parameters
    ----------
    mean, error : float
        Of the rows, and its standard error; any multiple of it will do.
    means, errors : sequence of float, one a replicate
        The same of each replicate.
    level, least
        As for `hall_interval`.

    References
    ----------
    .. [1] B. Efron, "Nonparametric standard errors and confidence intervals", Canad. J.
       Statist. 9, 1981, 139-172.
    .. [2] P. Hall, *The Bootstrap and Edgeworth Expansion*, Springer, 1992, chapter 3.

    Examples
    --------
    >>> means, errors = [0.9, 1.0, 1.1, 1.3] * 20, [0.1, 0.1, 0.1, 0.2] * 20
    >>> bootstrap_interval(1.0, 0.1, means, errors, 0.8)
    Interval(low=0.85, high=1.1, level=0.8, method='bootstrap', note='')
    """
    level = as_level(level)
    if not (math.isfinite(mean) and math.isfinite(error)):
        return no_interval(level, "bootstrap", "there is no spread to judge by")
    if error == 0:
        return Interval(float(mean), float(mean), level, "bootstrap", "all losses are equal")
    off = sorted(
        (m - mean) / s if s > 0 else math.copysign(math.inf, m - mean) if m != mean else 0.0
        for m, s in zip(means, errors, strict=True)
        if not math.isnan(m)  # no row was drawn
    )
    if (len(off) + 1) * (1 - level) / 2 < 1:
        return no_interval(level, "bootstrap", f"{len(off)} replicates are too few for it")
    low = max(mean - error * _quantile(off, (1 + level) / 2), min(least, mean))
    high = mean - error * _quantile(off, (1 - level) / 2)
    return Interval(float(low), float(high), level, "bootstrap")


def _quantile(rising: Sequence[float], p: float) -> float:
    """Between the order statistics around (R + 1) p: what R draws say of the next one."""
    place = p * (len(rising) + 1) - 1
    below = min(max(math.floor(place), 0), len(rising) - 2)
    left, right = rising[below], rising[below + 1]
    if left == right or math.isinf(left) or math.isinf(right):
        return right if place > below else left
    return left + (place - below) * (right - left)
