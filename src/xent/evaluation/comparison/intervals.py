"""Intervals and tests of a mean difference, from its moments."""

from __future__ import annotations

import math
from dataclasses import replace

from xent.evaluation.comparison.sums import Moments
from xent.evaluation.comparison.tails import t_p_value
from xent.evaluation.intervals.means import (
    FEWEST,
    Interval,
    hall_interval,
    no_interval,
    skewness_of_mean,
)
from xent.evaluation.intervals.student import student_quantile

__all__ = ["anytime_interval", "difference_interval", "difference_p_value", "t_interval"]

METHODS = ("wider", "hall", "t")
# the number of rows at which the anytime interval is narrowest for its level
TUNED_ROWS = 1000


def t_interval(m: Moments, level: float) -> Interval:
    """Return Student's interval for a mean."""
    if m.n < FEWEST or not math.isfinite(m.second):
        return no_interval(level, "t", "one row has no spread to judge by")
    half = -m.standard_error * student_quantile((1 - level) / 2, m.n - 1)
    return Interval(m.mean - half, m.mean + half, level, "t")


def difference_interval(m: Moments, level: float, method: str) -> Interval:
    """Return the interval of a mean of differences.

    Hall's transform corrects for skew, of which differences may have any, or for what a
    sample takes for one. "wider" goes on either side as far as the further of Hall's and
    Student's: of 100 rows it covers where one of the two falls short.
    """
    if method == "t":
        return t_interval(m, level)
    hall = hall_interval(m.n, m.mean, m.second, m.third, level)
    if hall.low == hall.high:
        hall = replace(hall, note="all differences are equal")
    if method == "hall" or not hall:
        return replace(hall, method=method)
    t = t_interval(m, level)
    return replace(hall, low=min(hall.low, t.low), high=max(hall.high, t.high), method=method)


def difference_p_value(m: Moments, method: str) -> float:
    """Return the level at which 0 is on the edge of the interval, taken from 1.

    nan where there is no spread to judge by: of two rows with the same difference too.
    """
    if m.n < FEWEST or not math.isfinite(m.second):
        return math.nan
    if m.second <= 0:
        return 1.0 if m.mean == 0 else math.nan
    t = m.mean / m.standard_error
    a = skewness_of_mean(m.n, m.second, m.third)
    # Hall's cubic, of which the interval takes the inverse
    transformed = t + a * t * t / 3 + a * a * t**3 / 27 + a / 6
    p = {"hall": [transformed], "t": [t], "wider": [transformed, t]}[method]
    return max(t_p_value(value, m.n - 1) for value in p)


def anytime_interval(m: Moments, level: float) -> Interval:
    r"""Return an interval that may be looked at after every row.

    The asymptotic confidence sequence :math:`m \pm s \sqrt{\frac{2 (n \rho^2 + 1)}{n^2 \rho^2}
    \log \frac{\sqrt{n \rho^2 + 1}}{\alpha}}` of Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas (arXiv 2103.06476), :math:`\rho` such that it is narrowest near 1,000 rows: the
    chance that the mean is ever outside, from large n on, is :math:`\alpha`.
    """
    n, alpha = m.num_rows, 1 - level
    if n < 2 or not math.isfinite(m.second):
        return no_interval(level, "anytime", "one row has no spread to judge by")
    spread = -2 * math.log(alpha)
    scale = n * (spread + math.log(spread + 1)) / TUNED_ROWS
    half = math.sqrt(
        m.variance * 2 * (scale + 1) / (n * scale) * (0.5 * math.log(scale + 1) - math.log(alpha))
    )
    return Interval(m.mean - half, m.mean + half, level, "anytime")
