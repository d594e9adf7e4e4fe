"""What the losses make of their arguments: arrays that a kernel can read, or an error.

Nothing is computed here, and arrays that fit already are passed on as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.policy import active
from xent.diagnostics.shapes import check_axis, check_vector
from xent.diagnostics.soft_targets import check_distribution_target
from xent.diagnostics.targets import check_index_dtype, check_one_hot
from xent.errors import XentTypeError, XentValueError

__all__ = [
    "as_axis",
    "as_class_target",
    "as_floats",
    "as_out",
    "as_weights",
    "check_fraction",
    "compute_dtype",
]

Array = NDArray[Any]


def as_floats(value: Any, name: str) -> Array:
    """Return a C-contiguous float array; integers become float64, half stays half."""
    array = np.asarray(value)
    kind = array.dtype.kind
    if kind in "iub":
        array = array.astype(np.float64)
    elif kind != "f" or array.dtype.itemsize > 8:
        hint = " Take its real part." if kind == "c" else ""
        raise XentTypeError(
            f"{name} must be an array of float16, float32 or float64, got {array.dtype}.{hint}",
            value=str(array.dtype),
        )
    # not np.ascontiguousarray: that makes a vector of a single number
    return array if array.flags.c_contiguous else array.copy(order="C")


def compute_dtype(array: Array) -> np.dtype[Any]:
    """float64 for float64, float32 for everything shorter."""
    return np.dtype(np.float64 if array.dtype == np.float64 else np.float32)


def as_axis(array: Array, axis: int, name: str) -> int:
    if not array.ndim:
        raise XentValueError(
            f"{name} must have a class axis, got a single number", code="D14", value=()
        )
    if not -array.ndim <= axis < array.ndim:
        raise XentValueError(
            f"axis must be in [{-array.ndim}, {array.ndim}) for {name} of shape {array.shape}, "
            f"got {axis}",
            code="D14",
            value=axis,
        )
    if not array.shape[axis]:
        raise XentValueError(
            f"{name} must have at least one class, got shape {array.shape} with axis={axis}",
            code="D14",
            value=array.shape,
        )
    return axis % array.ndim


def as_class_target(
    target: Any, scores: Array, axis: int, *, given_axis: int, name: str
) -> tuple[Array | None, Array | None]:
    """Return ``(index, None)`` for class indices, ``(None, distribution)`` for rows of mass.

    Integers of the shape of `scores` are one-hot rows, and become indices.
    """
    array = np.asarray(target)
    shape = scores.shape
    if array.shape == shape:
        if array.dtype.kind in "iub":
            check_one_hot(array, axis)
            return array.argmax(axis=axis), None
        soft = np.ascontiguousarray(array, dtype=compute_dtype(scores))
        if active() != "off":
            check_distribution_target(array, axis)
        return None, soft
    if array.shape != shape[:axis] + shape[axis + 1 :]:
        check_axis(shape, array.shape, given_axis, axis_given=given_axis != -1, name=name)
    index = check_index_dtype(array, shape[axis])
    return np.asarray(index, dtype=np.int64, order="C"), None


def as_weights(
    value: Any, name: str, shape: tuple[int, ...], meaning: str
) -> NDArray[np.float64] | None:
    """Return float64 weights of `shape`, none of them negative or missing."""
    if value is None:
        return None
    array = np.asarray(value, dtype=np.float64, order="C")
    check_vector(name, array.shape, shape, meaning)
    # one comparison catches NaN as well
    wrong = ~((array >= 0) & (array < np.inf))
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        at = ", ".join(map(str, index))
        raise XentValueError(
            f"{name} must be finite and not negative, but {int(wrong.sum())} of {array.size} "
            f"entries are not; first: {name}[{at}] = {array[index]}",
            index=index,
            value=float(array[index]),
        )
    return array


def as_out(out: Any, like: Array) -> Array | None:
    """Return `out` if the gradient of `like` can be written into it."""
    if out is None:
        return None
    fits = (
        isinstance(out, np.ndarray)
        and out.shape == like.shape
        and out.dtype == like.dtype
        and out.flags.c_contiguous
        and out.flags.writeable
    )
    if not fits:
        got = (
            f"{out.dtype} of shape {out.shape}"
            f"{'' if out.flags.c_contiguous else ', not C-contiguous'}"
            f"{'' if out.flags.writeable else ', read only'}"
            if isinstance(out, np.ndarray)
            else type(out).__name__
        )
        raise XentValueError(
            f"out must be a writeable C-contiguous {like.dtype} array of shape {like.shape}, "
            f"got {got}; np.empty_like(...) of the first argument makes one",
            value=got,
        )
    return out  # type: ignore[no-any-return]


def check_fraction(value: float, name: str) -> None:
    if not 0 <= value <= 1:
        raise XentValueError(f"{name} must be in [0, 1], got {value}", value=value)
