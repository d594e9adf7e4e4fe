"""Mean and central moments of weighted values, from exact sums of their powers."""

from __future__ import annotations

import math
from typing import NamedTuple

from xent.evaluation.exact import ONE, ratio

__all__ = ["Moments", "moments_of", "sum_of_squares"]

LOST = ONE >> 118  # of a product below 2**12


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
    rows: int,
    *,
    weight: tuple[int, int, int],
    value: int,
    squares: tuple[int, int],
    cubes: tuple[int, int, int],
    scale: int = 1,
) -> Moments:
    """Return moments of values divided by `scale`, from sums over `rows` in units of 2**-1074.

    With t = w * value: `weight` are the sums of w, w**2 and w**3; `value` that of t;
    `squares` those of w*t and t**2; `cubes` those of w**2*t, w*t**2 and t**3. Moments of no
    weight are nan. A spread, or a skewness, that is no larger than what the sums leave out is 0.

    >>> one, two, four = ONE, 2 * ONE, 4 * ONE  # values 0 and 2
    >>> moments_of(
    ...     2, weight=(two, two, two), value=two, squares=(two, four), cubes=(two, four, 8 * ONE)
    ... )
    Moments(n=2.0, mean=1.0, second=1.0, third=0.0)
    """
    w, ww, www = weight
    if w <= 0 or ww <= 0:
        return Moments(0.0, math.nan, math.nan, math.nan)
    n, mean = ratio(w * w, ww * ONE), ratio(value, w * scale)
    left_out = _LeftOut(rows, w, ww, value, squares[1])
    second = left_out.sum_of_squares(squares[0])
    if second < 0:
        # the sums leave out what is beyond 2**340, whose cube no double holds
        return Moments(n, mean, math.inf, math.inf)
    third = left_out.sum_of_cubes(*cubes, www) if second else 0
    return Moments(
        n,
        mean,
        ratio(second, w**2 * ww * scale**2),
        ratio(third, w**2 * ww**2 * scale**3),
    )


def sum_of_squares(rows: int, w: int, t: int, ww: int, wt: int, tt: int) -> int:
    r"""Return :math:`W^2 \sum (t_i - m w_i)^2`, with :math:`m = \sum t_i / W`.

    From sums over `rows` in units of 2**-1074, in units of their cube; 0 where that is within what
    the sums leave out, and below 0 only where values are beyond 2**340.

    >>> sum_of_squares(2, 2 * ONE, 2 * ONE, 2 * ONE, 2 * ONE, 4 * ONE) / ONE**3  # values 0 and 2
    8.0
    """
    return _LeftOut(rows, w, ww, t, tt).sum_of_squares(wt)


class _LeftOut:
    r"""What sums of products leave out, and with it what central sums are 0.

    A product x of numbers below 2**340 is kept to the smaller of 2**-118 and 2**-52 of x, or
    2**-51 where it is of three; one of three is right to 2**-104 of x beside; and where two
    factors underflow, 2**-1074 is lost, times the third. See
    `xent.kernels.cpu.moment_sums.PowerSums`. With :math:`a = (\sum w_i^2)^{1/2}` and
    :math:`b = (\sum t_i^2)^{1/2}` a sum of sizes of products, :math:`\sum |w_i^j t_i^k|`, is
    within :math:`a^j b^k`. So what :math:`\sum (t_i - m w_i)^2` of N rows leaves out is within

    .. math::
        \min( 2^{-118} N (1 + |m|)^2, 2^{-52} (b + |m| a)^2 )

    and a sum of cubes likewise. Here all is multiplied by a power of W, to be a whole number.
    """

    def __init__(self, rows: int, w: int, ww: int, t: int, tt: int) -> None:
        self._w, self._ww, self._t, self._tt = w, ww, t, tt
        # for one unit a row, and times W: 1 + |m|
        self._rows, self._unit = rows, w + abs(t)
        # roots are rounded up
        a, b = math.isqrt(ww * ONE) + 1, math.isqrt(tt * ONE) + 1
        self._size = b * w + abs(t) * a
        self._largest = ONE + a + b

    def sum_of_squares(self, wt: int) -> int:
        w, t = self._w, self._t
        found = self._tt * w * w - 2 * t * wt * w + t * t * self._ww
        units, size = self._rows * self._unit**2, self._size**2 // ONE
        lost = min(units * LOST, (size >> 52) + units)
        # w and t = w * value are doubles, each rounded once: t is within 2**-51 of m w where
        # all values are equal. Twice that, for what this sum of squares leaves out itself.
        rounded = self._tt * w * w >> 101
        return 0 if abs(found) <= lost + rounded else found

    def sum_of_cubes(self, wwt: int, wtt: int, ttt: int, www: int) -> int:
        """Return the same of cubes, times W**3: of no use where there is no spread."""
        w, t = self._w, self._t
        found = ttt * w**3 - 3 * t * wtt * w * w + 3 * t * t * wwt * w - t**3 * www
        units, size = self._rows * self._unit**3, self._size**3 // ONE**2
        lost = min(units * LOST, (size >> 51) + units * self._largest // ONE) + (size >> 104)
        return 0 if abs(found) <= lost else found
