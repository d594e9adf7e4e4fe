"""Tensors as the arrays that the native kernels read, and back. Nothing is copied.

NumPy is the way in because it is the cheap one: a microsecond a tensor, where the
`__dlpack__` of a tensor takes ten.
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from xent.kernels.cpu import buffers

__all__ = ["array_of", "doubles_of", "pooled", "tensor_of"]


def array_of(tensor: Tensor) -> NDArray[Any]:
    """Return a contiguous CPU tensor without a graph as an array; bfloat16 as its bits."""
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.view(torch.uint16)
    return tensor.numpy()  # type: ignore[no-any-return]


def doubles_of(tensor: Tensor | None) -> NDArray[Any] | None:
    """Return weights as a C-contiguous float64 array."""
    if tensor is None:
        return None
    return tensor.detach().to(torch.float64).contiguous().numpy()  # type: ignore[no-any-return]


def tensor_of(array: Any, dtype: torch.dtype) -> Tensor:
    """Return what a kernel wrote as a tensor; it keeps the kernel's buffer alive."""
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if dtype is torch.bfloat16 else tensor


def pooled(shape: tuple[int, ...], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Return an empty tensor on the device of another; on a CPU from the kernels' pool."""
    dtype = like.dtype if dtype is None else dtype
    count = torch.Size(shape).numel()
    if not like.is_cpu or not count:
        return torch.empty(shape, dtype=dtype, device=like.device)
    found = torch.from_numpy(buffers.empty(count * dtype.itemsize))
    return found.view(dtype).view(shape)
