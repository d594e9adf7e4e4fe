"""Losses at other temperatures: exact sums from which the best one is found in no second pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.exact import from_text, ratio, rounded, to_text
from xent.evaluation.plain import sums_of, whole_of
from xent.kernels.cpu.log_loss import TEMPERING_POWERS

__all__ = ["POWERS", "Tempering"]

POWERS: tuple[int, ...] = TEMPERING_POWERS
_SUMS = ("sum_loss", "sum_slope", "sum_curvature")


@dataclass(frozen=True)
class Tempering:
    r"""Sums of the loss at several temperatures, with its first two derivatives.

    At the temperature :math:`T = 1 / \beta` a row of logits, or of logs of probabilities,
    :math:`z` has the loss

    .. math::
        L(\beta) = \log \sum_j e^{\beta z_j} - \beta z_y , \qquad
        L'(\beta) = \operatorname{E}_\beta z - z_y , \qquad
        L''(\beta) = \operatorname{Var}_\beta z \ge 0 ,

    where the moments are of :math:`j` with probability proportional to
    :math:`e^{\beta z_j}`. The mean of convex functions is convex, so tangents bound it from
    below. Of labels every decision is a row of two classes.

    Parameters
    ----------
    num_rows : int
        Rows, or decisions about labels, that are not impossible: a probability of the truth
        below 2.3e-308 is as good as 0 here.
    sum_weight : int
        Their weight, in units of 2**-1074, as all sums.
    sum_loss, sum_slope, sum_curvature : tuple of int
        Weight times :math:`L`, :math:`L'` and :math:`L''` at each :math:`\beta` of `betas`.

    Notes
    -----
    Each of the three values of a row is rounded to a multiple of 2**-40 before it is added,
    and computed to about that: a mean is within 1.0e-12 of exact arithmetic, and as all else
    it is the same bits for any split, order and number of threads. Values of 2048 and more,
    of logits that differ by hundreds, are not rounded; they are right to a relative 1e-13,
    curvatures to 1e-13 times the square of the range of the logits.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> t = evaluate(([0, 1], [[0.75, 0.25], [0.75, 0.25]])).summary.tempering
    >>> float(t.betas[7]), round(float(t.loss[7]), 4), t.weight
    (1.0, 0.837, 2.0)
    """

    num_rows: int
    sum_weight: int
    sum_loss: tuple[int, ...]
    sum_slope: tuple[int, ...]
    sum_curvature: tuple[int, ...]

    @property
    def betas(self) -> npt.NDArray[np.float64]:
        """Inverse temperatures, ascending: (P,)."""
        return np.array(POWERS) / 8

    @property
    def weight(self) -> float:
        """Weight of the rows, or how many there are."""
        return rounded(self.sum_weight)

    @property
    def loss(self) -> npt.NDArray[np.float64]:
        """Mean loss in nats at each beta: (P,)."""
        return self._means(self.sum_loss)

    @property
    def slope(self) -> npt.NDArray[np.float64]:
        """Mean first derivative by beta: (P,)."""
        return self._means(self.sum_slope)

    @property
    def curvature(self) -> npt.NDArray[np.float64]:
        """Mean second derivative by beta: (P,)."""
        return self._means(self.sum_curvature)

    def _means(self, sums: tuple[int, ...]) -> npt.NDArray[np.float64]:
        return np.array([ratio(total, self.sum_weight) for total in sums])

    def __add__(self, other: object) -> Tempering:
        if not isinstance(other, Tempering):
            return NotImplemented
        return Tempering(
            self.num_rows + other.num_rows,
            self.sum_weight + other.sum_weight,
            *(
                tuple(a + b for a, b in zip(getattr(self, n), getattr(other, n), strict=True))
                for n in _SUMS
            ),
        )

    def to_state(self) -> dict[str, Any]:
        """Return the sums as what JSON can hold."""
        state: dict[str, Any] = {n: [to_text(x) for x in getattr(self, n)] for n in _SUMS}
        return {"num_rows": self.num_rows, "sum_weight": to_text(self.sum_weight), **state}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Tempering:
        """Return the sums that `to_state` wrote."""
        loss, slope, curvature = (tuple(from_text(x) for x in state[n]) for n in _SUMS)
        if not len(loss) == len(slope) == len(curvature) == len(POWERS):
            raise ValueError(f"tempering must have sums at {len(POWERS)} temperatures")
        weight = from_text(state["sum_weight"])
        sums_of((weight, *curvature), "sums at temperatures")
        return cls(whole_of(state["num_rows"], "num_rows"), weight, loss, slope, curvature)
