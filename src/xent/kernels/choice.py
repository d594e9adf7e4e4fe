"""Which implementation serves a call, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.errors import XentValueError
from xent.kernels._settings import instruction_set, num_threads

__all__ = ["OPERATIONS", "Choice", "explain"]

NATIVE_FLOATS = ("float16", "float32", "float64")

# operation -> the dtypes of logits or probabilities that its native kernel reads as they are
OPERATIONS: dict[str, tuple[str, ...]] = {
    "softmax_cross_entropy": NATIVE_FLOATS,
    "sigmoid_cross_entropy": NATIVE_FLOATS,
    "categorical_cross_entropy": ("float32", "float64"),
    "softmax": NATIVE_FLOATS,
    "log_softmax": NATIVE_FLOATS,
    "sigmoid": NATIVE_FLOATS,
    "log_sigmoid": NATIVE_FLOATS,
    "entropy": ("float32", "float64"),
    "cross_entropy": ("float32", "float64"),
    "kl_divergence": ("float32", "float64"),
}


@dataclass(frozen=True)
class Choice:
    """Which implementation serves a call.

    Attributes
    ----------
    operation : str
    implementation : str
        "cpu".
    reasons : tuple of str
        What was considered, in order, one sentence each; the last is the one chosen.
    """

    operation: str
    implementation: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.operation}: {self.implementation}"] + [
            f"  {reason}" for reason in self.reasons
        ])  # fmt: skip


def explain(operation: str, array: Any = None) -> Choice:
    """Say which implementation serves `operation`, and why not the others.

    Parameters
    ----------
    operation : str
        Name of a loss, a map or a measure, such as "softmax_cross_entropy".
    array : array, optional
        The logits or probabilities of the call: their dtype and memory order decide
        whether the kernel reads them in place or a copy.

    Returns
    -------
    Choice
        Prints as a short text.

    Raises
    ------
    XentValueError
        If there is no such operation.

    Examples
    --------
    >>> import numpy as np
    >>> import xent
    >>> choice = xent.kernels.explain("softmax_cross_entropy", np.zeros((2, 3), np.float32))
    >>> choice.implementation
    'cpu'
    >>> print(choice.reasons[-1])  # doctest: +ELLIPSIS
    cpu: chosen (..., ... threads); float32 is read in place
    """
    if operation not in OPERATIONS:
        raise XentValueError(
            f"operation must be one of {', '.join(OPERATIONS)}; got {operation!r}",
            value=operation,
        )
    how = "" if array is None else f"; {_how_it_is_read(operation, np.asarray(array))}"
    threads = num_threads()
    kernel = f"{instruction_set()}, {threads} thread{'s' if threads > 1 else ''}"
    return Choice(
        operation,
        "cpu",
        (f"cpu: chosen ({kernel}){how}",),
    )


def _how_it_is_read(operation: str, array: np.ndarray[Any, Any]) -> str:
    name = array.dtype.name
    if array.dtype.kind not in "iubf":
        return f"{name} is refused: these are no numbers to compute with"
    if not array.dtype.isnative:
        return f"{name} is converted first, because its bytes are in the other order"
    if name not in OPERATIONS[operation]:
        return f"{name} is converted first"
    if not array.flags.c_contiguous:
        return f"{name} is copied first, because it is not C-contiguous"
    return f"{name} is read in place"
