"""What a distribution must be before it is measured: its shape, its space, its sums."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from xent.diagnostics import policy
from xent.diagnostics.counts import looks_like_counts, raise_counts
from xent.diagnostics.dtypes import as_numpy
from xent.diagnostics.probabilities import (
    raise_not_probabilities,
    report_no_support,
)
from xent.errors import XentTypeError, XentValueError
from xent.information._arrays import on_host

__all__ = [
    "SPACES",
    "check_axis",
    "check_distribution",
    "check_given",
    "check_no_counts",
    "check_pair",
    "refuse",
    "report_infinite",
]

SPACES = ("probs", "log_probs", "logits")
_LOSS = (
    'pass given="logits", or, if a loss is meant, call softmax_cross_entropy(logits, target) for '
    "one true class, sigmoid_cross_entropy(logits, target) for independent labels."
)


def check_given(given: Any, count: int) -> tuple[str, ...]:
    """Return the space of each of `count` inputs."""
    spaces = tuple(given) if isinstance(given, (tuple, list)) else (given,) * count
    if len(spaces) != count or any(space not in SPACES for space in spaces):
        pair = " or a pair of them, for p and for q" if count == 2 else ""
        raise XentValueError(f"given must be one of {SPACES}{pair}, got {given!r}", value=given)
    return spaces


def check_axis(name: str, shape: tuple[int, ...], axis: int) -> int:
    """Return the class axis, counted from 0."""
    if not shape:
        raise XentValueError(
            f"{name} must have an axis of classes, got a single number; for the two outcomes of "
            "one probability call binary_entropy",
            code="D14",
            value=(),
        )
    if not isinstance(axis, (int, np.integer)):
        raise XentTypeError(f"axis must be an integer, got {axis!r}", code="D14", value=axis)
    if not -len(shape) <= axis < len(shape):
        raise XentValueError(
            f"axis must be in [{-len(shape)}, {len(shape)}) for {name} of shape {shape}, "
            f"got {axis}",
            code="D14",
            value=axis,
        )
    if shape[axis] == 0:
        raise XentValueError(
            f"{name} must have at least one class, got shape {shape} with no entry along "
            f"axis {axis}",
            code="D02",
            value=shape,
        )
    return int(axis) % len(shape)


def check_pair(p: Any, q: Any, axis: int, *, p_is_whole: bool, q_is_whole: bool) -> None:
    """Raise unless p and q have one shape, or one of them is a single distribution."""
    p_shape, q_shape = tuple(p.shape), tuple(q.shape)
    if p_shape == q_shape:
        return
    longer = p_shape if len(p_shape) >= len(q_shape) else q_shape
    if len(p_shape) != len(q_shape) and min(len(p_shape), len(q_shape)) == 1:
        shorter = q_shape if longer == p_shape else p_shape
        if -len(longer) <= axis < len(longer) and longer[axis] == shorter[0]:
            return
    for name, shape, whole, other in (
        ("p", p_shape, p_is_whole, "q"),
        ("q", q_shape, q_is_whole, "p"),
    ):
        if whole and len(shape) < len(longer):
            raise XentValueError(
                f"{name} must be a distribution of the shape of {other}, {longer}, got whole "
                f"numbers of shape {shape}, which look like class indices. The measure compares "
                "two distributions; for the loss of class targets call softmax_cross_entropy("
                "logits, target), or categorical_cross_entropy(probs, target) on probabilities",
                code="D15",
                value=shape,
            )
    raise XentValueError(
        f"p and q must have the same shape, got {p_shape} and {q_shape}: they are compared class "
        f"by class, not broadcast. One distribution of shape {(longer[axis % len(longer)],)} may "
        "stand against a batch; anything else write out with np.broadcast_to",
        code="D15",
        value=q_shape,
    )


def check_no_counts(name: str, value: Any) -> None:
    """Raise D29 for whole numbers above one, before anything else is said about them."""
    host = on_host(value if hasattr(value, "dtype") else as_numpy(value))
    # floating numbers are looked at only once their sums are found wrong
    if host is not None and host.dtype.kind in "iu" and looks_like_counts(host):
        raise_counts(host, name=name)


def check_distribution(name: str, array: Any, given: str, axis: int, tolerance: float) -> None:
    """Raise unless rows sum to one, where the values are at hand and no kernel looks at them."""
    if given == "logits" or policy.active() == "off":
        return
    host = on_host(array)
    if host is None or not host.size:
        return
    if given == "probs":
        if not _sums_to_one(host, axis, tolerance):
            raise_not_probabilities(host, axis=axis, name=name)
        return
    with np.errstate(all="ignore"):
        top = host.max(axis=axis, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        totals = np.log(np.exp(host - top).sum(axis=axis, dtype=np.float64)) + top.squeeze(axis)
    # rounding log p moves p by a share of |log p|, whose mean is log C at most
    largest = -float(host.min(initial=-1.0, where=np.isfinite(host)))
    off = tolerance * max(1.0, min(largest, float(np.log(host.shape[axis]))))
    if not (host.max() <= off and (np.abs(totals) <= off).all()):
        raise_not_probabilities(host, axis=axis, name=name, given="log_probs")


def _sums_to_one(p: Any, axis: int, tolerance: float) -> bool:
    sums = p.sum(axis=axis, dtype=np.float64)
    return bool(p.min() >= -tolerance and (np.abs(sums - 1) <= tolerance).all())


def refuse(
    names: tuple[str, ...], arrays: tuple[Any, ...], axis: int, tolerances: tuple[float, ...]
) -> NoReturn:
    """Raise for the first of the arrays that holds no probabilities, as a kernel found."""
    bad = [not _sums_to_one(*each) for each in zip(arrays, (axis,) * 2, tolerances, strict=False)]
    # a row on the very edge may sum otherwise here: then the last one is named
    which = bad.index(True) if True in bad else len(names) - 1
    array, off = arrays[which], tolerances[which]
    logits = bool(array.min() < -off or array.max() > 1 + off) and len(names) == 2
    raise_not_probabilities(
        array, axis=axis, name=names[which], suggestion=_LOSS if logits else None
    )


def report_infinite(result: Any, p: Any, q: Any, given: tuple[str, str], axis: int) -> None:
    """Warn D27 where a result is infinite, with the count and the first of the reasons."""
    host = on_host(result)
    if host is None or not np.isposinf(host).any():
        return
    sides = [on_host(side) for side in (p, q)]
    if any(side is None for side in sides):
        return
    report_no_support(_likelihood(sides[0], given[0]), _likelihood(sides[1], given[1]), axis)


def _likelihood(x: Any, given: str) -> Any:
    if given == "probs":
        return x
    # relative to the largest, and never 0 where it is only small
    with np.errstate(invalid="ignore"):
        likelihood = np.exp(np.minimum(x, 0.0))
    return np.where(np.isneginf(x), 0.0, np.maximum(likelihood, 1e-300))
