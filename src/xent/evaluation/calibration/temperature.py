"""The temperature that minimises the loss, from losses at a few temperatures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.calibration.special import chi_square_tail

__all__ = ["Temperature", "best_temperature", "minimise"]

Array = npt.NDArray[np.float64]

SEPARABLE = (
    "the loss still falls where all logits are multiplied by {beta:g}: every row may be "
    "separable, and then no finite scale is best"
)
NO_INFORMATION = (
    "the loss does not rise as the temperature grows without end: on average the scores are "
    "no higher for the true class than for the others"
)
CONSTANT = "the loss is the same at every temperature"
NEARLY = "the best scale is below {beta:g}, the smallest tried; it is extrapolated"


@dataclass(frozen=True)
class Temperature:
    """The best temperature and what it gains, in nats or in the unit of the evaluation.

    Parameters
    ----------
    beta : float
        The scale 1 / temperature by which all logits are multiplied; 0 where all classes
        equally likely would be better than the scores.
    temperature : float
    loss : float
        Mean loss at that temperature, of the rows that are not impossible.
    gain : float
        By how much that is less than the loss as it is.
    gain_bounds : (float, float)
        What the best gain is certainly between: the loss is convex in beta, so it is nowhere
        above the smallest value computed at its minimum, nor below the tangents.
    standard_error : float
        Of log beta, were the rescaled model true; infinite where nothing can be said.
    p_value : float
        Probability that a model that needs no other temperature gains so much (Wilks).
    note : str
        What the reader must know.
    null : float
        What such a model gains on average: 1 / 2n for n rows.
    """

    beta: float
    temperature: float
    loss: float
    gain: float
    gain_bounds: tuple[float, float]
    standard_error: float
    p_value: float
    note: str = ""
    null: float = 0.0

    def scaled(self, factor: float) -> Temperature:
        """Return losses in another unit."""
        low, high = self.gain_bounds
        return replace(
            self,
            loss=self.loss * factor,
            gain=self.gain * factor,
            gain_bounds=(low * factor, high * factor),
            null=self.null * factor,
        )


def best_temperature(
    tempering: Any, num_rows: float | None = None, *, at_zero: float | None = None
) -> Temperature | None:
    """Return the best temperature from a `Tempering`; see `minimise`. None without rows.

    `num_rows` is by default the weight of the tempering's rows: right where all weigh 1.
    """
    weight = float(tempering.weight)
    if not weight > 0:
        return None
    return minimise(
        tempering.betas,
        tempering.loss,
        tempering.slope,
        tempering.curvature,
        num_rows=weight if num_rows is None else num_rows,
        at_zero=at_zero,
    )


def minimise(
    betas: npt.ArrayLike,
    loss: npt.ArrayLike,
    slope: npt.ArrayLike,
    curvature: npt.ArrayLike,
    *,
    num_rows: float,
    at_zero: float | None = None,
) -> Temperature:
    r"""Return the scale of the logits with the smallest loss, with bounds of what it gains.

    For logits z and the true class y, in nats,

    .. math::
        L(\beta) = \operatorname{mean}(\operatorname{logsumexp}(\beta z) - \beta z_y)

    is convex. Between the two grid points where the slope changes its sign, the polynomial of
    degree 5 with the same values, slopes and curvatures is minimised.

    Parameters
    ----------
    betas, loss, slope, curvature : array, shape (P,)
        Increasing scales, 1.0 among them, and L, L', L'' there.
    num_rows : float
        Rows behind the means.
    at_zero : float, optional
        The loss at scale 0 where it is known: log K where each of K classes was possible.

    Returns
    -------
    best : Temperature
        `gain_bounds` hold whatever the loss is between the grid points. `standard_error`
        is (num_rows L'')**-1/2 / beta.

    Notes
    -----
    *Edges*, which `note` tells: where the loss still falls at the last scale, that scale is
    returned (separable data have no best one); where it rises from 0 on, scale 0, all
    classes being equally likely; between 0 and the first scale, the minimum of the cubic through
    what is known at both, or without `at_zero` one step of Newton's; a loss that does not depend
    on the scale (one class, equal logits) keeps 1.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks",
       ICML 2017.

    Examples
    --------
    Two classes, logits (1, -1) and the first class true in 3 of 4 rows: best is
    2 beta = log 3.

    >>> beta = np.array([0.25, 0.5, 1.0, 2.0])
    >>> p = 1 / (1 + np.exp(-2 * beta))
    >>> loss = -(0.75 * np.log(p) + 0.25 * np.log1p(-p))
    >>> best = minimise(beta, loss, 2 * (p - 0.75), 4 * p * (1 - p), num_rows=100)
    >>> round(best.beta, 5), round(math.log(3) / 2, 5)
    (0.54931, 0.54931)
    """
    b, f, d, c = (np.asarray(a, dtype=np.float64) for a in (betas, loss, slope, curvature))
    now = float(f[int(np.flatnonzero(b == 1.0)[0])])

    def result(beta: float, best: float, lowest: float, bend: float, note: str = "") -> Temperature:
        smallest = min(float(f.min()), best)
        best, lowest = min(best, now), min(lowest, smallest)
        information = num_rows * bend * beta**2
        return Temperature(
            beta=beta,
            temperature=1 / beta if beta > 0 else math.inf,
            loss=best,
            gain=now - best,
            gain_bounds=(now - float(f.min()), now - max(lowest, 0.0)),
            standard_error=information**-0.5 if information > 0 else math.inf,
            p_value=chi_square_tail(2 * num_rows * (now - best), 1),
            note=note,
            null=1 / (2 * num_rows),
        )

    if not (d != 0).any() and not (c != 0).any():
        return result(1.0, now, now, 0.0, CONSTANT)
    if d[-1] < 0:
        return result(
            float(b[-1]), float(f[-1]), 0.0, float(c[-1]), SEPARABLE.format(beta=float(b[-1]))
        )
    if d[0] >= 0:
        # scales are not negative: the tangent holds down to 0
        lowest = float(f[0] - d[0] * b[0])
        first = _Point(*(float(a[0]) for a in (b, f, d, c)))
        if at_zero is not None:
            at_zero = max(at_zero, lowest)
        beta, best = _towards_zero(first, at_zero)
        note = NEARLY.format(beta=float(b[0])) if beta > 0 else NO_INFORMATION
        return result(beta, max(best, lowest), lowest, float(c[0]) if beta > 0 else 0.0, note)
    i = int(np.flatnonzero(d >= 0)[0]) - 1
    left, right = (_Point(*(float(a[k]) for a in (b, f, d, c))) for k in (i, i + 1))
    beta, best, bend = _between(left, right)
    lowest = _tangents(left, right)
    return result(beta, min(max(best, lowest), left.loss, right.loss), lowest, bend)


class _Point(NamedTuple):
    beta: float
    loss: float
    slope: float
    curvature: float


def _between(left: _Point, right: _Point) -> tuple[float, float, float]:
    """Return where the interpolating polynomial is least, its value, its curvature."""
    h = right.beta - left.beta
    p = [left.loss, left.slope * h, left.curvature * h * h / 2]
    value = right.loss - left.loss - p[1] - p[2]
    rise = right.slope * h - p[1] - 2 * p[2]
    bend = right.curvature * h * h - 2 * p[2]
    p += [
        10 * value - 4 * rise + bend / 2,
        -15 * value + 7 * rise - bend,
        6 * value - 3 * rise + bend / 2,
    ]

    def slope(t: float) -> float:
        return p[1] + t * (2 * p[2] + t * (3 * p[3] + t * (4 * p[4] + t * 5 * p[5])))

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    t = (low + high) / 2
    value = p[0] + t * (p[1] + t * (p[2] + t * (p[3] + t * (p[4] + t * p[5]))))
    bend = 2 * p[2] + t * (6 * p[3] + t * (12 * p[4] + t * 20 * p[5]))
    return left.beta + t * h, value, max(bend, 0.0) / (h * h)


def _towards_zero(first: _Point, at_zero: float | None) -> tuple[float, float]:
    """Return where the loss is least between 0 and the first point, and its value."""
    b, loss, slope, curvature = first
    bend = 0.0
    if at_zero is not None:
        bend = (loss - slope * b + curvature * b * b / 2 - at_zero) / b**3

    def falls(step: float) -> bool:
        return slope + step * (curvature + 3 * bend * step) < 0

    if curvature <= 0 or not falls(-b):
        step = -b
    else:
        low, high = -b, 0.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if falls(middle) else (low, middle)
        step = (low + high) / 2
    return b + step, loss + step * (slope + step * (curvature / 2 + bend * step))


def _tangents(left: _Point, right: _Point) -> float:
    """Return the height at which the tangents at both ends meet: no convex loss is lower."""
    if right.slope == 0:
        return right.loss
    h = right.beta - left.beta
    step = (right.loss - left.loss - right.slope * h) / (left.slope - right.slope)
    return left.loss + left.slope * min(max(step, 0.0), h)
