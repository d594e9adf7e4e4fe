"""The gradient of a 16-bit weight, added up over blocks of rows and rounded once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.torch._linear.mixed import add_product, product
from xent.torch._linear.softmax.tall_plan import TallPlan, is_small

__all__ = ["WeightSum", "rounded_in_place", "scale_sum"]

_FIRST = 1 << 16  # elements that are rounded through a copy


class WeightSum:
    """A sum of ``block.T @ hidden`` over blocks, as a plan has it."""

    def __init__(self, weight: Tensor, plan: TallPlan, given: Tensor | None) -> None:
        self.sums = plan.sums
        self.dtype = weight.dtype
        self.is_first = True
        if self.sums == "given":
            assert given is not None
            self.total = given
            self.is_first = False
        else:
            # not like the weight, which may have gaps
            wide = self.sums != "one product" or is_small(*weight.shape)
            dtype = torch.float32 if wide else weight.dtype
            self.total = torch.empty(weight.shape, dtype=dtype, device=weight.device)

    def add(self, block: Tensor, hidden: Tensor) -> None:
        if self.total.dtype is self.dtype:
            torch.mm(block.t(), hidden, out=self.total)  # the only block
        else:
            (product if self.is_first else add_product)(block.t(), hidden, self.total)
        self.is_first = False

    def finish(self, scale: Any) -> Tensor | None:
        """Return the sum times `scale`; None where it was added to what was given."""
        total = self.total
        del self.total
        if self.sums == "given":
            return None
        if self.is_first:
            total.zero_()  # no row counted
        scale_sum(total, scale)
        if self.sums == "wide" or total.dtype is self.dtype:
            return total
        if self.sums == "in place":
            return rounded_in_place(total, self.dtype)
        return total.to(self.dtype)


def scale_sum(total: Tensor, scale: Any) -> None:
    """Multiply a sum by a number, or by a tensor of one that nobody waits for."""
    if isinstance(scale, Tensor) or scale != 1:
        total *= scale


def rounded_in_place(wide: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a contiguous float32 tensor in 16 bits, in the first half of its own memory.

    Each step rounds as many elements as all before it: they go where those were read.
    """
    flat, count = wide.view(-1), wide.numel()
    narrow = torch.empty(0, dtype=dtype, device=wide.device)
    narrow.set_(wide.untyped_storage(), 4 * wide.storage_offset() // 2, (count,), (1,))
    end = min(count, _FIRST)
    narrow[:end] = flat[:end].clone()
    while end < count:
        begin, end = end, min(2 * end, count)
        narrow[begin:end] = flat[begin:end]
    return narrow.view(wide.shape)
