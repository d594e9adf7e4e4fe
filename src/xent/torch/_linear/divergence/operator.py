"""The divergence of two linear maps for torch.compile: one node forward and one backward."""

from __future__ import annotations

from typing import Any, List, Optional  # noqa: UP035

import torch
from torch import Tensor

from xent.torch._linear.divergence.call import LinearDivergence
from xent.torch._linear.products import Operands
from xent.torch._ops.cpu_divergence import Divergence
from xent.torch._ops.results import computed_in

__all__ = ["divergence_rows"]


def divergence_rows(
    student: Operands,
    teacher: Operands,
    task: Divergence,
    sample_weight: Tensor | None,
    memory: int | None,
) -> Tensor:
    """Return the weighted losses of the rows through the operator; the teacher is a constant."""
    rows: Tensor = _rows(
        *student, *teacher, sample_weight, task.direction, task.temperature, task.factor, memory
    )
    return rows


def _call(
    tensors: tuple[Tensor | None, ...], direction: str, temperature: float, factor: float,
    memory: int | None,
) -> tuple[LinearDivergence, tuple[Tensor | None, ...]]:  # fmt: skip
    hidden, weight, bias, sample_weight = tensors[3:]
    assert hidden is not None
    assert weight is not None
    task = Divergence(direction, temperature, factor)
    teacher = Operands(hidden, weight, bias)
    return LinearDivergence(teacher, task, "rows", sample_weight, memory), tensors[:3]


# torch reads the schema from these annotations, and knows no `X | None` before 2.9
@torch.library.custom_op("xent::linear_divergence", mutates_args=())
def _rows(
    hidden: Tensor,
    weight: Tensor,
    bias: Optional[Tensor],  # noqa: UP045
    teacher_hidden: Tensor,
    teacher_weight: Tensor,
    teacher_bias: Optional[Tensor],  # noqa: UP045
    sample_weight: Optional[Tensor],  # noqa: UP045
    direction: str,
    temperature: float,
    factor: float,
    memory: Optional[int],  # noqa: UP045
) -> Tensor:
    tensors = (
        hidden, weight, bias, teacher_hidden, teacher_weight, teacher_bias, sample_weight,
    )  # fmt: skip
    call, operands = _call(tensors, direction, temperature, factor, memory)
    return call.evaluate(operands, (False, False, False))[0]


@torch.library.custom_op("xent::linear_divergence_backward", mutates_args=())
def _backward(
    upstream: Tensor,
    hidden: Tensor,
    weight: Tensor,
    bias: Optional[Tensor],  # noqa: UP045
    teacher_hidden: Tensor,
    teacher_weight: Tensor,
    teacher_bias: Optional[Tensor],  # noqa: UP045
    sample_weight: Optional[Tensor],  # noqa: UP045
    direction: str,
    temperature: float,
    factor: float,
    memory: Optional[int],  # noqa: UP045
    wanted: List[bool],  # noqa: UP006
) -> List[Tensor]:  # noqa: UP006
    tensors = (
        hidden, weight, bias, teacher_hidden, teacher_weight, teacher_bias, sample_weight,
    )  # fmt: skip
    call, operands = _call(tensors, direction, temperature, factor, memory)
    found = call.gradients(operands, wanted, upstream)
    return [each for each in found if each is not None]


@_rows.register_fake
def _(hidden: Tensor, *others: Any) -> Tensor:
    return hidden.new_empty(hidden.shape[:1], dtype=computed_in(hidden.dtype))


@_backward.register_fake
def _(upstream: Tensor, *others: Any) -> list[Tensor]:
    operands, wanted = others[:3], others[-1]
    return [
        torch.empty_like(each, memory_format=torch.contiguous_format)
        for each, want in zip(operands, wanted, strict=True)
        if want
    ]


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:7])
    ctx.options = inputs[7:]


def _differentiate(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
    wanted = list(ctx.needs_input_grad[:3])
    found = iter(_backward(upstream, *ctx.saved_tensors, *ctx.options, wanted))
    return (*(next(found) if want else None for want in wanted), *[None] * 8)


_rows.register_autograd(_differentiate, setup_context=_save)
