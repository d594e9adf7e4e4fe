"""What the losses make of their arguments: arrays that a kernel can read, or an error.

Nothing is computed here, and arrays that fit already are passed on as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.dtypes import as_numpy
from xent.diagnostics.policy import active
from xent.diagnostics.shapes import check_axis, check_vector
from xent.diagnostics.soft_targets import check_distribution_target
from xent.diagnostics.targets import check_index_dtype, check_one_hot
from xent.errors import XentTypeError, XentValueError

__all__ = [
    "as_array",
    "as_axis",
    "as_class_target",
    "as_floats",
    "as_ignore_index",
    "as_out",
    "as_weights",
    "check_fraction",
    "compute_dtype",
    "refuse_ignore_index",
]

Array = NDArray[Any]
_LEAST_TOTAL = 1e-290


def as_array(value: Any, name: str) -> Array:
    """Return what NumPy makes of a value, or say why it makes nothing of it."""
    if type(value) is np.ndarray:
        return value
    if value is None:
        raise XentTypeError(f"{name} must be an array, got None")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        masked = np.argwhere(value.mask)
        index = tuple(int(i) for i in masked[0])
        raise XentTypeError(
            f"{name} must not be masked, but {len(masked)} of {value.size} entries "
            f"are; first: {name}[{', '.join(map(str, index))}]. Fill them, and give the rows "
            "that do not count sample_weight 0.",
            index=index,
        )
    try:
        return as_numpy(value)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        raise XentTypeError(
            f"{name} must be an array that NumPy can read, got {kind}: "
            f"{str(error).splitlines()[0]}{_tensor_fix(value, name)}"
        ) from None


def _tensor_fix(value: Any, name: str) -> str:
    if not hasattr(value, "detach"):
        return ""
    return f" Pass {name}.detach().float().cpu(); value_and_grad(loss) gives the gradient."


def as_floats(value: Any, name: str) -> Array:
    """Return a C-contiguous float array; integers become float64, half stays half."""
    array = as_array(value, name)
    kind = array.dtype.kind
    if kind in "iub":
        array = array.astype(np.float64)
    elif kind != "f" or array.dtype.itemsize > 8:
        hint = " Take its real part." if kind == "c" else ""
        raise XentTypeError(
            f"{name} must be an array of float16, float32 or float64, got {array.dtype}.{hint}",
            value=str(array.dtype),
        )
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
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
    if not isinstance(axis, (int, np.integer)):
        raise XentTypeError(f"axis must be an integer, got {axis!r}", code="D14", value=axis)
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
    return int(axis) % array.ndim


def skipped_by(sample_weight: Array | None) -> Array | None:
    """Return where the weight of a sample is 0; None where it nowhere is."""
    if sample_weight is None or sample_weight.all():
        return None
    return np.asarray(sample_weight == 0)


def as_class_target(
    target: Any,
    scores: Array,
    axis: int,
    *,
    given_axis: int,
    name: str,
    sample_weight: Array | None = None,
    ignore_index: int | None = None,
) -> tuple[Array | None, Array | None]:
    """Return ``(index, None)`` for class indices, ``(None, distribution)`` for rows of mass.

    Integers of the shape of `scores` are one-hot rows, and become indices. Nobody looks at
    what rows of weight 0 hold: what is no class or distribution there becomes class 0.
    """
    array = as_array(target, "target")
    shape = scores.shape
    skipped = skipped_by(sample_weight)
    if array.shape == shape:
        if skipped is not None and array.dtype.kind in "iubf":
            array = array.copy()
            rows = np.moveaxis(array, axis, -1)
            rows[skipped] = np.arange(shape[axis]) == 0
        if array.dtype.kind in "iub":
            check_one_hot(array, axis)
            return array.argmax(axis=axis), None
        if array.dtype.kind != "f":
            raise XentTypeError(
                f"target must hold class indices or probabilities, got {array.dtype}",
                code="D16",
                value=str(array.dtype),
            )
        soft = np.ascontiguousarray(array, dtype=compute_dtype(scores))
        if active() != "off":
            check_distribution_target(array, axis)
        return None, soft
    if array.shape != shape[:axis] + shape[axis + 1 :]:
        check_axis(shape, array.shape, given_axis, axis_given=given_axis != -1, name=name)
    index = np.asarray(check_index_dtype(array, shape[axis]), dtype=np.int64, order="C")
    if skipped is not None:
        outside = (index < 0) | (index >= shape[axis])
        if ignore_index is not None:
            outside &= index != ignore_index
        index = np.where(skipped & outside, 0, index)
    return index, None


def as_weights(
    value: Any, name: str, shape: tuple[int, ...], meaning: str
) -> NDArray[np.float64] | None:
    """Return float64 weights of `shape`, none of them negative or missing."""
    if value is None:
        return None
    array = as_array(value, name)
    if array.dtype.kind not in "iubf":
        raise XentTypeError(f"{name} must hold numbers, got {array.dtype}", value=str(array.dtype))
    array = np.asarray(array, dtype=np.float64, order="C")
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
    with np.errstate(over="ignore"):
        total = float(array.sum())
    # beyond, the total or its reciprocal is no longer a number to divide or multiply by
    if total == np.inf or 0 < total < _LEAST_TOTAL:
        raise XentValueError(
            f"{name} must sum to between {_LEAST_TOTAL:g} and {np.finfo(np.float64).max:.2g} (or "
            f"to 0), got a sum of {total:g}; only their ratios count: divide them by the largest",
            value=total,
        )
    return array


def as_ignore_index(value: Any) -> int | None:
    """Return the target to ignore as the integer that it is; a float may be one too."""
    if value is None:
        return None
    if isinstance(value, (int, float, np.integer, np.floating)) and value == value // 1:
        whole = int(value)
        if -(2**63) <= whole < 2**63:
            return whole
    raise XentTypeError(
        f"ignore_index must be a target: an integer, or None for none, got {value!r}", value=value
    )


def as_out(out: Any, like: Array, *others: Array | None) -> Array | None:
    """Return `out` if the gradient of `like` can be written into it.

    It may be `like` itself, and must not otherwise share memory with what is still read.
    """
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
    shifted = np.may_share_memory(out, like) and out.ctypes.data != like.ctypes.data
    if shifted or any(o is not None and np.may_share_memory(out, o) for o in others):
        raise XentValueError(
            "out must be the first argument itself, or share no memory with the arguments; got "
            "an array that overlaps one of them"
        )
    return out  # type: ignore[no-any-return]


def check_fraction(value: Any, name: str) -> None:
    if not isinstance(value, (int, float, np.number)):
        raise XentTypeError(f"{name} must be a number in [0, 1], got {value!r}", value=value)
    if not 0 <= value <= 1:
        raise XentValueError(f"{name} must be in [0, 1], got {value}", value=value)


def refuse_ignore_index(ignore_index: int | None) -> None:
    """Raise where rows of distributions come with an index to ignore: no entry is one."""
    if ignore_index is not None:
        raise XentValueError(
            f"ignore_index must be None when target holds distributions, got {ignore_index}: "
            "no entry of a distribution is a class index. Give those rows sample_weight 0.",
            value=ignore_index,
        )
