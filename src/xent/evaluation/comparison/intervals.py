"""Intervals and tests of a mean difference, from its moments."""

from __future__ import annotations

import math

from xent.evaluation.comparison.sums import Moments
from xent.evaluation.comparison.tails import t_p_value
from xent.evaluation.intervals import Interval, hall_interval, no_interval
from xent.evaluation.student import student_quantile

__all__ = ["anytime_interval", "difference_interval", "difference_p_value", "t_interval"]

METHODS = ("hall", "t")
# the number of rows at which the anytime interval is narrowest for its level
TUNED_ROWS = 1000


def t_interval(m: Moments, level: float, method: str = "t") -> Interval:
    """Return Student's interval for a mean."""
    if m.num_rows < 2 or math.isnan(m.variance):
        return no_interval(level, method, "one value has no spread to judge by")
    half = -m.standard_error * student_quantile((1 - level) / 2, m.num_rows - 1)
    return Interval(m.mean - half, m.mean + half, level, method)


def difference_interval(m: Moments, level: float, method: str) -> Interval:
    """Return the interval of a mean by Hall's transform or by Student's t."""
    if method != "hall":
        return t_interval(m, level, method)
    n = m.num_rows
    share = (n - 1) / n if n else math.nan
    return hall_interval(n, m.mean, m.variance * share, m.third_moment, level)


def difference_p_value(m: Moments, method: str) -> float:
    """Return the level at which 0 is on the edge of the interval, taken from 1."""
    if m.num_rows < 2 or math.isnan(m.variance):
        return math.nan
    if m.variance <= 0:
        return 1.0 if m.mean == 0 else 0.0
    t = m.mean / m.standard_error
    if method == "hall":
        spread = math.sqrt(m.variance * (m.num_rows - 1) / m.num_rows)
        a = max(-1.0, min(1.0, m.third_moment / spread**3 / math.sqrt(m.num_rows)))
        # Hall's cubic, of which the interval takes the inverse
        t = t + a * t * t / 3 + a * a * t**3 / 27 + a / 6
    return t_p_value(t, m.num_rows - 1)


def anytime_interval(m: Moments, level: float) -> Interval:
    r"""Return an interval that may be looked at after every row.

    The asymptotic confidence sequence :math:`m \pm s \sqrt{\frac{2 (n \rho^2 + 1)}{n^2 \rho^2}
    \log \frac{\sqrt{n \rho^2 + 1}}{\alpha}}` of Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas (arXiv 2103.06476), :math:`\rho` such that it is narrowest near 1,000 rows: the
    chance that the mean is ever outside, from large n on, is :math:`\alpha`.
    """
    n, alpha = m.num_rows, 1 - level
    if n < 2 or math.isnan(m.variance):
        return no_interval(level, "anytime", "one row has no spread to judge by")
    spread = -2 * math.log(alpha)
    scale = n * (spread + math.log(spread + 1)) / TUNED_ROWS
    half = math.sqrt(
        m.variance * 2 * (scale + 1) / (n * scale) * (0.5 * math.log(scale + 1) - math.log(alpha))
    )
    return Interval(m.mean - half, m.mean + half, level, "anytime")
