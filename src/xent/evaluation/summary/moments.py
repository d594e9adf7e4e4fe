"""Mean and central moments of weighted values, from exact sums of their powers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from xent.evaluation.exact import ONE

__all__ = ["Moments", "moments_of"]


class Moments(NamedTuple):
    r"""Weighted mean of values, and the moments of the terms that its error is made of.

    With weights :math:`w_i`, values :math:`\ell_i` and mean
    :math:`m = \sum_i w_i \ell_i / \sum_i w_i`, the error of the mean is, to first order, the
    sum of the terms :math:`w_i (\ell_i - m) / \sum_i w_i`. With Kish's effective number

    .. math::
        n = \frac{(\sum_i w_i)^2}{\sum_i w_i^2}, \qquad
        \mu_2 = \frac{\sum_i w_i^2 (\ell_i - m)^2}{\sum_i w_i^2}, \qquad
        \mu_3 = \frac{\sum_i w_i \sum_i w_i^3 (\ell_i - m)^3}{(\sum_i w_i^2)^2}

    the variance of the mean is :math:`\mu_2 / n` and its skewness
    :math:`\mu_3 / (\mu_2^{3/2} \sqrt n)`. Without weights these are the number of values and
    their second and third central moments, divided by :math:`n`, not :math:`n - 1`.
    Multiplying all weights by a number changes nothing, nor do values of weight 0.

    Parameters
    ----------
    n : float
        Effective number of values.
    mean : float
        In nats where the values are losses.
    second : float
        :math:`\mu_2`, never negative; 0 where all values are equal.
    third : float
        :math:`\mu_3`.

    References
    ----------
    L. Kish, *Survey Sampling*, Wiley, 1965, section 11.7.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> n, mean, second, third = evaluate(([1, 1, 0], [0.5, 0.25, 0.5])).summary.moments()
    >>> n, round(mean / math.log(2), 4), round(second / math.log(2) ** 2, 4)
    (3.0, 1.3333, 0.2222)
    """

    n: float
    mean: float
    second: float
    third: float


def moments_of(
    *,
    weight: tuple[int, int, int],
    value: int,
    squares: tuple[int, int],
    cubes: tuple[int, int, int],
    scale: int = 1,
) -> Moments:
    """Return moments of values divided by `scale`, from sums in units of 2**-1074.

    With t = w * value: `weight` are the sums of w, w**2 and w**3; `value` that of t;
    `squares` those of w*t and t**2; `cubes` those of w**2*t, w*t**2 and t**3. Moments of no
    weight are nan.

    >>> one, two, four = ONE, 2 * ONE, 4 * ONE  # values 0 and 2
    >>> moments_of(
    ...     weight=(two, two, two), value=two, squares=(two, four), cubes=(two, four, 8 * ONE)
    ... )
    Moments(n=2.0, mean=1.0, second=1.0, third=0.0)
    """
    w1, w2, w3 = (Fraction(total, ONE) for total in weight)
    if w1 <= 0 or w2 <= 0:
        return Moments(0.0, math.nan, math.nan, math.nan)
    wt, tt = (Fraction(total, ONE) for total in squares)
    wwt, wtt, ttt = (Fraction(total, ONE) for total in cubes)
    mean = Fraction(value, ONE) / w1
    second = (tt - 2 * mean * wt + mean**2 * w2) / w2
    third = w1 * (ttt - 3 * mean * wtt + 3 * mean**2 * wwt - mean**3 * w3) / w2**2
    if abs(mean) > 1 and second < -(mean**2) / 2**40:
        # the sums leave out what is beyond 2**340, whose cube no double holds; below 1 it is
        # the squares that are kept to 2**-118 only
        return Moments(_double(w1**2 / w2), _double(mean / scale), math.inf, math.inf)
    if second <= 0:  # squares are kept to 2**-118, which a sum without spread can show
        second = third = Fraction(0)
    return Moments(
        _double(w1**2 / w2),
        _double(mean / scale),
        _double(second / scale**2),
        _double(third / scale**3),
    )


def _double(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)
