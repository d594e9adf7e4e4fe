"""The loss rises while the accuracy rises: a model that learns to be too sure."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.evaluation.numbers import percent
from xent.losses import sigmoid_cross_entropy, value_and_grad

__all__ = [
    "FEATURES",
    "HELD_OUT",
    "ROWS",
    "Run",
    "at_temperature",
    "best_temperature",
    "compared",
    "cooled",
    "nearest",
    "told",
    "train",
]

ROWS, FEATURES, HELD_OUT = 60, 20, 2000
# half of the features tell something, and these vary less, so they are learned late; the others
# are learned by heart meanwhile
TELLING, SCALE = 10, 0.4
_RATE, _STEPS, _MARKS = 0.5, 3000, 60


@dataclass(frozen=True)
class Run:
    """Logistic regression on 60 rows of 20 features, judged on 2,000 rows it never saw.

    Ten of the features say something of the label; they vary less than those that do not.

    Attributes
    ----------
    steps : array
        The steps that were looked at, from 0.
    training, held_out : array
        Mean losses in nats.
    accuracy : array
        Share of the rows held out that are right.
    logits : array, (steps, rows)
        Of the rows held out.
    labels : array, (rows,)
    """

    steps: NDArray[np.int64]
    training: NDArray[np.float64]
    held_out: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    logits: NDArray[np.float64]
    labels: NDArray[np.float64]

    def gained(self, index: int) -> tuple[float, float]:
        """How much more often it is right than at the best step, and the error of that."""
        right = (self.logits > 0) == (self.labels > 0.5)
        more = right[index].astype(float) - right[self.best]
        return float(more.mean()), float(more.std() / math.sqrt(len(more)))

    def grown(self, index: int) -> float:
        """How many times larger the logits are than at the best step, on average."""
        return float(abs(self.logits[index]).mean() / abs(self.logits[self.best]).mean())

    @property
    def best(self) -> int:
        """Which of the steps has the least loss on the rows held out."""
        return int(np.argmin(self.held_out))


@functools.cache
def train() -> Run:
    """Return the run; gradient descent from 0, the same every time."""
    rng = np.random.default_rng(0)
    scales = np.where(np.arange(FEATURES) < TELLING, SCALE, 1.0)
    truth = np.zeros(FEATURES)
    truth[:TELLING] = 3 * rng.normal(size=TELLING) / (SCALE * np.sqrt(TELLING))
    x, y = _draw(rng, truth, scales, ROWS)
    unseen, labels = _draw(rng, truth, scales, HELD_OUT)
    loss_and_grad = value_and_grad(sigmoid_cross_entropy)
    marks = {0, *np.unique(np.geomspace(1, _STEPS, _MARKS).round().astype(int)).tolist()}
    steps, training, logits = [], [], []
    beta = np.zeros(FEATURES)
    for step in range(_STEPS + 1):
        loss, gradient = loss_and_grad(x @ beta, y)
        if step in marks:
            steps.append(step)
            training.append(loss)
            logits.append(unseen @ beta)
        beta = beta - _RATE * (x.T @ gradient)
    seen = np.array(logits)
    held_out = [sigmoid_cross_entropy(z, labels) for z in seen]
    accuracy = ((seen > 0) == (labels > 0.5)).mean(axis=1)
    return Run(np.array(steps), np.array(training), np.array(held_out), accuracy, seen, labels)


def at_temperature(run: Run, index: int, temperature: float) -> float:
    """Return the loss on the rows held out where their logits are divided by a temperature."""
    return float(sigmoid_cross_entropy(run.logits[index] / temperature, run.labels))


def best_temperature(run: Run, index: int) -> float:
    """Return the temperature of the least loss, to a hundredth."""
    choices = np.arange(50, 2001) / 100
    losses = [at_temperature(run, index, temperature) for temperature in choices]
    return float(choices[int(np.argmin(losses))])


def nearest(run: Run, step: float) -> int:
    """Return which of the steps that were looked at is nearest in ratio; never step 0."""
    return 1 + int(np.argmin(abs(np.log(run.steps[1:]) - math.log(step))))


def cooled(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the best temperature at the step of the controls."""
    run = train()
    return {"temperature": best_temperature(run, nearest(run, values["step"]))}


def told() -> dict[str, object]:
    """Return the numbers that the text of the chapter tells of the run."""
    run = train()
    last = len(run.steps) - 1
    return {
        "rows": ROWS,
        "features": FEATURES,
        "held_out": f"{HELD_OUT:,}",
        "best": int(run.steps[run.best]),
        "telling": TELLING,
        "from_accuracy": percent(float(run.accuracy[run.best])),
        "accuracy": percent(float(run.accuracy[last])),
        "grown": f"{run.grown(last):.1f}",
        "worse": f"{run.held_out[last] / run.held_out[run.best]:.1f}",
    }


def compared(run: Run, index: int) -> dict[str, object]:
    """Return what became of loss and accuracy since the least loss, for the text that says it."""
    return {
        "best": int(run.steps[run.best]),
        "step": f"{run.steps[index]:,}",
        "from_loss": float(run.held_out[run.best]),
        "loss": float(run.held_out[index]),
        "from_accuracy": percent(float(run.accuracy[run.best])),
        "accuracy": percent(float(run.accuracy[index])),
    }


def _draw(
    rng: np.random.Generator, truth: NDArray[np.float64], scales: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features, and labels as likely as the true logits say: nobody can be right always."""
    x = scales * rng.normal(size=(rows, len(truth)))
    y = rng.random(rows) < 1 / (1 + np.exp(-(x @ truth)))
    return x, y.astype(np.float64)
