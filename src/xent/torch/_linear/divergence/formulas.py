"""Divergence of a student from a teacher in torch operations, block by block, to any order.

With x, y the logits of a block, u what each row's loss is multiplied by, and G the gradient
of ``sum(u loss)`` by the student's logits, of which the divergence has a closed form:

    loss       2 products: both logits
    gradient   dh = G W,   dW = G^T h,   db = sum G          of the student: 2 more

Gradients of the teacher, and higher orders, follow by automatic differentiation of a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xent.torch._linear.blockwise import (
    Arguments,
    BlockFunction,
    Outputs,
    Products,
    blockwise,
    vjp_of,
)
from xent.torch._linear.divergence.plan import plan_pair
from xent.torch._linear.products import Operands, Wanted
from xent.torch._ops.cpu_divergence import Divergence
from xent.torch._ops.route import has_derivatives
from xent.torch.formulas._closed_form import gradients_of, rows_of
from xent.torch.formulas._rows import weights_read

__all__ = ["block_of", "gradients", "rows"]

# the arrays of float64, each of a block, that the formulas hold of it
_TEMPORARIES = 16


def block_of(student: Operands, teacher: Operands, memory: int | None) -> int:
    """Return how many rows a block of formulas has, for which a kernel would have more."""
    count = max(len(student.hidden), 1)
    plan = plan_pair(student, teacher, count, Wanted(True, True, False), memory)
    return max(1, plan.rows // _TEMPORARIES)


def rows(
    student: Operands,
    teacher: Operands,
    task: Divergence,
    sample_weight: Tensor | None,
    block: int,
) -> Tensor:
    """Return the weighted loss of each row, (N,), differentiable by all operands and weights."""
    per_row = (student.hidden, teacher.hidden, sample_weight)
    shared = (student.weight, student.bias, teacher.weight, teacher.bias)
    (out,), _ = blockwise(_Loss(task), per_row, shared, block)
    return out


def gradients(
    student: Operands,
    teacher: Operands,
    task: Divergence,
    sample_weight: Tensor | None,
    upstream_rows: Tensor,
    block: int,
    wanted: Wanted,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return those of ``sum(upstream_rows * rows)`` by the student, differentiable again."""
    per_row = (student.hidden, teacher.hidden, sample_weight, upstream_rows)
    shared = (student.weight, student.bias, teacher.weight, teacher.bias)
    of_rows, sums = blockwise(_Gradient(task, wanted), per_row, shared, block)
    found = iter((*of_rows, *sums))
    out = [
        next(found).to(like.dtype) if want and like is not None else None
        for want, like in zip(wanted, student, strict=True)
    ]
    return out[0], out[1], out[2]


class _Block:
    """Row arguments: both hidden states, weights of the rows. Shared: both weights and biases."""

    def __init__(self, task: Divergence, rows: Arguments, shared: Arguments) -> None:
        student, teacher, self.sample_weight = rows[:3]
        assert student is not None
        assert teacher is not None
        weight = self.sample_weight
        # a product with 0 does not remove what is not finite
        if weight is not None:
            states = student, teacher
            read = weights_read(weight, lambda: _are_finite(*states)).unsqueeze(-1)
            student, teacher = (torch.where(read, x, 0.0) for x in states)
        self.student = student
        pair = task.ordered(_product(student, *shared[:2]), _product(teacher, *shared[2:4]))
        if weight is not None and has_derivatives(weight):
            # nor does it remove a divergence that is not
            bare = [x.detach() for x in pair]
            read = weights_read(weight, lambda: rows_of(task.form, *bare).isfinite()).unsqueeze(-1)
            pair = torch.where(read, pair[0], 0.0), torch.where(read, pair[1], 0.0)
        self.pair = pair
        self.factor = task.factor

    def scaled(self, rows: Tensor) -> Tensor:
        rows = rows * self.factor
        return rows if self.sample_weight is None else rows * self.sample_weight.to(rows.dtype)


def _are_finite(*states: Tensor) -> Tensor:
    return torch.stack([x.isfinite().all(dim=-1) for x in states]).all(dim=0)


def _product(hidden: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    assert weight is not None
    return hidden @ weight.t() if bias is None else torch.addmm(bias, hidden, weight.t())


class _Loss(BlockFunction):
    row_outputs = 1

    def __init__(self, task: Divergence) -> None:
        self.task = task

    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        block = _Block(self.task, rows, shared)
        return (block.scaled(rows_of(self.task.form, *block.pair)),), ()

    def vjp(self, wanted_rows: Sequence[bool], wanted_shared: Sequence[bool]) -> BlockFunction:
        if any(wanted_rows[1:]) or any(wanted_shared[2:]):
            return vjp_of(self, wanted_rows, wanted_shared)
        return _Gradient(self.task, Wanted(wanted_rows[0], *wanted_shared[:2]))


class _Gradient(BlockFunction):
    """Row arguments: those of the loss, upstream."""

    def __init__(self, task: Divergence, wanted: Wanted) -> None:
        self.task = task
        self.wanted = wanted
        self.row_outputs = int(wanted.hidden)

    def __call__(self, rows: Arguments, shared: Arguments) -> Outputs:
        block, upstream, weight = _Block(self.task, rows, shared), rows[3], shared[0]
        assert upstream is not None
        assert weight is not None
        found = gradients_of(
            self.task.form, block.pair, block.scaled(upstream), self.task.ordered(True, False)
        )
        g = self.task.ordered(*found)[0]
        sums: list[Tensor | Products] = []
        if self.wanted.weight:
            sums.append(Products(((g, block.student),)))
        if self.wanted.bias:
            sums.append(g.sum(dim=0))
        return ([g @ weight] if self.wanted.hidden else []), sums
