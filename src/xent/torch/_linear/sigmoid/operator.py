"""Linear sigmoid cross-entropy as a custom operator, for torch.compile.

Forward it returns the loss with the gradients of the operands, which the backward pass
scales; losses of rows, and float16, make the logits again there.
"""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor

from xent.torch._linear.products import Operands
from xent.torch._linear.sigmoid.call import LinearSigmoid
from xent.torch._linear.sigmoid.positives import Positives
from xent.torch._linear.sigmoid.task import LabelTask
from xent.torch._ops.results import computed_in

__all__ = ["loss_of"]


def loss_of(operands: Operands, task: LabelTask, how: str, *, memory: int | None) -> Tensor:
    """Return the loss of a checked task, through the operator."""
    wanted = [each is not None and each.requires_grad for each in operands]
    late = how == "rows" or operands.hidden.dtype is torch.float16
    now = torch.is_grad_enabled() and not late
    out: tuple[Tensor, ...] = _loss(
        *operands, *_tensors(task), how, memory, [want and now for want in wanted]
    )
    return out[0]


def _tensors(task: LabelTask) -> tuple[Any, ...]:
    entries: tuple[Any, ...] = (None, None, None, None)
    if task.positives is not None:
        some = task.positives
        entries = (some.row, some.label, some.value, some.per_row)
    return (task.target, *entries, task.pos_weight, task.weight, task.sample_weight)


# torch reads the schema from these annotations, and knows no `X | None` before 2.9
@torch.library.custom_op("xent::linear_sigmoid_cross_entropy", mutates_args=())
def _loss(
    hidden: Tensor,
    linear_weight: Tensor,
    linear_bias: Optional[Tensor],  # noqa: UP045
    target: Optional[Tensor],  # noqa: UP045
    row: Optional[Tensor],  # noqa: UP045
    label: Optional[Tensor],  # noqa: UP045
    value: Optional[Tensor],  # noqa: UP045
    per_row: Optional[int],  # noqa: UP045
    pos_weight: Optional[Tensor],  # noqa: UP045
    weight: Optional[Tensor],  # noqa: UP045
    sample_weight: Optional[Tensor],  # noqa: UP045
    how: str,
    memory: Optional[int],  # noqa: UP045
    wanted: list[bool],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    operands = Operands(hidden, linear_weight, linear_bias)
    task = _task(operands, target, row, label, value, per_row, pos_weight, weight, sample_weight)
    loss, gradients = _call(task, how, memory, hidden).evaluate(operands, wanted)
    return (loss, *_filled(gradients, hidden))


@torch.library.custom_op("xent::linear_sigmoid_cross_entropy_backward", mutates_args=())
def _backward(
    upstream: Tensor,
    hidden: Tensor,
    linear_weight: Tensor,
    linear_bias: Optional[Tensor],  # noqa: UP045
    target: Optional[Tensor],  # noqa: UP045
    row: Optional[Tensor],  # noqa: UP045
    label: Optional[Tensor],  # noqa: UP045
    value: Optional[Tensor],  # noqa: UP045
    per_row: Optional[int],  # noqa: UP045
    pos_weight: Optional[Tensor],  # noqa: UP045
    weight: Optional[Tensor],  # noqa: UP045
    sample_weight: Optional[Tensor],  # noqa: UP045
    how: str,
    memory: Optional[int],  # noqa: UP045
    wanted: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    operands = Operands(hidden, linear_weight, linear_bias)
    task = _task(operands, target, row, label, value, per_row, pos_weight, weight, sample_weight)
    gradients = _call(task, how, memory, hidden).gradients(operands, wanted, upstream)
    return _filled(gradients, hidden)


def _task(
    operands: Operands,
    target: Tensor | None,
    row: Tensor | None,
    label: Tensor | None,
    value: Tensor | None,
    per_row: int | None,
    *weights: Tensor | None,
) -> LabelTask:
    positives = None
    if row is not None and label is not None:
        rows, labels = operands.hidden.shape[0], operands.weight.shape[0]
        positives = Positives(rows, labels, row, label, value, per_row)
    return LabelTask(positives, target, *weights)


def _call(task: LabelTask, how: str, memory: int | None, hidden: Tensor) -> LinearSigmoid:
    return LinearSigmoid(task, how, native=hidden.is_cpu, memory=memory)


def _filled(gradients: Any, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # an operator returns tensors, and none of them twice
    found = [None] * 3 if gradients is None else gradients
    first, second, third = (hidden.new_empty(0) if each is None else each for each in found)
    return first, second, third


def _empty_gradients(inputs: tuple[Any, ...], wanted: list[bool]) -> tuple[Tensor, Tensor, Tensor]:
    first, second, third = (
        torch.empty_like(each, memory_format=torch.contiguous_format)
        if want
        else inputs[0].new_empty(0)
        for each, want in zip(inputs, wanted, strict=True)
    )
    return first, second, third


@_loss.register_fake
def _(hidden: Tensor, linear_weight: Tensor, linear_bias: Any, *rest: Any) -> tuple[Tensor, ...]:
    *_tensors, how, _memory, wanted = rest
    shape = hidden.shape[:1] if how == "rows" else ()
    loss = hidden.new_empty(shape, dtype=computed_in(hidden.dtype))
    return (loss, *_empty_gradients((hidden, linear_weight, linear_bias), wanted))


@_backward.register_fake
def _(upstream: Tensor, *inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
    return _empty_gradients(inputs[:3], inputs[-1])


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    ctx.taken = inputs[-1]
    tensors = [each for at, each in enumerate(inputs[:-3]) if at != 7]
    ctx.per_row, ctx.how, ctx.memory = inputs[7], *inputs[-3:-1]
    ctx.save_for_backward(*tensors, *output[1:])


def _differentiate(ctx: Any, upstream: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
    rest = (None,) * 11
    if upstream is None:
        return (None, None, None, *rest)
    *inputs, of_hidden, of_weight, of_bias = ctx.saved_tensors
    if any(ctx.taken):
        taken = zip((of_hidden, of_weight, of_bias), ctx.taken, strict=True)
        return (*((g * upstream).to(g.dtype) if want else None for g, want in taken), *rest)
    wanted = [bool(want) for want in ctx.needs_input_grad[:3]]
    inputs.insert(7, ctx.per_row)
    found = _backward(upstream, *inputs, ctx.how, ctx.memory, wanted)
    return (*(g if want else None for g, want in zip(found, wanted, strict=True)), *rest)


_loss.register_autograd(_differentiate, setup_context=_save)
