"""Moments of a mean whose values come in clusters, from exact sums of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from operator import mul, or_

from xent.evaluation.exact import ratio
from xent.evaluation.summary.moments import Moments

__all__ = ["centred", "cluster_moments"]


def cluster_moments(
    x: Sequence[int], w: Sequence[int], size: Sequence[int] | None = None, *, power: int = 0
) -> Moments:
    r"""Return the moments of a mean of G clusters: CR1, the cluster-robust variance.

    With :math:`x_c` and :math:`w_c` the sums of the weighted values and of the weights of cluster
    c, whole numbers, the former in units of 2**`power` of the latter, and
    :math:`m = \sum x / \sum w`, they are the central moments of

    .. math::
        u_c = G \, \frac{x_c - m w_c}{\sum w}

    `size` is the sum of the sizes of the weighted values, :math:`|x_c|` unless they differ in
    sign. A weighted value is a rounded double, so that clusters whose means differ by no more
    than that have no spread.

    >>> cluster_moments([3, 1, 2, 2], [5, 5, 5, 5])
    Moments(n=4.0, mean=0.4, second=0.02, third=0.0)
    >>> cluster_moments([3, 1, 2, 2], [5, 5, 5, 5], power=1)
    Moments(n=4.0, mean=0.8, second=0.08, third=0.0)
    """
    count, weight = len(x), sum(w)
    if not weight:
        return Moments(float(count), math.nan, math.nan, math.nan)
    sizes = x if size is None else size
    # what all have in common need not be multiplied: sums of doubles end in many zeros
    of_x, of_w = _zeros(*x, *sizes), _zeros(*w)
    x, sizes, w = [n >> of_x for n in x], [n >> of_x for n in sizes], [n >> of_w for n in w]
    weight, power = weight >> of_w, power + of_x - of_w
    mean = _ratio(sum(x), weight, power)
    off = _off(x, w)
    squared = list(map(mul, off, off))
    squares = sum(squared)
    # t is within 2**-51 of m w where all values are equal, as in `sum_of_squares`
    if squares <= weight**2 * sum(map(mul, sizes, sizes)) >> 101:
        return Moments(float(count), mean, 0.0, 0.0)
    return Moments(
        float(count),
        mean,
        _ratio(count * squares, weight**4, 2 * power),
        _ratio(count**2 * sum(map(mul, squared, off)), weight**6, 3 * power),
    )


def _zeros(*numbers: int) -> int:
    """How many last digits of all numbers are 0."""
    digits = reduce(or_, numbers, 0)
    return max((digits & -digits).bit_length() - 1, 0)


def _ratio(total: int, weight: int, power: int) -> float:
    """The double nearest to 2**`power` of a quotient."""
    return ratio(total << max(power, 0), weight << max(-power, 0))


def centred(x: Sequence[int], w: Sequence[int]) -> list[float]:
    """Return u of each cluster, as `cluster_moments` has it: its mean is 0.

    >>> centred([3, 1, 2, 2], [5, 5, 5, 5])
    [0.2, -0.2, 0.0, 0.0]
    """
    return [ratio(len(x) * d, sum(w) ** 2) for d in _off(x, w)]


def _off(x: Sequence[int], w: Sequence[int]) -> list[int]:
    """How far each cluster is from the mean of all, times the weight of all."""
    total, weight = sum(x), sum(w)
    return [a * weight - total * b for a, b in zip(x, w, strict=True)]
