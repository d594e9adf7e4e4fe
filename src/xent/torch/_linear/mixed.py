"""Matrix products of 16-bit numbers whose sums stay in the 32 bits that they are summed in.

The matrix units of a GPU multiply 16-bit numbers and add in float32. torch.mm rounds that sum
to 16 bits; with `out_dtype` (CUDA, torch 2.8) it is written as it is, and torch.addmm adds to
it (torch 2.11). Elsewhere, as on the CPU that tests run on, a part of the operands at a time
is widened. Operands of float32 are never asked for here, so nothing depends on TF32.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

__all__ = ["add_product", "product"]

_PART = 32 << 20  # bytes of a product, or of widened operands, that exist beside the result


def product(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """Write ``a @ b`` of two 16-bit matrices into a float32 one."""
    if _writes_sums(a.device, a.dtype):
        return torch.mm(a, b, out_dtype=torch.float32, out=out)
    return _widened(a, b, out, beta=0)


def add_product(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """Add ``a @ b`` of two 16-bit matrices to a float32 one."""
    # of a single row or column, torch takes the sum for a bias, and reads it as 16 bits
    if min(out.shape) > 1 and _adds_sums(a.device, a.dtype):
        return torch.addmm(out, a, b, out_dtype=torch.float32, out=out)
    if not _writes_sums(a.device, a.dtype):
        return _widened(a, b, out, beta=1)
    step = max(1, _PART // (4 * max(out.shape[1], 1)))
    for begin in range(0, a.shape[0], step):
        rows = a[begin : begin + step]
        out[begin : begin + step] += torch.mm(rows, b, out_dtype=torch.float32)
    return out


def _widened(a: Tensor, b: Tensor, out: Tensor, *, beta: int) -> Tensor:
    """Multiply in float32, widening what the longest of the three axes has a part of."""
    (m, k), n = a.shape, b.shape[1]
    longest = max(m, k, n)
    step = max(1, _PART // (4 * max(1, m + k + n - longest)))
    if longest == k:
        for begin in range(0, k, step):
            some = slice(begin, begin + step)
            torch.addmm(out, a[:, some].float(), b[some].float(), beta=beta, out=out)
            beta = 1
        return out if k else out.mul_(beta)
    if longest == m:
        wide = b.float()
        for begin in range(0, m, step):
            part = out[begin : begin + step]
            torch.addmm(part, a[begin : begin + step].float(), wide, beta=beta, out=part)
        return out
    wide = a.float()
    for begin in range(0, n, step):
        part = out[:, begin : begin + step]
        torch.addmm(part, wide, b[:, begin : begin + step].float(), beta=beta, out=part)
    return out


@functools.cache
def _writes_sums(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether torch.mm has an `out_dtype` here. Asked once, of a small product."""
    a = torch.zeros(16, 16, dtype=dtype, device=device)
    try:
        torch.mm(a, a, out_dtype=torch.float32)
    except (NotImplementedError, RuntimeError, TypeError):
        return False
    return True


@functools.cache
def _adds_sums(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether torch.addmm adds such a product to a float32 matrix."""
    a = torch.zeros(16, 16, dtype=dtype, device=device)
    total = torch.zeros(16, 16, device=device)
    try:
        torch.addmm(total, a, a, out_dtype=torch.float32, out=total)
    except (NotImplementedError, RuntimeError, TypeError):
        return False
    return True
