"""Divergence of a student from a teacher, each a linear map away from its logits: by rows.

A block of rows has two blocks of logits. The student's becomes its own gradient and is
multiplied away, the teacher's is overwritten by the next, so two blocks are all that ever
exists of them: two products for the logits, and one for each gradient of the student.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xent.torch._linear.autograd import Gradients
from xent.torch._linear.divergence.plan import plan_pair
from xent.torch._linear.products import Operands, Wanted, products_for
from xent.torch._ops.cpu_divergence import Divergence, native_divergences
from xent.torch._ops.memory import doubles_of
from xent.torch._ops.results import computed_in

__all__ = ["LinearDivergence"]

_NOTHING = Wanted(False, False, False)


@dataclass(slots=True)
class _Walked:
    sum: float
    rows: Tensor | None
    gradients: Gradients | None


class LinearDivergence:
    """One call on a CPU; `weight` and `count` are known from the start.

    Parameters
    ----------
    teacher : Operands
        Constants. The operands of the call are the student's.
    task : Divergence
    how : {"mean", "sum", "rows"}
    sample_weight : Tensor or None
        (N,); rows of weight 0 are left out before any product.
    memory : int or None
        Budget in bytes.
    """

    def __init__(
        self,
        teacher: Operands,
        task: Divergence,
        how: str,
        sample_weight: Tensor | None,
        memory: int | None,
    ) -> None:
        self.teacher = teacher
        self.task = task
        self.how = how
        self.sample_weight = sample_weight
        self.memory = memory
        self.late = how == "rows"
        self.later: Sequence[bool] = ()
        self.kept: Tensor | None = None
        self.count = len(teacher.hidden)
        self.weight = float(self.count)
        if sample_weight is not None:
            counts = sample_weight.detach() != 0
            self.count = int(counts.sum())
            self.weight = float(sample_weight.detach().sum(dtype=torch.float64))
            if self.count < len(counts):
                self.kept = counts.nonzero().squeeze(1)

    def evaluate(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> tuple[Tensor, Gradients | None]:
        found = self._walk(operands, Wanted(*wanted), 1 / self._divisor(), None)
        if found.rows is not None:
            return found.rows, found.gradients
        total = found.sum
        if self.how == "mean":
            total = total / self.weight if self.weight else torch.nan
        hidden = operands[0]
        assert hidden is not None
        value = torch.scalar_tensor(total, dtype=computed_in(hidden.dtype), device=hidden.device)
        return value, found.gradients

    def others(self) -> Mapping[str, Tensor | None]:
        hidden, weight, bias = self.teacher
        return {
            "teacher_hidden": hidden,
            "teacher_weight": weight,
            "teacher_bias": bias,
            "sample_weight": self.sample_weight,
        }

    def gradients(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        by_row = self.how == "rows"
        scale = 1.0 if by_row else float(upstream) / self._divisor()
        found = self._walk(operands, Wanted(*wanted), scale, upstream if by_row else None)
        assert found.gradients is not None
        return found.gradients

    def formula(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        from xent.torch._linear.divergence import formulas as kl_formulas

        student = _operands(operands)
        if self.how != "rows":
            upstream = (upstream / self._divisor()).expand(len(student.hidden))
        block = kl_formulas.block_of(student, self.teacher, self.memory)
        return kl_formulas.gradients(
            student, self.teacher, self.task, self.sample_weight, upstream, block, Wanted(*wanted)
        )

    def deliver(self, gradients: Gradients) -> Gradients:
        return gradients

    def _divisor(self) -> float:
        return self.weight if self.how == "mean" and self.weight else 1.0

    def _walk(
        self,
        operands: Sequence[Tensor | None],
        wanted: Wanted,
        scale: float,
        row_scale: Tensor | None,
    ) -> _Walked:
        student = _operands([None if each is None else each.detach() for each in operands])
        teacher = Operands(*(None if each is None else each.detach() for each in self.teacher))
        hidden, count = student.hidden, len(student.hidden)
        rows = count if self.kept is None else len(self.kept)
        if self.later:  # found out now, and not in the backward pass
            plan_pair(student, teacher, rows, Wanted(*self.later), self.memory)
        plan = plan_pair(student, teacher, rows, wanted, self.memory)
        of_student = products_for(student, wanted, plan)
        of_teacher = products_for(teacher, _NOTHING, plan)
        weight = self.sample_weight
        if row_scale is not None:
            weight = row_scale if weight is None else row_scale * weight
        d_hidden = None
        if wanted.hidden:
            d_hidden = torch.empty_like(hidden) if self.kept is None else torch.zeros_like(hidden)
        losses = None
        if self.how == "rows":
            losses = hidden.new_zeros((count,), dtype=computed_in(hidden.dtype))
        total = 0.0
        for begin in range(0, rows, plan.rows):
            end = min(begin + plan.rows, rows)
            block: Any = slice(begin, end) if self.kept is None else self.kept[begin:end]
            part = hidden[block]
            logits = of_student.logits(part)
            scored = native_divergences(
                logits,
                of_teacher.logits(teacher.hidden[block]),
                self.task,
                row_weight=None if weight is None else doubles_of(weight[block]),
                want_rows=losses is not None,
                want_gradient=any(wanted),
                in_place=True,
                gradient_scale=scale,
            )
            total += scored.sum
            if losses is not None:
                losses[block] = torch.from_numpy(scored.rows)
            if any(wanted):
                found = of_student.add(logits, part)
                if d_hidden is not None:
                    assert found is not None
                    d_hidden[block] = found.to(hidden.dtype)
        gradients = (d_hidden, *of_student.finish()) if any(wanted) else None
        return _Walked(total, losses, gradients)


def _operands(tensors: Sequence[Tensor | None]) -> Operands:
    hidden, weight, bias = tensors
    assert hidden is not None
    assert weight is not None
    return Operands(hidden, weight, bias)
