"""What `xent.kernels.explain` says of a student and a teacher: who serves them, and the plan."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.kernels.choice import Choice, cpu_kernel
from xent.torch._linear.arguments import check_operands
from xent.torch._linear.divergence.plan import plan_pair
from xent.torch._linear.plan import bytes_of
from xent.torch._linear.products import Operands, Wanted
from xent.torch._reduction import how_of, reduction_of

__all__ = ["OPERATIONS", "explain"]

OPERATIONS = ("linear_kl_divergence",)


def explain(
    operation: str,
    student_hidden: Tensor,
    student_weight: Any = None,
    teacher_hidden: Any = None,
    teacher_weight: Any = None,
    *,
    memory: int | str | None = None,
    reduction: str = "mean",
) -> Choice:
    """Say what serves the blocks of both logits, and how the rows are cut into them."""
    student = Operands(student_hidden, student_weight, None)
    teacher = Operands(teacher_hidden, teacher_weight, None)
    check_operands(student, names=("student_hidden", "student_weight", "student_bias"))
    check_operands(teacher, names=("teacher_hidden", "teacher_weight", "teacher_bias"))
    reduction_of(reduction, "nan", None, None)
    wanted = Wanted(student_hidden.requires_grad, student_weight.requires_grad, False)
    reasons: tuple[str, ...]
    if not student_hidden.is_cpu:
        reasons = (f"cpu: not for {student_hidden.device.type}", "formulas: chosen")
    elif teacher_hidden.requires_grad or teacher_weight.requires_grad:
        reasons = ("cpu: the teacher needs a gradient", "formulas: chosen")
    else:
        rows = student_hidden.shape[:-1].numel()
        late = how_of(reduction) == "rows" or student_hidden.dtype is torch.float16
        plan = plan_pair(student, teacher, rows, wanted, bytes_of(memory), late=late)
        reasons = (f"cpu: chosen ({cpu_kernel()})", f"plan: {plan}")
        return Choice(operation, "cpu", reasons)
    return Choice(operation, "formulas", reasons)
