"""Scores of a probability: which of them are best for who says what is so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.policy import checks
from xent.losses import binary_cross_entropy, half_squared_error

__all__ = ["Scores", "expected"]


@dataclass(frozen=True)
class Scores:
    """What each answer q costs on average, where the event happens with probability `truth`.

    Attributes
    ----------
    q : array
        The answers.
    log_score, brier, absolute : array
        Expectations of -log q(outcome), of (q - outcome)**2 and of |q - outcome|.
    """

    truth: float
    q: NDArray[np.float64]
    log_score: NDArray[np.float64]
    brier: NDArray[np.float64]
    absolute: NDArray[np.float64]

    def best(self, name: str) -> float:
        """The answer that costs least."""
        return float(self.q[np.argmin(getattr(self, name))])


def expected(truth: float, q: object = None) -> Scores:
    """Return the expected scores of answers; by default of every hundredth.

    >>> scores = expected(0.7)
    >>> scores.best("log_score"), scores.best("brier"), scores.best("absolute")
    (0.7, 0.7, 1.0)
    """
    answers = np.linspace(0, 1, 101).round(2) if q is None else np.asarray(q, np.float64)
    yes, no = np.ones_like(answers), np.zeros_like(answers)
    with checks(silence=["D27"]):  # sure and wrong costs infinitely much: that is the picture
        log_score = binary_cross_entropy(answers, truth * yes, reduction="none")
    brier = 2 * (
        truth * half_squared_error(answers, yes, reduction="none")
        + (1 - truth) * half_squared_error(answers, no, reduction="none")
    )
    absolute = truth * (1 - answers) + (1 - truth) * answers
    return Scores(truth, answers, log_score, brier, absolute)
