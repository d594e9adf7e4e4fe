"""The matrix products around slices of the classes, and where their results go.

A slice of the weight's gradient is one product, written once where it will be returned; that
of the hidden states is summed over the slices. Operands of 16 bits are widened a slice at a
time: no logit is rounded to 16 bits, and each gradient is rounded once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xent.torch._linear.products import Operands, Wanted
from xent.torch._ops.memory import pooled
from xent.torch._ops.results import computed_in

__all__ = ["SliceProducts"]


class SliceProducts:
    """The products of walks over slices of the classes.

    Parameters
    ----------
    hidden : Tensor
        (N, D), the rows that count.
    operands : Operands
        Their `hidden` is not looked at.
    wanted : Wanted
    columns : int
        Classes of the longest slice.
    wide_weight : bool
        Whether the gradient of a 16-bit weight stays in 32 bits.
    """

    def __init__(
        self,
        hidden: Tensor,
        operands: Operands,
        wanted: Wanted,
        columns: int,
        *,
        wide_weight: bool = False,
    ) -> None:
        _, self.weight, self.bias = operands
        dtype = self.weight.dtype
        compute = computed_in(dtype)
        rows, features = hidden.shape
        self.hidden = hidden.to(compute)
        self.buffer = pooled((rows * columns,), self.hidden)
        self.part = self.weight  # the slice of the weight that was multiplied last
        self.widened = self.summed = None
        if dtype is not compute:
            self.widened = self.hidden.new_empty((columns, features))
        self.d_hidden = torch.zeros_like(self.hidden) if wanted.hidden else None
        self.d_weight = self.d_bias = None
        if wanted.weight:
            kind = compute if wide_weight else dtype
            self.d_weight = pooled(self.weight.shape, self.weight, kind)
            if self.d_weight.dtype is not compute:
                self.summed = self.hidden.new_empty((columns, features))
        if wanted.bias and self.bias is not None:
            self.d_bias = torch.empty_like(self.bias)

    def logits(self, first: int, stop: int) -> Tensor:
        """Return the logits of classes [first, stop), in a buffer that the next ones reuse."""
        rows, columns = len(self.hidden), stop - first
        block = self.buffer[: rows * columns].view(rows, columns)
        self.part = self.weight[first:stop]
        if self.widened is not None:
            self.part = self.widened[:columns].copy_(self.part)
        # `out` also keeps autocast from narrowing what was widened
        if self.bias is None:
            return torch.mm(self.hidden, self.part.t(), out=block)
        bias = self.bias[first:stop].to(block.dtype)
        return torch.addmm(bias, self.hidden, self.part.t(), out=block)

    def leave_out(self, rows: Tensor) -> None:
        """Take rows whose gradient is 0 out of the products: what they hold may be infinite."""
        if bool(rows.any()):
            self.hidden = self.hidden.masked_fill(rows.unsqueeze(1), 0.0)

    def add(self, block: Tensor, first: int, stop: int) -> None:
        """Take in the gradient of the logits that were returned last."""
        if self.d_weight is not None:
            to = self.d_weight[first:stop]
            if self.summed is None:
                torch.mm(block.t(), self.hidden, out=to)
            else:
                to.copy_(torch.mm(block.t(), self.hidden, out=self.summed[: stop - first]))
        if self.d_bias is not None:
            self.d_bias[first:stop] = block.sum(dim=0, dtype=_wide(block))
        if self.d_hidden is not None:
            torch.addmm(self.d_hidden, block, self.part, out=self.d_hidden)


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.device.type == "mps" else torch.float64
