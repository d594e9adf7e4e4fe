"""What every loss kernel returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

__all__ = ["Scored"]


@dataclass(slots=True)  # frozen would take a microsecond longer, a fifth of a small call
class Scored:
    """Losses of a batch and what they are to be divided by.

    nll       each loss times its weight, or None where it was not asked for
    sum       their sum, in float64 whatever the dtype of the input
    weight    the sum of the weights of what counts: the denominator of the mean
    count     how many count
    gradient  None where it was not asked for; in the dtype of the input
    hessian   its diagonal, likewise
    statistics  of each row: -log p of its target before any weight, log sum exp, entropy of
              the prediction in nats, whether the arg max is the target (bool); a row of
              weight 0 says 0; None where they were not asked for
    """

    nll: NDArray[Any] | None
    sum: float
    weight: float
    count: int
    gradient: NDArray[Any] | None = None
    hessian: NDArray[Any] | None = None
    statistics: tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]] | None = None
