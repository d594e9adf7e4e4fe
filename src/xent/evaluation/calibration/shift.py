"""What re-balancing two outcomes would gain: one constant added to every logit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.calibration.grid import Grid, softplus
from xent.evaluation.calibration.special import chi_square_tail

__all__ = ["LabelShifts", "Shift", "best_shift"]

Array = npt.NDArray[np.float64]

FARTHEST = 64.0  # beyond it no logit of the grid changes sides
SMALL = 1e-3  # a shift below it gains so little that its digits are rounding
ONE_OUTCOME = "only one outcome was seen: any shift towards it gains"


@dataclass(frozen=True)
class Shift:
    """The best shift of the logit and what it gains, in nats or in the evaluation's unit.

    Parameters
    ----------
    shift : float
        Added to the logit of the outcome; positive where it was predicted too rarely.
    gain : float
        As computed for the logits that stand for the cells.
    gain_bounds : (float, float)
        What the best gain is certainly between, wherever in its cell each logit is.
    p_value : float
        Probability that a model whose odds need no shift gains so much (Wilks).
    note : str
    null : float
        What such a model gains on average: 1 / 2n for n rows.
    low, high : float
        Interval of the gain over new rows; 0 and inf where only one outcome was seen.
    """

    shift: float
    gain: float
    gain_bounds: tuple[float, float]
    p_value: float
    note: str = ""
    null: float = 0.0
    low: float = 0.0
    high: float = math.inf

    def scaled(self, factor: float) -> Shift:
        """Return the gain in another unit."""
        low, high = self.gain_bounds
        return replace(
            self,
            gain=self.gain * factor,
            gain_bounds=(low * factor, high * factor),
            null=self.null * factor,
            low=self.low * factor,
            high=self.high * factor,
        )


@dataclass(frozen=True)
class LabelShifts:
    """The best shift of each label, and what all of them gain: the prior-shift term of labels.

    A label that was always true, or never, is left as it is: no shift towards it ends.

    Parameters
    ----------
    names : tuple of str
    shifts : tuple of Shift
        Of each label by itself.

    Examples
    --------
    >>> up, none = Shift(0.5, 0.02, (0.01, 0.03), 0.01), Shift(math.inf, 1.0, (1, 1), 0, "one")
    >>> both = LabelShifts(("rain", "snow"), (up, none))
    >>> both.gain, both.p_value, both.largest()
    (0.01, 0.02, [('rain', 0.5)])
    """

    names: tuple[str, ...]
    shifts: tuple[Shift, ...]

    def _mean(self, values: Sequence[float]) -> float:
        return math.fsum(values) / len(self.shifts)

    @property
    def gain(self) -> float:
        """Mean over the labels, as the log loss is."""
        return self._mean([s.gain for s in self.shifts if not s.note])

    @property
    def gain_bounds(self) -> tuple[float, float]:
        """What the best gain is certainly between."""
        bounds = [s.gain_bounds for s in self.shifts if not s.note]
        return self._mean([low for low, _ in bounds]), self._mean([high for _, high in bounds])

    @property
    def null(self) -> float:
        """What labels that need no shift gain on average."""
        return self._mean([s.null for s in self.shifts if not s.note])

    @property
    def low(self) -> float:
        """Mean of the labels' intervals, which holds however the labels hang together."""
        return self._mean([s.low for s in self.shifts if not s.note])

    @property
    def high(self) -> float:
        """As `low`: labels that are independent would have a narrower interval."""
        return self._mean([s.high for s in self.shifts if not s.note])

    @property
    def p_value(self) -> float:
        """Bonferroni's, which holds however the labels hang together: least p-value times labels.

        Labels of one row are not independent, so that their gains have no chi-square together.
        """
        return min([1.0, *(len(self.shifts) * s.p_value for s in self.shifts if not s.note)])

    def largest(self, most: int = 3, sure: float = 0.05) -> list[tuple[str, float]]:
        """Return the labels whose shift gains most, and more than chance, and the shift."""
        count = len(self.shifts)
        named = zip(self.names, self.shifts, strict=True)
        found = [(s, n) for n, s in named if not s.note and count * s.p_value <= sure]
        found.sort(key=lambda pair: -pair[0].gain)
        return [(name, s.shift) for s, name in found[:most]]

    def scaled(self, factor: float) -> LabelShifts:
        """Return the gains in another unit."""
        return replace(self, shifts=tuple(s.scaled(factor) for s in self.shifts))

    def to_dict(self) -> dict[str, Any]:
        """Return every number, for machines."""
        return {
            "gain": self.gain,
            "gain_bounds": list(self.gain_bounds),
            "null": self.null,
            "low": self.low,
            "high": self.high,
            "p_value": self.p_value,
            "labels": [
                {"name": n, **vars(s), "gain_bounds": list(s.gain_bounds)}
                for n, s in zip(self.names, self.shifts, strict=True)
            ],
        }


