"""Every loss, its gradient and the diagonal of its Hessian, as equations in float64 NumPy.

This is the definition: what the kernels are tested against, written to be read, with no
option about speed. Classes are the last axis. `s` is what each log-probability is
multiplied by, class weight times target, so that one equation serves class indices,
one-hot, soft, smoothed and weighted targets alike: `mass` makes it.

The formulas never subtract nearly equal numbers. With one class E set apart (the arg max),
m the maximum and S = sum exp(x_k - m) over the others, everything follows from the odds of
"not E":

    tau = S exp(m - x_E)     -log p_E = log(1 + tau)     p_E = 1 / (1 + tau)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Softmax",
    "binary_cross_entropy",
    "binary_cross_entropy_grad",
    "binary_cross_entropy_hessian",
    "categorical_cross_entropy",
    "categorical_cross_entropy_grad",
    "categorical_cross_entropy_hessian",
    "half_squared_error",
    "mass",
    "sigmoid",
    "sigmoid_cross_entropy",
    "sigmoid_cross_entropy_grad",
    "sigmoid_cross_entropy_hessian",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
    "softmax_cross_entropy_hessian",
    "softplus",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def mass(
    target: Ints, num_classes: int, *, weight: Floats | None = None, label_smoothing: float = 0.0
) -> Floats:
    """s_j = w_j ((1 - eps) [j = y] + eps / C)."""
    one_hot = np.eye(num_classes)[target]
    s = (1 - label_smoothing) * one_hot + label_smoothing / num_classes
    return s if weight is None else s * weight


# softmax: exactly one class is true -------------------------------------------------------


class Softmax(NamedTuple):
    """Probabilities of the classes, their complements and their logarithms."""

    p: Floats
    not_p: Floats
    log_p: Floats


def softmax(logits: Floats) -> Softmax:
    """p_j = exp(x_j) / sum_k exp(x_k)."""
    x = np.asarray(logits, dtype=np.float64)
    apart = np.arange(x.shape[-1]) == x.argmax(axis=-1)[..., None]
    x_e = x.max(axis=-1, keepdims=True)
    others = np.where(apart, -np.inf, x)
    m = others.max(axis=-1, keepdims=True)
    e = np.exp(others - np.where(np.isfinite(m), m, 0.0))
    tau = e.sum(axis=-1, keepdims=True) * np.exp(m - x_e)
    p = np.where(apart, 1 / (1 + tau), e * np.exp(m - x_e) / (1 + tau))
    not_p = np.where(apart, tau / (1 + tau), 1 - p)
    return Softmax(p, not_p, -np.log1p(tau) - (x_e - x))


def softmax_cross_entropy(logits: Floats, s: Floats) -> Floats:
    """nll = - sum_j s_j log p_j, with 0 log 0 = 0."""
    log_p = softmax(logits).log_p
    return np.asarray(-np.where(s > 0, s * np.where(s > 0, log_p, 0.0), 0.0).sum(axis=-1))


def softmax_cross_entropy_grad(logits: Floats, s: Floats) -> Floats:
    """d nll / d x_j = p_j R_j - s_j (1 - p_j), R_j the mass of all classes but j."""
    p, not_p, _ = softmax(logits)
    without = 1 - np.eye(s.shape[-1])
    return np.asarray(p * (s @ without) - s * not_p)


def softmax_cross_entropy_hessian(logits: Floats, s: Floats) -> Floats:
    """d^2 nll / d x_j^2 = T p_j (1 - p_j), T = sum_j s_j."""
    p, not_p, _ = softmax(logits)
    return np.asarray(s.sum(axis=-1, keepdims=True) * p * not_p)


# sigmoid: each label by itself ------------------------------------------------------------


def softplus(z: Floats) -> Floats:
    """log(1 + exp(z)) = -log sigmoid(-z)."""
    return np.asarray(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z))."""
    e = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1, e) / (1 + e))


def sigmoid_cross_entropy(logits: Floats, target: Floats, pos_weight: Floats | float = 1) -> Floats:
    """nll = v y softplus(-z) + (1 - y) softplus(z)."""
    z, y = np.asarray(logits, np.float64), np.asarray(target, np.float64)
    positive, negative = pos_weight * y, 1 - y
    return np.asarray(
        np.where(positive == 0, 0.0, positive * np.where(positive == 0, 0.0, softplus(-z)))
        + np.where(negative == 0, 0.0, negative * np.where(negative == 0, 0.0, softplus(z)))
    )


def sigmoid_cross_entropy_grad(
    logits: Floats, target: Floats, pos_weight: Floats | float = 1
) -> Floats:
    """d nll / d z = (1 - y) sigmoid(z) - v y sigmoid(-z)."""
    z, y = np.asarray(logits, np.float64), np.asarray(target, np.float64)
    return np.asarray((1 - y) * sigmoid(z) - pos_weight * y * sigmoid(-z))


def sigmoid_cross_entropy_hessian(
    logits: Floats, target: Floats, pos_weight: Floats | float = 1
) -> Floats:
    """d^2 nll / d z^2 = (v y + 1 - y) sigmoid(z) sigmoid(-z)."""
    z, y = np.asarray(logits, np.float64), np.asarray(target, np.float64)
    return np.asarray((pos_weight * y + 1 - y) * sigmoid(z) * sigmoid(-z))


# from probabilities -----------------------------------------------------------------------


def categorical_cross_entropy(probs: Floats, s: Floats) -> Floats:
    """nll = - sum_j s_j log q_j."""
    with np.errstate(divide="ignore"):
        log_q = np.where(s > 0, np.log(probs), 0.0)
    return np.asarray(-(s * log_q).sum(axis=-1))


def categorical_cross_entropy_grad(probs: Floats, s: Floats) -> Floats:
    """d nll / d q_j = - s_j / q_j."""
    return np.asarray(np.where(s > 0, -s / np.where(s > 0, probs, 1.0), 0.0))


def categorical_cross_entropy_hessian(probs: Floats, s: Floats) -> Floats:
    """d^2 nll / d q_j^2 = s_j / q_j^2."""
    return np.asarray(np.where(s > 0, s / np.where(s > 0, probs, 1.0) ** 2, 0.0))


def binary_cross_entropy(probs: Floats, target: Floats) -> Floats:
    """nll = - y log q - (1 - y) log(1 - q)."""
    q, y = np.asarray(probs, np.float64), np.asarray(target, np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(
            np.where(y == 0, 0.0, -y * np.where(y == 0, 0.0, np.log(q)))
            + np.where(y == 1, 0.0, -(1 - y) * np.where(y == 1, 0.0, np.log1p(-q)))
        )


def binary_cross_entropy_grad(probs: Floats, target: Floats) -> Floats:
    """d nll / d q = (1 - y) / (1 - q) - y / q."""
    return np.asarray((1 - target) / (1 - probs) - target / probs)


def binary_cross_entropy_hessian(probs: Floats, target: Floats) -> Floats:
    """d^2 nll / d q^2 = (1 - y) / (1 - q)^2 + y / q^2."""
    return np.asarray((1 - target) / (1 - probs) ** 2 + target / probs**2)


# regression -------------------------------------------------------------------------------


def half_squared_error(prediction: Floats, target: Floats) -> Floats:
    """(y - yhat)^2 / 2, with gradient yhat - y and Hessian 1."""
    return np.asarray(0.5 * (prediction - target) ** 2)
