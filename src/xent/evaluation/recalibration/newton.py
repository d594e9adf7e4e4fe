"""Newton's method for a smooth convex function, with bounds at 0 and a line search."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Derivatives", "Minimum", "minimise"]

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MAX_STEPS = 100
MAX_HALVINGS = 40
GRADIENT_TOLERANCE = 1e-12
# where rounding stops the descent before that, this is still a minimum
NEARLY_FLAT = 1e-9
RIDGE = 1e-13  # of a Hessian with unit diagonal: nothing beside it, and never singular
ENOUGH_DECREASE = 1e-4  # Armijo's constant
# a decrease below this share of the value is rounding: there the gradient is the judge
VALUE_NOISE = 1e-13


class Derivatives(NamedTuple):
    """A function's value, gradient and Hessian at a point, and the size of the gradient's terms."""

    value: float
    gradient: Vector
    hessian: npt.NDArray[np.float64]
    scale: Vector  # what a component of the gradient is a difference of

    def slope(self, free: Mask) -> float:
        """The steepest of the components that may move, relative to its terms."""
        relative = np.abs(self.gradient[free]) / np.maximum(self.scale[free], np.finfo(float).tiny)
        return float(np.max(relative, initial=0.0))


class Minimum(NamedTuple):
    """Where the descent ended."""

    point: Vector
    value: float
    converged: bool
    steps: int


def minimise(
    derivatives: Callable[[Vector], Derivatives],
    start: Vector,
    nonnegative: Mask | None = None,
    max_steps: int = MAX_STEPS,
) -> Minimum:
    """Return the minimum of a convex function, components of `nonnegative` kept at 0 or above.

    Two-metric projection (Bertsekas 1982): components at 0 that the gradient pushes below
    stay, the others take Newton's step, cut at 0. The Hessian must be positive definite on the
    components that may move. It has converged when each component of the gradient that may
    move is below 1e-12 of the terms that it is made of.
    """
    x = np.array(start, dtype=np.float64)
    bounded = np.zeros(x.size, dtype=bool) if nonnegative is None else nonnegative
    now = derivatives(x)
    for step in range(max_steps):
        free = ~(bounded & (x <= 0) & (now.gradient > 0))
        slope = now.slope(free)
        if slope <= GRADIENT_TOLERANCE:
            return Minimum(x, now.value, True, step)
        direction = np.zeros_like(x)
        direction[free] = -_solve(now.hessian[np.ix_(free, free)], now.gradient[free])
        noise = VALUE_NOISE * abs(now.value)
        unseen = -float(now.gradient @ direction) <= noise
        length = 1.0
        for _ in range(1 if unseen else MAX_HALVINGS):
            moved = x + length * direction
            moved[bounded] = np.maximum(moved[bounded], 0.0)
            then = derivatives(moved)
            # of the step as it is after the cut, which may lead up where it is long
            expected = float(now.gradient @ (moved - x))
            if unseen:
                enough = then.slope(free) <= slope / 2
            else:
                aim = now.value + ENOUGH_DECREASE * expected
                enough = expected < 0 and then.value <= aim + noise
            if enough:
                break
            length /= 2
        else:
            return Minimum(x, now.value, slope <= NEARLY_FLAT, step)
        x, now = moved, then
    return Minimum(x, now.value, False, max_steps)


def _solve(hessian: npt.NDArray[np.float64], gradient: Vector) -> Vector:
    """Solve with a diagonal scaling, which parameters of different units need."""
    size = np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
    scaled = hessian / size[:, None] / size
    try:
        scaled[np.diag_indices_from(scaled)] += RIDGE
        solved = np.linalg.solve(scaled, gradient / size)
    except np.linalg.LinAlgError:
        solved = np.linalg.lstsq(scaled, gradient / size, rcond=None)[0]
    with np.errstate(over="ignore", invalid="ignore"):
        # where the Hessian is numerically 0, the step is not a number of any use
        result: Vector = solved / size
        if not np.all(np.isfinite(result)) or gradient @ result < 0:
            result = gradient / size**2  # along the gradient
    return np.where(np.isfinite(result), result, 0.0)