def best_shift(
    zeros: npt.ArrayLike,
    ones: npt.ArrayLike,
    grid: Grid,
    *,
    scale: float = 1.0,
    level: float = 0.95,
) -> Shift | None:
    r"""Return the constant that the logits lack, from weights of zeros and ones in cells.

    With :math:`s(z) = \log(1 + e^z)`, the gain of a shift b,

    .. math::
        g(b) = \operatorname{mean}(s(z) - s(z + b) + b y),

    is concave. At its maximum the mean forecast is the frequency of the outcome: the
    adjustment of Kull and Flach for two classes.

    Parameters
    ----------
    zeros, ones : array, shape (C,)
    grid : Grid
    scale : float
        Rows for each unit of weight.
    level : float, default 0.95
        Of the interval of the gain.

    Notes
    -----
    The interval is that of a fit of one parameter to several classes (`decompose_fit`), as wide
    as rows really vary. A row gains d = s(z) - s(z + b) + b y, and the error of the root of the
    mean gain g is :math:`\sqrt{v / 2n}` with :math:`v = \operatorname{var}(d) / 2g`, which is 1
    where the shifted forecasts are calibrated:

    .. math::
        \left(\sqrt{g} \pm z_{1 - \alpha / 2} \sqrt{v / 2n}\right)^2 .

    It does not count what the cells hide, which is in `gain_bounds`.

    `gain_bounds`: s(z) - s(z + b) is monotone in z, so that each cell's is between those
    of its edges; b y does not depend on the cell.

    References
    ----------
    .. [1] Kull and Flach, "Novel decompositions of proper scoring rules for
       classification", ECML PKDD 2015.

    Examples
    --------
    Forecasts of 1/2, and three ones in four rows:

    >>> grid = Grid([0.0, 0.99, 1.01, 2.0], [-1.0, 0.0, 0.7])
    >>> found = best_shift([0, 1, 0], [0, 3, 0], grid)
    >>> round(found.shift, 4), round(math.log(3), 4)
    (1.0986, 1.0986)
    """
    z, o = (np.asarray(a, dtype=np.float64) for a in (zeros, ones))
    n = z + o
    weight, total = float(n.sum()), float(o.sum())
    if not weight > 0:
        return None
    kept = n > 0
    n = n[kept]
    low, high = (edges[kept] for edges in grid.logit_edges)
    logits = grid.logits[kept]

    def gain(logit: Array, b: float) -> float:
        finite = np.isfinite(logit)
        at = np.where(finite, logit, 0.0)
        # s(z) - s(z + b) is 0 where z is -inf, and -b where it is inf
        change = np.where(finite, softplus(at) - softplus(at + b), np.where(logit > 0, -b, 0.0))
        return (math.fsum((n * change).tolist()) + b * total) / weight

    def best(logit: Array) -> float:
        """Return where the gain is largest, by bisection of its decreasing slope."""
        left, right = -FARTHEST, FARTHEST
        for _ in range(60):
            middle = (left + right) / 2
            with np.errstate(over="ignore"):
                expected = float((n / (1 + np.exp(-(logit + middle)))).sum())
            left, right = (middle, right) if expected < total else (left, middle)
        return (left + right) / 2

    shift = best(logits)
    found = max(gain(logits, shift), 0.0)
    # pessimal and optimal edges, for a shift up and for a shift down
    certain = gain(high if shift > 0 else low, shift)
    possible = max(
        gain(low, max(best(low), 0.0)),
        gain(high, min(best(high), 0.0)),
    )
    note = ONE_OUTCOME if total == 0 or total == weight else ""
    root, half = math.sqrt(found), math.inf
    if not note:
        v = _variation(z[kept], o[kept], logits, shift, found)
        half = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(v / (2 * weight * scale))
    return Shift(
        shift=math.copysign(math.inf, shift) if note else shift,
        gain=found,
        gain_bounds=(min(max(certain, 0.0), found), max(possible, found)),
        p_value=chi_square_tail(2 * weight * scale * found, 1),
        note=note,
        null=1 / (2 * weight * scale),
        low=max(root - half, 0.0) ** 2,
        high=(root + half) ** 2,
    )


def _variation(zeros: Array, ones: Array, logits: Array, shift: float, gain: float) -> float:
    """Return the variance of what rows gain over twice its mean: 1 where the shifted forecasts
    are calibrated."""
    weight = float((zeros + ones).sum())
    inside = np.isfinite(logits)  # the others gain nothing by any shift, or would be impossible
    zeros, ones, at = (a[inside] for a in (zeros, ones, logits))
    if abs(shift) < SMALL or gain <= 0:
        # both are squares of the shift there: of the slopes, and of their expected curvature
        p = 1 / (1 + np.exp(-(at + shift)))
        curvature = float(((zeros + ones) * p * (1 - p)).sum())
        return float((zeros * p**2 + ones * (1 - p) ** 2).sum()) / curvature if curvature else 0.0
    of_zero = softplus(at) - softplus(at + shift)
    squares = float((zeros * of_zero**2 + ones * (of_zero + shift) ** 2).sum())
    return max(squares / weight - gain**2, 0.0) / (2 * gain)
