"""How hard each loss pushes a wrong answer, and where the squared error bends the wrong way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.learn.pictures.parts import with_results
from xent.losses import gradient_and_hessian, half_squared_error, sigmoid, sigmoid_cross_entropy

__all__ = ["Slopes", "code_of", "compute"]


@dataclass(frozen=True)
class Slopes:
    """First and second derivatives over the logit, of the cross-entropy and of (p - y)**2.

    Attributes
    ----------
    z, p : array
        The logits, and what a sigmoid makes of them.
    cross_entropy, squared_error : array
        Gradients p - y and 2 (p - y) p (1 - p).
    cross_entropy_curvature, squared_error_curvature : array
        Second derivatives; that of the squared error is below 0 where it is concave.
    """

    z: NDArray[np.float64]
    p: NDArray[np.float64]
    cross_entropy: NDArray[np.float64]
    squared_error: NDArray[np.float64]
    cross_entropy_curvature: NDArray[np.float64]
    squared_error_curvature: NDArray[np.float64]

    @property
    def ratio(self) -> NDArray[np.float64]:
        """How many times harder the cross-entropy pushes."""
        return self.cross_entropy / self.squared_error

    @property
    def concave(self) -> bool:
        """Whether the squared error is concave at all of the logits."""
        return bool((self.squared_error_curvature < 0).all())


def compute(z: object, label: int) -> Slopes:
    """Return the derivatives at logits, for the label 0 or 1.

    >>> at = compute([-8.0], 1)
    >>> at.cross_entropy.round(4), at.squared_error.round(5)
    (array([-0.9997]), array([-0.00067]))
    """
    logits = np.asarray(z, np.float64)
    y = np.full(logits.shape, float(label))
    p = sigmoid(logits)
    rest = sigmoid(-logits)
    bent = p * rest  # dp/dz
    slope, curvature = gradient_and_hessian(sigmoid_cross_entropy)(logits, y, reduction="sum")
    # the chain rule: half_squared_error knows no sigmoid, and is half of (p - y)**2. Its
    # gradient p - y is the cross-entropy's, where 1 - p is not rounded to 0
    _, flat = gradient_and_hessian(half_squared_error)(p, y, reduction="sum")
    squared = 2 * slope * bent
    squared_curvature = 2 * (flat * bent**2 + slope * bent * (rest - p))
    return Slopes(logits, p, slope, squared, curvature, squared_curvature)


def code_of(at: Slopes, label: int) -> str:
    """Return the gradients of one logit as lines of Python."""
    return with_results(
        (f"z, y = np.array([{float(at.z[0])}]), np.array([{float(label)}])", None),
        ("p = xent.sigmoid(z)", None),
        ("xent.value_and_grad(xent.sigmoid_cross_entropy)(z, y)[1]", float(at.cross_entropy[0])),
        (
            "2 * xent.value_and_grad(xent.half_squared_error)(p, y)[1] * p * (1 - p)",
            float(at.squared_error[0]),
        ),
    )
