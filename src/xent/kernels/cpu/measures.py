"""Entropy, cross-entropy and KL divergence of probabilities on the CPU, validation included."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import xent._native as _native

__all__ = ["Outcome", "cross_entropy", "entropy", "kl_divergence"]

Array = npt.NDArray[Any]

# fewer neighbouring rows than this, and bringing the classes together pays
_FEW_ROWS = 16


class Outcome(NamedTuple):
    """The measure of every row, and which rows it is not the measure of."""

    result: Array  # the shape of p without the class axis, the dtype of p
    bad: int  # rows that are no distribution: a sign, a sum, NaN
    first_bad: int  # in the flattened result; -1 where there is none
    infinite: int  # rows that are infinite
    first_infinite: int


def entropy(p: Array, *, axis: int, tolerance: float, nats: float) -> Outcome:
    """Return -sum(p log p) along `axis`, divided by `nats`; p is float32 or float64."""
    return _call(_native.entropy, p, None, axis, tolerance, nats)


def cross_entropy(p: Array, q: Array, *, axis: int, tolerance: float, nats: float) -> Outcome:
    """Return -sum(p log q) along `axis`, divided by `nats`; p and q have one shape and dtype."""
    return _call(_native.cross_entropy, p, q, axis, tolerance, nats)


def kl_divergence(p: Array, q: Array, *, axis: int, tolerance: float, nats: float) -> Outcome:
    """Return sum(p log(p / q) - p + q) along `axis`, divided by `nats`."""
    return _call(_native.kl_divergence, p, q, axis, tolerance, nats)


def _call(
    kernel: Callable[..., Any],
    p: Array,
    q: Array | None,
    axis: int,
    tolerance: float,
    nats: float,
) -> Outcome:
    axis %= p.ndim
    if 1 < math.prod(p.shape[axis + 1 :]) < _FEW_ROWS:
        p = np.moveaxis(p, axis, -1)
        q = None if q is None else np.moveaxis(q, axis, -1)
        axis = p.ndim - 1
    p = np.ascontiguousarray(p)
    q = None if q is None else np.ascontiguousarray(q)
    return Outcome(*kernel(p, q, axis, tolerance, nats))
