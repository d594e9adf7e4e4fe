"""The race from a wrong start: one logit, three losses, the same learning rate."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.losses import sigmoid

__all__ = ["FACTORS", "LIMIT", "Lane", "Race", "run"]

LIMIT = 1_000_000  # steps after which a lane is given up
FACTORS = {"full": 2.0, "half": 1.0}  # of the squared error, and of the half of it


@dataclass(frozen=True)
class Lane:
    """What gradient descent does to one output under one loss, from the start to the finish.

    Attributes
    ----------
    outputs : array, (steps + 1,)
        The logit z, or the raw output, before each step and after the last.
    finished : bool
        Whether the last output decides for the true class.
    """

    outputs: NDArray[np.float64]
    finished: bool

    @property
    def steps(self) -> int:
        return len(self.outputs) - 1

    def at(self, step: int) -> float:
        """Return the output after so many steps; at the end it stays."""
        return float(self.outputs[min(step, self.steps)])

    def prob(self, step: int) -> float:
        """Return what a sigmoid makes of the output after so many steps."""
        return float(sigmoid(self.at(step)))


@dataclass(frozen=True)
class Race:
    """Three lanes: cross-entropy, squared error behind a sigmoid, squared error on the output.

    The true class is 1. The first two lanes end with the first step after which p > 0.5,
    the third with the first step after which the output itself is above 0.5.

    Attributes
    ----------
    raw_factor : float
        What a step multiplies the distance of the raw output from 1 by; at -1 and below it
        never settles.
    """

    start: float
    rate: float
    factor: float
    cross_entropy: Lane
    squared_error: Lane
    raw: Lane

    @property
    def raw_factor(self) -> float:
        return 1 - self.rate * self.factor


@functools.lru_cache(maxsize=64)
def run(start: float, rate: float, *, factor: float = 2.0) -> Race:
    """Return the race from a logit, at a learning rate.

    Parameters
    ----------
    start : float
        The logit, or the raw output, that all lanes start from.
    rate : float
        The learning rate: z becomes z - rate * gradient.
    factor : {2, 1}
        2 for the squared error (p - 1)**2, 1 for half of it.

    Examples
    --------
    >>> race = run(-8.0, 1.0)
    >>> race.cross_entropy.steps, race.squared_error.steps
    (9, 1507)
    """
    return Race(
        start,
        rate,
        factor,
        _descend(start, rate, cross_entropy_slope, 0.0),
        _descend(start, rate, lambda z: squared_error_slope(z, factor), 0.0),
        _descend(start, rate, lambda output: factor * (output - 1), 0.5),
    )


# thousands of steps of one number: plain Python is quicker than arrays of one entry. A test
# holds both slopes equal to the gradients of xent's losses


def cross_entropy_slope(z: float) -> float:
    """The derivative of -log p, p - 1, without a subtraction."""
    return -1 / (1 + math.exp(z))


def squared_error_slope(z: float, factor: float) -> float:
    """The derivative of factor / 2 * (p - 1)**2, factor (p - 1) p (1 - p)."""
    rest = 1 / (1 + math.exp(z))
    return -factor * rest * rest / (1 + math.exp(-z))


def _descend(start: float, rate: float, slope: Callable[[float], float], right: float) -> Lane:
    outputs = [start]
    output = start
    while output <= right and len(outputs) <= LIMIT:
        output -= rate * slope(output)
        outputs.append(output)
    return Lane(np.array(outputs), output > right)
