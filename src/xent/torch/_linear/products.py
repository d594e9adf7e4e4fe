"""The matrix products around a block of logits, and the sums of their results.

Operands of 32 or 64 bits are multiplied as they are, and the gradient of the weight is summed
where it will be returned. Operands of 16 bits give logits of 32: a part of the weight is
widened at a time, so that no logit is rounded to 16 bits, and the gradient of the weight is
summed in 32 and rounded once. Where the processor multiplies 16-bit numbers, the gradient of
the hidden states, which is one product a row and rounded once anyway, is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from xent.torch._linear.plan import WIDENED, Plan
from xent.torch._ops.memory import pooled

__all__ = ["OperandGradients", "Operands", "Products", "Sums", "Wanted", "products_for"]


# A product of few rows with all of the weight lays the weight out again, in memory, where a
# panel of it stays in the cache.
_LOW = 256
_PANEL = 2 << 20  # bytes


class Operands(NamedTuple):
    hidden: Tensor  # (N, D)
    weight: Tensor  # (V, D)
    bias: Tensor | None  # (V,)


class Wanted(NamedTuple):
    """Which gradients."""

    hidden: bool
    weight: bool
    bias: bool


class OperandGradients(NamedTuple):
    """In the dtypes of the operands; None where not wanted, or not certified by a filter."""

    hidden: Tensor | None
    weight: Tensor | None
    bias: Tensor | None


class Products(Protocol):
    """The products of one walk over the blocks."""

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of some rows, in the buffer of the block."""

    def add(self, block: Tensor, hidden: Tensor) -> Tensor | None:
        """Add the gradients of a block of logits; return that of its hidden states."""

    def finish(self) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients of weight and bias."""


def products_for(
    operands: Operands, wanted: Wanted, plan: Plan, *, wide_weight: bool = False
) -> Sums:
    """Return them for these operands.

    With `wide_weight`, the gradient of a 16-bit weight stays in the 32 bits of its sum.
    """
    if operands.weight.dtype.itemsize == 2:
        return _Narrow(operands, wanted, plan, wide_weight)
    return _Wide(operands, wanted, plan)


class Sums:
    """What blocks add to: the gradients of weight and bias, each by itself."""

    def __init__(self, operands: Operands, wanted: Wanted, wide: torch.dtype) -> None:
        _, self.weight, self.bias = operands
        self.wanted = wanted
        self.d_weight = pooled(self.weight.shape, self.weight, wide) if wanted.weight else None
        self.d_bias = _zeros_of(self.bias) if wanted.bias else None
        self._is_empty = True  # nothing was written to that of the weight

    def logits(self, hidden: Tensor) -> Tensor:
        raise NotImplementedError

    def add(self, block: Tensor, hidden: Tensor) -> Tensor | None:
        self.add_bias(block)
        self.add_weight(block, hidden)
        return self.hidden_gradient(block) if self.wanted.hidden else None

    def hidden_gradient(self, block: Tensor) -> Tensor:
        """Return the gradient of the hidden states of a block."""
        raise NotImplementedError

    def add_bias(self, block: Tensor) -> None:
        if self.d_bias is not None:
            self.d_bias += block.sum(dim=0, dtype=self.d_bias.dtype)

    def add_weight(self, block: Tensor, hidden: Tensor) -> None:
        if self.d_weight is None:
            return
        beta = 0 if self._is_empty else 1
        wide = hidden.to(block.dtype)
        torch.addmm(self.d_weight, block.t(), wide, beta=beta, out=self.d_weight)
        self._is_empty = False

    def finish(self) -> tuple[Tensor | None, Tensor | None]:
        d_weight = self.weight_sum() if self.wanted.weight else None
        return d_weight, _rounded(self.d_bias, self.bias)

    def weight_sum(self) -> Tensor:
        """Return what the gradient of the weight was added up to so far."""
        assert self.d_weight is not None
        if self._is_empty:
            self.d_weight.zero_()
            self._is_empty = False
        return self.d_weight


class _Wide(Sums):
    """Operands of 32 or 64 bits."""

    def __init__(self, operands: Operands, wanted: Wanted, plan: Plan) -> None:
        super().__init__(operands, wanted, operands.weight.dtype)
        self.buffer = pooled((plan.rows, plan.columns), self.weight)
        classes, features = self.weight.shape
        self.panel = max(classes, 1)  # a rank may have none
        if plan.rows <= _LOW and self.weight.is_cpu:
            row = max(features, 1) * self.weight.element_size()
            self.panel = max(256, _PANEL // row)

    def logits(self, hidden: Tensor) -> Tensor:
        block = self.buffer[: hidden.shape[0]]
        for begin in range(0, self.weight.shape[0], self.panel):
            part = slice(begin, begin + self.panel)
            panel, out = self.weight[part].t(), block[:, part]
            if self.bias is None:
                torch.mm(hidden, panel, out=out)
            else:
                torch.addmm(self.bias[part], hidden, panel, out=out)
        return block

    def hidden_gradient(self, block: Tensor) -> Tensor:
        return torch.mm(block, self.weight)


class _Narrow(Sums):
    """Operands of 16 bits, on a processor."""

    def __init__(self, operands: Operands, wanted: Wanted, plan: Plan, wide_weight: bool) -> None:
        wide = torch.float32
        super().__init__(operands, wanted, wide)
        self.wide_weight = wide_weight
        classes, features = self.weight.shape
        self.buffer = pooled((plan.rows, plan.columns), self.weight, wide)
        self.step = max(16, min(classes, WIDENED // (4 * max(features, 1))))
        self.widened = self.weight.new_empty((self.step, features), dtype=wide)
        self.units = wanted.hidden and has_units(self.weight)
        self.rounded = self.buffer.new_empty((0,), dtype=self.weight.dtype)
        if self.units:
            self.rounded = pooled(self.buffer.shape, self.buffer, self.weight.dtype)

    def logits(self, hidden: Tensor) -> Tensor:
        block = self.buffer[: hidden.shape[0]]
        wide = hidden.float()
        for begin, part in self._parts():
            torch.mm(wide, part.t(), out=block[:, begin : begin + part.shape[0]])
        if self.bias is not None:
            block += self.bias
        return block

    def hidden_gradient(self, block: Tensor) -> Tensor:
        if self.units:
            rounded = self.rounded[: block.shape[0]].copy_(block)
            return torch.mm(rounded, self.weight)
        d_hidden = block.new_zeros(block.shape[0], self.weight.shape[1])
        for begin, part in self._parts():
            d_hidden.addmm_(block[:, begin : begin + part.shape[0]], part)
        return d_hidden

    def finish(self) -> tuple[Tensor | None, Tensor | None]:
        d_weight, d_bias = super().finish()
        return d_weight if self.wide_weight else _rounded(d_weight, self.weight), d_bias

    def _parts(self) -> Iterator[tuple[int, Tensor]]:
        for begin in range(0, self.weight.shape[0], self.step):
            part = self.weight[begin : begin + self.step]
            yield begin, self.widened[: part.shape[0]].copy_(part)


def has_units(tensor: Tensor) -> bool:
    """Return whether products of 16-bit numbers of this dtype are fast here."""
    return tensor.dtype is torch.bfloat16 and tensor.is_cpu and _bfloat16_units


_bfloat16_units = bool(
    getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    or getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
)


def _zeros_of(bias: Tensor | None) -> Tensor | None:
    """Return a sum for the gradient of the bias; one of many rows, so one precision up."""
    if bias is None:
        return None
    wide = torch.float32 if bias.device.type == "mps" else torch.float64
    return torch.zeros_like(bias, dtype=wide)


def _rounded(gradient: Tensor | None, like: Tensor | None) -> Tensor | None:
    return None if gradient is None or like is None else gradient.to(like.dtype)
