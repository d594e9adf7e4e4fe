"""The matrix products around blocks of labels, and the sums of their results."""

from __future__ import annotations

import torch
from torch import Tensor

from xent.torch._linear.mixed import add_product, product
from xent.torch._linear.plan import Plan
from xent.torch._linear.products import OperandGradients, Operands, Wanted
from xent.torch._ops.memory import pooled
from xent.torch._ops.results import computed_in

__all__ = ["LabelProducts", "label_products"]


def label_products(
    operands: Operands, wanted: Wanted, plan: Plan, *, wide_weight: bool = False
) -> LabelProducts:
    """Return the products of one walk; with `wide_weight` a gradient stays as it was summed."""
    kind = _OfUnits if _multiplies_narrow(operands.hidden) else LabelProducts
    return kind(operands, wanted, plan, wide_weight)


def _multiplies_narrow(hidden: Tensor) -> bool:
    # float16 has no room for the gradients of labels that are hardly ever true
    return hidden.dtype is torch.bfloat16 and not hidden.is_cpu


class LabelProducts:
    """The products of one walk, a slice of the labels at a time.

    Operands of 16 bits are multiplied in 32: the hidden states once, the weight a slice at a
    time, whose gradient is rounded once.
    """

    def __init__(self, operands: Operands, wanted: Wanted, plan: Plan, wide_weight: bool) -> None:
        hidden, self.weight, self.bias = operands
        self.wanted = wanted
        self.dtype = computed_in(hidden.dtype)
        self.result = hidden.dtype
        self.hidden = hidden.to(self.dtype).contiguous()
        self.buffer = self.hidden.new_empty(plan.rows * plan.columns + 1)  # and one for no place
        self.d_hidden = torch.zeros_like(self.hidden) if wanted.hidden else None
        self.d_weight = self.d_bias = self.of_part = None
        part = (plan.columns, self.weight.shape[1])
        self.is_narrow = self.weight.dtype is not self.dtype
        self.rounds = wanted.weight and self.is_narrow and not wide_weight
        if self.is_narrow:
            self.widened = self.hidden.new_empty(part)
        if self.rounds:
            self.summed = self.hidden.new_empty(part)
        if wanted.weight:
            kind = self.weight.dtype if self.rounds else self.dtype
            shape = self.weight.shape
            self.d_weight = pooled(shape, self.weight, kind)
        if wanted.bias:
            assert self.bias is not None
            self.d_bias = torch.zeros_like(self.bias)

    def begin(self, labels: range, label_weight: Tensor | None) -> None:
        """Go to a slice of the labels."""
        self.labels = slice(labels.start, labels.stop)
        self.part = self._operand(self.weight[self.labels])
        if label_weight is not None:
            skipped = (label_weight == 0).unsqueeze(1)
            # what it holds is not looked at, and a product with 0 does not remove what is not
            # finite
            if not skipped.is_cpu or bool(skipped.any()):
                self.part = torch.where(skipped, 0.0, self.part)
        self.offset = None if self.bias is None else self.bias[self.labels].to(self.dtype)
        self.is_first = True
        if self.d_weight is not None:
            self.of_part = self.summed[: len(labels)] if self.rounds else self.d_weight[self.labels]
        if self.d_bias is not None:
            # one number of many rows, so one precision up
            wide = torch.float64
            self.of_offset = torch.zeros(len(labels), dtype=wide, device=self.hidden.device)

    def _operand(self, part: Tensor) -> Tensor:
        """Return a part of the weight as it is multiplied."""
        return self.widened[: len(part)].copy_(part) if self.is_narrow else part

    def _block(self, rows: range) -> tuple[Tensor, Tensor]:
        """Return the buffer as a block, and the buffer with its last place."""
        count = len(rows) * self.part.shape[0]
        return self.buffer[:count].view(len(rows), self.part.shape[0]), self.buffer[: count + 1]

    def logits(self, rows: range) -> tuple[Tensor, Tensor]:
        """Return the logits of some rows in the buffer, and the buffer with its last place."""
        z, flat = self._block(rows)
        hidden = self.hidden[rows.start : rows.stop]
        if self.offset is None:
            torch.mm(hidden, self.part.t(), out=z)
        else:
            torch.addmm(self.offset, hidden, self.part.t(), out=z)
        return z, flat

    def add(self, block: Tensor, rows: range) -> None:
        """Add the gradients of a block of logits."""
        some = slice(rows.start, rows.stop)
        if self.of_part is not None:
            beta = 0 if self.is_first else 1
            turned = block.t()
            torch.addmm(self.of_part, turned, self.hidden[some], beta=beta, out=self.of_part)
        if self.d_bias is not None:
            self.of_offset += block.sum(dim=0)
        if self.d_hidden is not None:
            self.d_hidden[some].addmm_(block, self.part)
        self.is_first = False

    def end(self) -> None:
        """Round what was summed for the slice, once."""
        if self.of_part is not None and self.is_first:
            self.of_part.zero_()  # there are no rows
        if self.rounds:
            assert self.d_weight is not None
            assert self.of_part is not None
            self.d_weight[self.labels] = self.of_part
        if self.d_bias is not None:
            self.d_bias[self.labels] = self.of_offset.to(self.d_bias.dtype)

    def finished(self) -> OperandGradients:
        d_hidden = None if self.d_hidden is None else self.d_hidden.to(self.result)
        return OperandGradients(d_hidden, self.d_weight, self.d_bias)


class _OfUnits(LabelProducts):
    """The products of bfloat16 operands on the matrix units of a device.

    They are multiplied as they are and summed in float32: logits are not rounded. Their
    gradients are, before they are multiplied, as those of logits in bfloat16 would be.
    """

    def __init__(self, operands: Operands, wanted: Wanted, plan: Plan, wide_weight: bool) -> None:
        super().__init__(operands, wanted, plan, wide_weight)
        self.hidden = operands.hidden.contiguous()
        self.rounded = self.buffer.new_empty(self.buffer.shape, dtype=self.hidden.dtype)

    def _operand(self, part: Tensor) -> Tensor:
        return part

    def logits(self, rows: range) -> tuple[Tensor, Tensor]:
        z, flat = self._block(rows)
        product(self.hidden[rows.start : rows.stop], self.part.t(), z)
        if self.offset is not None:
            z += self.offset
        return z, flat

    def add(self, block: Tensor, rows: range) -> None:
        some = slice(rows.start, rows.stop)
        rounded = self.rounded[: block.numel()].view(block.shape).copy_(block)
        if self.of_part is not None:
            multiply = product if self.is_first else add_product
            multiply(rounded.t(), self.hidden[some], self.of_part)
        if self.d_bias is not None:
            self.of_offset += block.sum(dim=0)
        if self.d_hidden is not None:
            add_product(rounded, self.part, self.d_hidden[some])
        self.is_first = False
