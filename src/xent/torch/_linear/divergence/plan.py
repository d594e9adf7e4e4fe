"""How the rows of two linear maps are cut into blocks: the student's logits and the teacher's."""

from __future__ import annotations

from dataclasses import replace

import torch

from xent.errors import XentValueError
from xent.torch._linear.plan import WIDENED, Need, Plan, plan_blocks, text_of
from xent.torch._linear.products import Operands, Wanted

__all__ = ["plan_pair"]


def plan_pair(
    student: Operands,
    teacher: Operands,
    rows: int,
    wanted: Wanted,
    memory: int | None,
    *,
    late: bool = False,
) -> Plan:
    """Return how so many rows are cut into blocks, of which two exist at a time.

    Where no memory is named, blocks are as tall as those of a single loss would be. `late`
    gradients wait for their upstream gradient, and both logits are made again.
    """
    classes, features = student.weight.shape
    need = Need(
        rows=rows,
        features=features,
        classes=classes,
        dtype=student.weight.dtype,
        device=student.hidden.device.type,
        hidden=wanted.hidden,
        weight=wanted.weight,
        buffers=1 if memory is None else 2,
    )
    # a row of exponentials of either, for each thread of the kernel
    beside = 2 * need.compute_bytes * classes * torch.get_num_threads()
    teacher_row = 0
    if teacher.weight.dtype.itemsize == 2:
        beside += min(2 * WIDENED, 4 * teacher.weight.numel())
        teacher_row = 4 * teacher.weight.shape[1]
    if memory is None:
        plan = plan_blocks(need, columns=False)
        beside += plan.rows * need.compute_bytes * classes
    else:
        single = plan_blocks(replace(need, rows=min(rows, 1)), columns=False)
        least = single.bytes + beside + teacher_row
        if memory < least:
            raise XentValueError(
                f"memory must be at least {text_of(least)} for {classes:,} classes and {features:,}"
                f" features of a student and a teacher, got {text_of(memory)}",
                value=memory,
            )
        room = memory - beside
        most = plan_blocks(need, room, columns=False)
        # a block of no more rows takes no more of the teacher's
        plan = plan_blocks(need, max(room - teacher_row * most.rows, single.bytes), columns=False)
    beside += plan.rows * teacher_row
    products = plan.products + 1 + (2 if late and (wanted.hidden or wanted.weight) else 0)
    return replace(plan, bytes=plan.bytes + beside, products=products)
