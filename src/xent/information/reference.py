"""Every measure of this room, written as an equation in float64 NumPy.

This file is the definition: it is read to learn, and everything fast is tested against it.
It takes distributions along the last axis, in nats, and checks nothing. The one convention
is 0 log 0 = 0: what never happens contributes nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


def log(x: npt.ArrayLike) -> Float:
    """The natural logarithm, with log 0 = -inf said without a warning."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.asarray(x, np.float64)))


def times(p: npt.ArrayLike, x: npt.ArrayLike) -> Float:
    """p x, and 0 where p = 0, whatever x is."""
    p, x = np.broadcast_arrays(np.asarray(p, np.float64), np.asarray(x, np.float64))
    return np.asarray(p * np.where(p != 0, x, 0.0))


def self_information(p: npt.ArrayLike) -> Float:
    """I = -log p. The rarer the event, the more it tells."""
    return -log(p)


def entropy(p: npt.ArrayLike) -> Any:
    """H(p) = sum p (-log p): the self-information to expect."""
    return times(p, self_information(p)).sum(axis=-1)


def binary_entropy(p: npt.ArrayLike) -> Any:
    """H(p) = -p log p - (1 - p) log(1 - p): a coin, a lottery ticket."""
    p = np.asarray(p, np.float64)
    return entropy(np.stack([p, 1 - p], axis=-1))


def cross_entropy(p: npt.ArrayLike, q: npt.ArrayLike) -> Any:
    """H(p, q) = sum p (-log q): p happens, and q was believed."""
    return times(p, self_information(q)).sum(axis=-1)


def kl_divergence(p: npt.ArrayLike, q: npt.ArrayLike) -> Any:
    """KL(p || q) = sum p log(p / q) = H(p, q) - H(p): what believing q costs."""
    return times(p, log(p) - np.where(np.asarray(p) > 0, log(q), 0)).sum(axis=-1)


def js_divergence(p: npt.ArrayLike, q: npt.ArrayLike) -> Any:
    """JS(p, q): the mean KL of the two from their mixture m = (p + q) / 2."""
    m = (np.asarray(p, np.float64) + np.asarray(q, np.float64)) / 2
    return (kl_divergence(p, m) + kl_divergence(q, m)) / 2


def perplexity(p: npt.ArrayLike) -> Any:
    """exp H(p): the number of equally likely outcomes that would be as uncertain."""
    return np.exp(entropy(p))


def mutual_information(joint: npt.ArrayLike) -> Any:
    """I(X; Y) = KL(p(x, y) || p(x) p(y)) of a table with X down and Y across."""
    joint = np.asarray(joint, np.float64)
    x, y = joint.sum(axis=-1, keepdims=True), joint.sum(axis=-2, keepdims=True)
    flat = (*joint.shape[:-2], -1)
    return kl_divergence(joint.reshape(flat), (x * y).reshape(flat))


def conditional_entropy(joint: npt.ArrayLike) -> Any:
    """H(Y | X) = H(X, Y) - H(X): what is left open about Y when X is known."""
    joint = np.asarray(joint, np.float64)
    return entropy(joint.reshape((*joint.shape[:-2], -1))) - entropy(joint.sum(axis=-1))
