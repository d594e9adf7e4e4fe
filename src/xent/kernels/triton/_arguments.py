"""What every launch does to its arguments: types, contiguous copies, a class that is ignored."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["HALVES", "computed_in", "contiguous", "ignored"]

HALVES = (torch.float16, torch.bfloat16)


def computed_in(dtype: torch.dtype) -> torch.dtype:
    """Return the type of the losses of logits: float64 of float64, else float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def contiguous(*tensors: Tensor | None) -> list[Tensor | None]:
    return [None if tensor is None else tensor.contiguous() for tensor in tensors]


def ignored(ignore_index: int | None) -> int:
    """Return the class that a kernel compares with; it does not where HAS_IGNORE is false."""
    return 0 if ignore_index is None else ignore_index
