"""The losses of an adversarial game over the logits of the discriminator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.learn.pictures.parts import with_results
from xent.losses import sigmoid, sigmoid_cross_entropy, value_and_grad

__all__ = ["Generator", "code_of", "discriminator", "generator"]


@dataclass(frozen=True)
class Generator:
    """What the generator minimises, and the push on the logit of its sample.

    Attributes
    ----------
    logits, said_real : array
        Of a made sample: the discriminator's logit, and D, its probability of being real.
    loss, slope : array
        -log D, and its derivative -(1 - D).
    saturating, saturating_slope : array
        log(1 - D), and its derivative -D.
    """

    logits: NDArray[np.float64]
    said_real: NDArray[np.float64]
    loss: NDArray[np.float64]
    slope: NDArray[np.float64]
    saturating: NDArray[np.float64]
    saturating_slope: NDArray[np.float64]

    @property
    def ratio(self) -> NDArray[np.float64]:
        """How many times harder -log D pushes; exp(-logit)."""
        return self.slope / self.saturating_slope


def generator(logits: object) -> Generator:
    """Return both losses of the generator at logits.

    >>> at = generator([0.0])
    >>> at.loss.round(4), at.saturating.round(4)
    (array([0.6931]), array([-0.6931]))
    """
    z = np.asarray(logits, np.float64)
    each = value_and_grad(sigmoid_cross_entropy)
    loss, slope = each(z, np.ones_like(z), reduction="none")
    # log(1 - D) is minus the cross-entropy of calling the sample fake
    fake, fake_slope = each(z, np.zeros_like(z), reduction="none")
    return Generator(z, sigmoid(z), loss, slope, -fake, -fake_slope)


def discriminator(real_logit: float, fake_logit: float) -> tuple[float, float]:
    """Return -log D(real) and -log(1 - D(fake)); their sum is what the discriminator minimises.

    >>> sum(discriminator(0.0, 0.0))
    1.3862943611198906
    """
    z = np.array([real_logit, fake_logit])
    real, fake = sigmoid_cross_entropy(z, np.array([1.0, 0.0]), reduction="none").tolist()
    return real, fake


def code_of(at: Generator) -> str:
    """Return both losses of one logit as lines of Python: -log D and log(1 - D)."""
    return with_results(
        (f"z = np.array([{float(at.logits[0])}])", None),
        ("xent.sigmoid_cross_entropy(z, np.ones(1))", float(at.loss[0])),
        ("-xent.sigmoid_cross_entropy(z, np.zeros(1))", float(at.saturating[0])),
    )
