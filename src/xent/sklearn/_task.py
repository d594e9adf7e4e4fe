"""The arguments of scikit-learn's scores, as arrays that the kernels read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.reading.tables import as_numpy
from xent.losses._arguments import as_weights
from xent.sklearn._labels import Labelled, column_labels, read_labels

__all__ = ["Task", "read_task"]

Array = NDArray[Any]
SUM_TOLERANCE = 1e-4
HALF_SUM_TOLERANCE = 2e-3


class Task(NamedTuple):
    """What is scored, as the kernel reads it."""

    probs: Array  # float32 or float64; (n,) of the second class, or (n, K)
    dtype: np.dtype[Any]  # as it came
    labelled: Labelled
    weight: NDArray[np.float64] | None

    @property
    def tolerance(self) -> float:
        """How far a row may sum from 1."""
        return HALF_SUM_TOLERANCE if self.dtype == np.float16 else SUM_TOLERANCE


def read_task(y_true: Any, y_proba: Any, y_pred: Any, sample_weight: Any, labels: Any) -> Task:
    """Return the arguments as arrays that the kernel reads, or raise."""
    if y_pred is not None:
        if y_proba is not None:
            raise XentValueError("y_proba must come without y_pred, its older name; got both")
        y_proba = y_pred
    if y_proba is None:
        raise XentTypeError("y_proba must be an array of probabilities, got None")
    probs, dtype = _probabilities(y_proba)
    width = probs.shape[1] if probs.ndim == 2 else 1
    if width == 1:
        probs = probs.reshape(-1)
    named = column_labels(y_proba) if width > 1 else None
    _check_lengths(y_true, len(probs))
    labelled = read_labels(y_true, max(width, 2), labels, named)
    meaning = "one weight for each row"
    weight = as_weights(sample_weight, "sample_weight", (len(probs),), meaning)
    if weight is not None and not weight.any():
        raise XentValueError("sample_weight must be positive in some row, got only 0", value=0.0)
    return Task(probs, dtype, labelled, weight)


def _probabilities(y_proba: Any) -> tuple[Array, np.dtype[Any]]:
    if isinstance(y_proba, list) and y_proba and getattr(y_proba[0], "ndim", 1) == 2:
        raise XentTypeError(
            "y_proba must be one array, got a list of matrices (several outputs?); score each "
            "output by itself"
        )
    try:
        array = as_numpy("y_proba", y_proba)
        if array.dtype.kind in "Oiub":
            array = array.astype(np.float64)
    except XentValueError:
        raise
    except (TypeError, ValueError) as error:
        raise XentTypeError(
            f"y_proba must be numbers in one or two dimensions: {str(error).splitlines()[0]}"
        ) from None
    if array.dtype.kind != "f":
        raise XentTypeError(f"y_proba must hold numbers, got dtype {array.dtype}")
    if array.ndim not in (1, 2):
        raise XentValueError(
            f"y_proba must have one or two dimensions, got shape {array.shape}", value=array.shape
        )
    if not array.size:
        raise XentValueError("y_proba must have rows, got none", code="D02", value=array.shape)
    wanted = np.float32 if array.dtype.itemsize < 8 else np.float64
    return array.astype(wanted, copy=False), array.dtype


def _check_lengths(y_true: Any, rows: int) -> None:
    try:
        count = y_true.shape[0] if hasattr(y_true, "shape") else len(y_true)
    except (TypeError, IndexError):
        raise XentTypeError(
            f"y_true must be an array of labels, got {type(y_true).__name__}"
        ) from None
    if count != rows:
        raise XentValueError(
            f"y_true and y_proba must have as many rows as each other, got {count} and {rows}",
            value=(count, rows),
        )
