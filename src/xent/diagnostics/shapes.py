"""Shapes that must agree: the class axis (D14), pairs (D15), vectors of weights (D15)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xent.errors import XentValueError

__all__ = ["check_axis", "check_same_shape", "check_vector"]

Shape = Sequence[int]


def check_axis(
    logits_shape: Shape, target_shape: Shape, axis: int, *, axis_given: bool, name: str = "logits"
) -> None:
    """Raise D14 unless `target_shape` is `logits_shape` without `axis` (or all of it).

    A target of the same shape as the logits is a distribution over the classes and fits
    any axis. Where other axes fit too, the default is trusted: it is documented, and
    square shapes are common.

    Parameters
    ----------
    logits_shape, target_shape : sequence of int
    axis : int
        The class axis.
    axis_given : bool
        Whether the caller wrote the axis, which decides the wording of the fix.
    name : str
        What the logits are called in the message.

    Raises
    ------
    XentValueError
        With code "D14" and the wrong shape, or the axis, as its value. The message names
        the axis that fits, or the extra axis of the target.

    Examples
    --------
    >>> check_axis((2, 3, 4), (2, 3), -1, axis_given=False)
    >>> check_axis((2, 3, 4), (2, 4), -1, axis_given=False)
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D14: logits of shape (2, 3, 4) with axis=-1 need target of
    shape (2, 3), got (2, 4). With axis=1 the shapes fit: pass axis=1.
    """
    logits_shape, target_shape = tuple(logits_shape), tuple(target_shape)
    ndim = len(logits_shape)
    if not -ndim <= axis < ndim:
        if not ndim:
            raise XentValueError(
                f"{name} must have a class axis, got a single number", code="D14", value=()
            )
        raise XentValueError(
            f"axis must be in [{-ndim}, {ndim}) for {name} of shape {_text(logits_shape)}, "
            f"got {axis}",
            code="D14",
            value=axis,
        )
    if target_shape in (_without(logits_shape, axis), logits_shape):
        return
    raise XentValueError(
        f"{name} of shape {_text(logits_shape)} with axis={axis} need target of shape "
        f"{_text(_without(logits_shape, axis))}, got {_text(target_shape)}. "
        + _axis_fix(logits_shape, target_shape, axis, axis_given),
        code="D14",
        value=target_shape,
    )


def _axis_fix(logits: tuple[int, ...], target: tuple[int, ...], axis: int, given: bool) -> str:
    fits = [a for a in range(len(logits)) if _without(logits, a) == target]
    if len(fits) > 1:
        names = " and ".join(f"axis={a}" for a in fits)
        return f"{names} both fit: pass the one that holds the classes."
    if fits:
        # the last axis is spelt as the default is, which is how a reader knows it
        fit = -1 if fits[0] == len(logits) - 1 else fits[0]
        if given:
            return f"With axis={fit} the shapes fit: did you mean axis={fit}?"
        return f"With axis={fit} the shapes fit: pass axis={fit}."
    expected = _without(logits, axis)
    for extra, size in enumerate(target):
        if size == 1 and _without(target, extra) == expected:
            return f"Drop the axis of size 1: {_select('target', len(target), extra)}."
    if len(target) == len(logits) and _without(target, axis) == expected:
        return (
            f"A distribution over the classes would have the logits' shape, but target has "
            f"{target[axis]} entries along axis={axis} and the logits have {logits[axis]} classes."
        )
    return f"Pass one class index for each row, or a distribution of shape {_text(logits)}."


def check_same_shape(a_name: str, a_shape: Shape, b_name: str, b_shape: Shape) -> None:
    """Raise D15 unless both shapes are the same; losses of pairs never broadcast.

    Examples
    --------
    >>> check_same_shape("logits", (64, 1), "target", (64,))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D15: logits (64, 1) and target (64,) must have the same
    shape; a 64 x 64 loss would result. Use logits[:, 0] or target[:, None].
    """
    a_shape, b_shape = tuple(a_shape), tuple(b_shape)
    if a_shape == b_shape:
        return
    raise XentValueError(
        f"{a_name} {_text(a_shape)} and {b_name} {_text(b_shape)} must have the same shape; "
        + _pair_fix(a_name, a_shape, b_name, b_shape),
        code="D15",
        value=b_shape,
    )


def _pair_fix(a_name: str, a: tuple[int, ...], b_name: str, b: tuple[int, ...]) -> str:
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        if a[::-1] == b:
            return f"one looks transposed: use {b_name}.T."
        return "pass one target for each prediction."
    result = f"a {' x '.join(map(str, shape))} loss would result."
    for axis, size in enumerate(a):
        if size == 1 and _without(a, axis) == b:
            fixes = _select(a_name, len(a), axis), _select(b_name, len(a), axis, "None")
            return f"{result} Use {fixes[0]} or {fixes[1]}."
    for axis, size in enumerate(b):
        if size == 1 and _without(b, axis) == a:
            fixes = _select(b_name, len(b), axis), _select(a_name, len(b), axis, "None")
            return f"{result} Use {fixes[0]} or {fixes[1]}."
    return f"{result} If that is meant, say so: np.broadcast_to({b_name}, {_text(shape)})."


def check_vector(name: str, shape: Shape, expected: Shape, meaning: str) -> None:
    """Raise D15 unless `shape` is `expected`, the shape of `weight` or `sample_weight`.

    Parameters
    ----------
    name : str
        The argument.
    shape, expected : sequence of int
    meaning : str
        What it holds, such as "one weight for each of the 10 classes".

    Examples
    --------
    >>> check_vector("weight", (9,), (10,), "one weight for each of the 10 classes")
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D15: weight must have shape (10,), one weight for each of
    the 10 classes, got (9,).
    """
    shape, expected = tuple(shape), tuple(expected)
    if shape == expected:
        return
    fix = ""
    if not shape:
        fix = f" Repeat it: np.full({_text(expected)}, {name})."
    elif int(np.prod(shape)) == int(np.prod(expected)):
        fix = f" The number of entries is right: {name}.reshape({_text(expected)})."
    raise XentValueError(
        f"{name} must have shape {_text(expected)}, {meaning}, got {_text(shape)}.{fix}",
        code="D15",
        value=shape,
    )


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def _select(name: str, ndim: int, axis: int, entry: str = "0") -> str:
    """Return the indexing that takes (or, with None, adds) one axis."""
    return f"{name}[{', '.join(entry if a == axis else ':' for a in range(ndim))}]"


def _text(shape: Sequence[int]) -> str:
    return str(tuple(int(n) for n in shape))
