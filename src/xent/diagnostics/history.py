"""What the losses of a training run show: D11 at its start, D12 and D13 where it stands."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.value_table import known_values
from xent.diagnostics.warn import note_once, warn_once
from xent.errors import XentTypeError, XentValueError

__all__ = ["check_losses", "initial_loss", "look_at_losses"]

WARM_UP = 100  # steps that a run is given before it is judged
WINDOW = 200  # the latest steps, that are looked at
_TOO_LARGE = 1.5
_NO_SKILL = 0.02
_ON_A_VALUE = 0.01


def check_losses(losses: object) -> NDArray[np.float64]:
    """Return the losses of steps as an array, or raise."""
    if isinstance(losses, Sequence) and not isinstance(losses, str):
        losses = [float(loss) for loss in losses]  # tensors, also on a device
    try:
        found = np.asarray(losses, np.float64)
    except (TypeError, ValueError):
        raise XentTypeError(
            f"losses must be numbers, the mean loss of each step, got {type(losses).__name__}",
            value=losses,
        ) from None
    if found.ndim != 1:
        raise XentValueError(
            f"losses must be one number for each step, got an array of shape {found.shape}",
            value=found.shape,
        )
    return found


def initial_loss(loss: float, classes: int) -> None:
    """Warn D11 if an untrained model costs more than 1.5 times what uniform guessing does.

    Parameters
    ----------
    loss : float
        Its unweighted mean loss in nats.
    classes : int
    """
    if classes < 2 or not loss > _TOO_LARGE * math.log(classes):
        return
    warn_once(
        f"the untrained model has a loss of {loss:.4g} nats, and uniform guessing among "
        f"{classes:,} classes costs ln {classes:,} = {math.log(classes):.4g}: the logits are too "
        "large at the start, or the labels are wrong. The first steps go into undoing that; make "
        "the last layer start small.",
        code="D11",
        value=loss,
    )


def look_at_losses(
    losses: NDArray[np.float64], classes: int, frequencies: float | None = None
) -> None:
    """Look at the latest 200 losses of a run of 100 steps or more.

    ====  =============================================================================
    D12   worse than uniform guessing, by three standard errors: a warning
    D12   less than 2 % better than always guessing the class frequencies: a warning
    D13   standing still (the slope is within two standard errors of 0), within 1 % of
          a value that has a cause: a note
    ====  =============================================================================

    Parameters
    ----------
    losses : array, shape (steps,)
        Unweighted mean loss of each step, in nats, from the first on.
    classes : int
    frequencies : float, optional
        The entropy of the class frequencies, in nats.
    """
    recent = losses[WARM_UP:][-WINDOW:]
    if len(recent) < WARM_UP // 2 or not np.isfinite(recent).all() or classes < 2:
        return
    mean, uniform = float(recent.mean()), math.log(classes)
    error = float(recent.std(ddof=1)) / math.sqrt(len(recent))
    window = f"the latest {len(recent)} of {len(losses):,} steps have a mean loss of {mean:.4g}"
    if mean - 3 * error > uniform:
        warn_once(
            f"{window} nats, which is worse than uniform guessing among {classes:,} classes "
            f"({uniform:.4g}): no trained model does that unless the labels are wrong, the "
            "learning rate is too large, or the loss is no mean.",
            code="D12",
            value=mean,
        )
    elif frequencies is not None and 0 < (1 - _NO_SKILL) * frequencies <= mean:
        warn_once(
            f"{window} nats, and always guessing the class frequencies costs {frequencies:.4g}: "
            f"the skill is {1 - mean / frequencies:.2g}. The model has learnt how common the "
            "classes are and nothing from its input; see whether input and labels belong "
            "together, and whether gradients arrive.",
            code="D12",
            value=mean,
        )
    _plateau(recent, mean, classes)


def _plateau(recent: NDArray[np.float64], mean: float, classes: int) -> None:
    if len(recent) < WINDOW:
        return
    steps = np.arange(len(recent)) - (len(recent) - 1) / 2
    squares = float(steps @ steps)
    slope = float(steps @ recent) / squares
    rest = recent - mean - slope * steps
    error = math.sqrt(float(rest @ rest) / (len(recent) - 2) / squares)
    if abs(slope) > 2 * error:
        return
    near = [v for v in known_values(classes) if abs(mean - v.value) < _ON_A_VALUE * v.value]
    if not near:
        return
    closest = min(near, key=lambda known: abs(mean - known.value))
    note_once(
        f"the loss stands still at {mean:.4g} nats, for {len(recent)} steps, and {closest.name} "
        f"is {closest.value:.4g}: {closest.meaning}.",
        code="D13",
        value=mean,
    )
