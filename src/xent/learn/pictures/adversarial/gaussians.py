"""Data and generator as two normal distributions: the best discriminator, and what it shows."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.information import js_divergence
from xent.losses import sigmoid, sigmoid_cross_entropy

__all__ = ["CAUGHT", "LIMIT", "Chase", "Game", "chase", "play", "push"]

_REACH = 9.0  # standard deviations beyond which a density counts for nothing
_POINTS = 4001
LIMIT = 100_000  # steps after which a chase is given up
CAUGHT = 0.5  # the distance of the means at which a chase ends


@dataclass(frozen=True)
class Game:
    """Data from N(0, 1), a generator of N(mean, deviation), and the best discriminator.

    Attributes
    ----------
    x : array
        Where the curves are drawn.
    data, made : array
        The two densities.
    said_real : array
        The best discriminator, data / (data + made).
    loss : float
        -E log D(data) - E log(1 - D(made)) of that discriminator, in nats.
    divergence : float
        Jensen-Shannon divergence of the two, in nats: loss = 2 ln 2 - 2 divergence.
    """

    mean: float
    deviation: float
    x: NDArray[np.float64]
    data: NDArray[np.float64]
    made: NDArray[np.float64]
    said_real: NDArray[np.float64]
    loss: float
    divergence: float

    @property
    def left(self) -> float:
        """What the divergence leaves of the loss, 2 ln 2 - 2 divergence."""
        return 2 * math.log(2) - 2 * self.divergence


def play(mean: float, deviation: float) -> Game:
    """Return the game against a generator of N(mean, deviation**2).

    >>> game = play(0.0, 1.0)
    >>> round(game.loss, 6), round(game.divergence, 6)
    (1.386294, 0.0)
    """
    low = min(-_REACH, mean - _REACH * deviation)
    high = max(_REACH, mean + _REACH * deviation)
    # even steps over smooth densities that vanish at both ends: the sum is the integral, to
    # rounding, as long as the narrower one has a few points
    x = np.linspace(low, high, _POINTS)
    log_data = _log_density(x, 0.0, 1.0)
    log_made = _log_density(x, mean, deviation)
    data, made = np.exp(log_data), np.exp(log_made)
    logits = log_data - log_made
    step = x[1] - x[0]
    real = sigmoid_cross_entropy(
        logits, np.ones_like(x), sample_weight=data * step, reduction="sum"
    )
    fake = sigmoid_cross_entropy(
        logits, np.zeros_like(x), sample_weight=made * step, reduction="sum"
    )
    divergence = js_divergence(data * step, made * step, normalize=True)
    return Game(
        mean, deviation, x, data, made, sigmoid(logits), float(real + fake), float(divergence)
    )


def _log_density(x: NDArray[np.float64], mean: float, deviation: float) -> NDArray[np.float64]:
    return -0.5 * ((x - mean) / deviation) ** 2 - math.log(deviation * math.sqrt(2 * math.pi))


@dataclass(frozen=True)
class Chase:
    """The mean of the generator on its way to the data, step by step, under both losses.

    The discriminator is the best one at every step. Each ends with the first step after which
    the mean is within `CAUGHT` of the data's.

    Attributes
    ----------
    means, saturating_means : array, (steps + 1,)
    finished : tuple of bool
        Whether each arrived within `LIMIT` steps.
    """

    start: float
    rate: float
    means: NDArray[np.float64]
    saturating_means: NDArray[np.float64]
    finished: tuple[bool, bool]

    @property
    def steps(self) -> tuple[int, int]:
        """How many steps each took."""
        return len(self.means) - 1, len(self.saturating_means) - 1


@functools.lru_cache(maxsize=32)
def chase(start: float, rate: float) -> Chase:
    """Return both chases from a mean, at a learning rate; the deviation is the data's."""
    means, arrived = _chase(start, rate, saturating=False)
    saturating, also = _chase(start, rate, saturating=True)
    return Chase(start, rate, means, saturating, (arrived, also))


_NOISE = np.linspace(-8, 8, 129)
_WEIGHT = np.exp(-0.5 * _NOISE**2) / np.exp(-0.5 * _NOISE**2).sum()


def push(mean: float, *, saturating: bool) -> float:
    """The gradient of the generator's loss with respect to its mean.

    A sample is mean + noise, and its logit z = mean**2 / 2 - mean x falls with x; the
    discriminator is held while the generator moves:

        -log D:      E[-(1 - D) dz/dx] = mean E[1 - D]
        log(1 - D):  E[-D dz/dx]       = mean E[D]
    """
    z = -0.5 * mean * mean - mean * _NOISE
    believed = sigmoid(z if saturating else -z)
    return mean * float(believed @ _WEIGHT)


def _chase(start: float, rate: float, *, saturating: bool) -> tuple[NDArray[np.float64], bool]:
    means = [start]
    mean = start
    while abs(mean) > CAUGHT and len(means) <= LIMIT:
        mean -= rate * push(mean, saturating=saturating)
        means.append(mean)
    return np.array(means), abs(mean) <= CAUGHT
