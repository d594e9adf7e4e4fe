"""The precision that formulas compute in, and what a subtraction loses.

`own` is the dtype of elements and results, `wide` that of the few numbers of a row: float64
for float32 rows where the device has it. Where it is no wider, the rounding error of a
difference is carried along instead.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["difference", "own_dtype", "two_difference", "wide_dtype"]

_WITHOUT_FLOAT64 = {"mps"}


def own_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return float64 for float64, float32 for everything narrower."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def wide_dtype(x: Tensor) -> torch.dtype:
    """Return the widest dtype of the device that holds `x`."""
    return own_dtype(x.dtype) if x.device.type in _WITHOUT_FLOAT64 else torch.float64


def two_difference(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return fl(a - b) and its rounding error, which is a constant of autograd (Knuth)."""
    rounded = a - b
    a, minus_b, near = a.detach(), -b.detach(), rounded.detach()
    of_b = near - a
    error = (a - (near - of_b)) + (minus_b - of_b)
    return rounded, _finite(error)


def difference(a: Tensor, b: Tensor, own: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return a - b rounded to `own`, and its rounding error, which is a constant of autograd."""
    wide = wide_dtype(a)
    if wide == own:
        return two_difference(a, b)
    exact = a.to(wide) - b.to(wide)
    rounded = exact.to(own)
    error = exact.detach() - rounded.detach().to(wide)
    return rounded, _finite(error).to(own)


def _finite(error: Tensor) -> Tensor:
    # inf - inf on the way says nothing about the difference
    return torch.where(error.isfinite(), error, 0.0)
