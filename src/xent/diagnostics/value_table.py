"""The values of a loss that have a cause, computed rather than typed in (D13)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.diagnostics.logits import double_softmax_floor
from xent.errors import XentTypeError, XentValueError

__all__ = ["KnownValue", "check_classes", "known_values"]

_CLASSES = (2, 3, 5, 10, 20, 100, 1000)  # for the table, where no number of classes is given
_VOCABULARIES = (10_000, 32_000, 50_257, 128_256)
_SMOOTHING = 0.1


@dataclass(frozen=True)
class KnownValue:
    """A value of a loss that has a cause.

    Attributes
    ----------
    value : float
        In nats.
    name : str
        Its formula, such as "ln 10".
    meaning : str
        What gives this value.
    """

    value: float
    name: str
    meaning: str


def known_values(classes: int | None = None) -> tuple[KnownValue, ...]:
    """Return the values of a mean loss that have a cause, the least first, in nats.

    Parameters
    ----------
    classes : int, optional
        The number of classes; without it, the table holds several.

    Examples
    --------
    >>> for known in known_values(10)[:3]:
    ...     print(round(known.value, 4), known.name)
    0.5003 label smoothing 0.1, 10 classes
    0.6931 ln 2
    1.3863 2 ln 2
    """
    counts = _CLASSES + _VOCABULARIES if classes is None else (check_classes(classes),)
    values = list(_ANY)
    for count in counts:
        values += _of_classes(count)
    return tuple(sorted(values, key=lambda known: known.value))


def check_classes(classes: int) -> int:
    """Return a number of classes as an int, or raise."""
    if isinstance(classes, bool) or not isinstance(classes, (int, np.integer)):
        raise XentTypeError(f"classes must be an integer, got {classes!r}", value=classes)
    if classes < 1:
        raise XentValueError(f"classes must be at least 1, got {classes}", value=classes)
    return int(classes)


def _of_classes(count: int) -> Iterable[KnownValue]:
    if count < 2:
        return
    floor = double_softmax_floor(count)
    if count > 2:
        yield KnownValue(
            math.log(count), f"ln {count}", f"uniform guessing among {count:,} classes"
        )
    yield KnownValue(
        floor,
        f"ln(1 + {count - 1}/e)",
        f"the least loss with {count:,} classes if probabilities are given as logits (softmax "
        "applied twice) and every row is right and sure",
    )
    yield KnownValue(
        floor + 1,
        f"ln(1 + {count - 1}/e) + 1",
        f"the greatest loss with {count:,} classes if probabilities are given as logits (softmax "
        "applied twice): every row is wrong and sure",
    )
    yield KnownValue(
        _smoothing_floor(count),
        f"label smoothing {_SMOOTHING}, {count} classes",
        f"the least loss with label_smoothing={_SMOOTHING}: the entropy of the smoothed target",
    )


def _smoothing_floor(count: int) -> float:
    other = _SMOOTHING / count
    true = 1 - _SMOOTHING + other
    return -true * math.log(true) - (count - 1) * other * math.log(other)


def _minus_log_eps(dtype: Any) -> float:
    """Return -log of the machine epsilon as that dtype itself computes it."""
    return float(-np.log(np.finfo(dtype).eps))


_KERAS_EPS = 1e-7
_ANY = (
    KnownValue(
        math.log(2),
        "ln 2",
        "a coin flip between two classes: no model, or one that has not learnt yet; each term of "
        "a GAN's discriminator loss at its equilibrium",
    ),
    KnownValue(
        2 * math.log(2), "2 ln 2", "a GAN's discriminator loss, both terms, at its equilibrium"
    ),
    KnownValue(100.0, "100", "torch's BCELoss clamps log p at -100: every row impossible"),
    KnownValue(
        -math.log(_KERAS_EPS), "-ln 1e-7", "Keras clips p at 1e-7: every row sure and wrong"
    ),
    KnownValue(
        -math.log(2 * _KERAS_EPS),
        "-ln 2e-7",
        "Keras clips p at 1e-7 and adds 1e-7 once more: every row sure and wrong",
    ),
    *(
        KnownValue(
            _minus_log_eps(dtype),
            f"-ln eps of {np.dtype(dtype).name}",
            f"scikit-learn's log_loss clips {np.dtype(dtype).name} probabilities at the dtype's "
            "epsilon: every row sure and wrong",
        )
        for dtype in (np.float64, np.float32, np.float16)
    ),
    KnownValue(
        -math.log(1e-15), "-ln 1e-15", "clipped at 1e-15, as scikit-learn did: every row wrong"
    ),
)
