"""Where float32 ends: the cross-entropy of a rounded sigmoid, beside that of the logit."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.losses import sigmoid_cross_entropy, value_and_grad

__all__ = ["Cliff", "compute"]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Cliff:
    """Both ways to the same loss, in float32.

    Attributes
    ----------
    z : array
        The logits.
    label : {0, 1}
    exact, exact_slope : array
        xent's loss of the logit, and its gradient.
    rounded, rounded_slope : array
        `BCELoss` of `sigmoid(z)`, and its gradient with respect to z.
    computed_by : str
        "torch" and its version, or "NumPy" where torch is not installed.
    """

    z: Array
    label: int
    exact: Array
    exact_slope: Array
    rounded: Array
    rounded_slope: Array
    computed_by: str


def compute(z: object, label: int, *, use_torch: bool | None = None) -> Cliff:
    """Return both losses and gradients at logits.

    Parameters
    ----------
    z : array
    label : {0, 1}
    use_torch : bool, optional
        Whether torch itself computes the rounded side; by default if it is installed.
        Otherwise NumPy follows torch's formulas, in float32.

    >>> cliff = compute([20.0], 0, use_torch=False)
    >>> cliff.exact, cliff.rounded, cliff.rounded_slope
    (array([20.], dtype=float32), array([100.], dtype=float32), array([0.], dtype=float32))
    """
    logits = np.asarray(z, np.float32)
    target = np.full(logits.shape, label, np.float32)
    exact, exact_slope = value_and_grad(sigmoid_cross_entropy)(logits, target, reduction="none")
    with_torch = _has_torch() if use_torch is None else use_torch
    rounded, slope, by = (_by_torch if with_torch else _by_numpy)(logits, target)
    return Cliff(logits, label, exact, exact_slope, rounded, slope, by)


@functools.cache
def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _by_torch(logits: Array, target: Array) -> tuple[Array, Array, str]:
    import torch
    from torch.nn.functional import binary_cross_entropy

    z = torch.tensor(logits, requires_grad=True)
    loss = binary_cross_entropy(torch.sigmoid(z), torch.tensor(target), reduction="none")
    (slope,) = torch.autograd.grad(loss.sum(), z)
    return loss.detach().numpy(), slope.numpy(), f"torch {torch.__version__.partition('+')[0]}"


def _by_numpy(logits: Array, target: Array) -> tuple[Array, Array, str]:
    """What torch's kernels do: logarithms are held at -100, p (1 - p) at 1e-12."""
    one = np.float32(1)
    with np.errstate(over="ignore", divide="ignore"):
        p = one / (one + np.exp(-logits))
        log_p = np.maximum(np.log(p), np.float32(-100))
        log_rest = np.maximum(np.log1p(-p), np.float32(-100))
    loss = (target - one) * log_rest - target * log_p
    by_p = (p - target) / np.maximum((one - p) * p, np.float32(1e-12))
    return loss, by_p * (one - p) * p, "NumPy"
