"""Which implementation serves a call, and why not the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.errors import XentTypeError, XentValueError
from xent.kernels._settings import instruction_set, num_threads

__all__ = ["OPERATIONS", "Choice", "cpu_kernel", "explain", "explain_with"]

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
        "cpu": the native kernels. Of tensors also "triton", and "formulas": plain torch
        operations.
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


# the library of an array -> who knows how its arrays are served
_knows: dict[str, Callable[..., Choice]] = {}
# what only the arrays of one library have
_of_library: dict[str, str] = {}


def explain_with(
    library: str, knows: Callable[..., Choice], operations: tuple[str, ...] = ()
) -> None:
    """Let a room above say what serves the arrays of a library, "torch", and what only they have.

    `knows` is called with what `explain` was called with.
    """
    _knows[library] = knows
    _of_library.update(dict.fromkeys(operations, library))


def cpu_kernel() -> str:
    """Say what the native kernels run on: instruction set and threads."""
    threads = num_threads()
    return f"{instruction_set()}, {threads} thread{'s' if threads > 1 else ''}"


def explain(operation: str, array: Any = None, *others: Any, **options: Any) -> Choice:
    """Say which implementation serves `operation`, and why not the others.

    Parameters
    ----------
    operation : str
        Name of a loss, a map or a measure, such as "softmax_cross_entropy".
    array : array, optional
        The logits or probabilities of the call: their dtype and memory order decide
        whether the kernel reads them in place or a copy. A tensor is explained as
        `xent.torch` serves it once that is imported, and as an array before.
    *others, **options
        Of a loss of a product, such as "linear_softmax_cross_entropy" of `xent.torch`: the
        operands in order, ``explain(operation, hidden, linear_weight)``, and the options that
        its plan depends on: ``memory``, ``reduction``.

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
    if operation not in OPERATIONS and operation not in _of_library:
        raise XentValueError(
            f"operation must be one of {', '.join([*OPERATIONS, *_of_library])}; got {operation!r}",
            value=operation,
        )
    # subclasses are written elsewhere than the class that they extend
    for kind in type(array).__mro__:
        knows = _knows.get(kind.__module__.partition(".")[0])
        if knows is not None:
            return knows(operation, array, *others, **options)
    if operation not in OPERATIONS:
        raise XentTypeError(
            f"{operation} needs the operands of xent.{_of_library[operation]}, hidden and "
            f"linear_weight, to be explained; got {type(array).__name__}",
            value=type(array).__name__,
        )
    if others or options:
        raise XentTypeError(f"{operation} is explained by its array alone", value=operation)
    how = "" if array is None else f"; {_how_it_is_read(operation, array)}"
    return Choice(operation, "cpu", (f"cpu: chosen ({cpu_kernel()}){how}",))


def _how_it_is_read(operation: str, value: Any) -> str:
    try:
        array = np.asarray(value)
    except (TypeError, RuntimeError) as problem:
        return f"this {type(value).__name__} is refused: {problem} (import xent.torch for tensors)"
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
