"""Custom operators for torch.compile: a compiler sees one node forward and one backward.

The forward pass computes the losses of rows and writes nothing of the size of the logits;
the backward pass computes the gradient of each row for its upstream gradient. The logits are
read twice and nothing is copied or scaled, whatever the upstream gradient.
"""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor

from xent.torch._ops.cpu_softmax import CpuSoftmax, adjacent
from xent.torch._ops.results import computed_in
from xent.torch._tasks import SoftmaxTask

__all__ = ["softmax_rows"]


def softmax_rows(logits: Tensor, task: SoftmaxTask) -> Tensor:
    """Return the losses of the rows of a task, through the operator."""
    rows: Tensor = _rows(
        logits, task.axis, task.target, task.soft_target, task.class_weight, task.sample_weight,
        task.class_mask, task.ignore_index, task.label_smoothing, task.z_loss, task.softcap,
        task.temperature,
    )  # fmt: skip
    return rows


# torch reads the schema from these annotations, and knows no `X | None` before 2.9
@torch.library.custom_op("xent::softmax_cross_entropy", mutates_args=())
def _rows(
    logits: Tensor,
    axis: int,
    target: Optional[Tensor],  # noqa: UP045
    soft_target: Optional[Tensor],  # noqa: UP045
    class_weight: Optional[Tensor],  # noqa: UP045
    sample_weight: Optional[Tensor],  # noqa: UP045
    class_mask: Optional[Tensor],  # noqa: UP045
    ignore_index: Optional[int],  # noqa: UP045
    label_smoothing: float,
    z_loss: float,
    softcap: Optional[float],  # noqa: UP045
    temperature: float,
) -> Tensor:
    task = SoftmaxTask(
        axis, target, soft_target, class_weight, sample_weight, class_mask, ignore_index,
        label_smoothing, z_loss, softcap, temperature,
    )  # fmt: skip
    return _call(logits, task).evaluate(logits, want_gradient=False)[0]


@torch.library.custom_op("xent::softmax_cross_entropy_backward", mutates_args=())
def _backward(
    upstream: Tensor,
    logits: Tensor,
    axis: int,
    target: Optional[Tensor],  # noqa: UP045
    soft_target: Optional[Tensor],  # noqa: UP045
    class_weight: Optional[Tensor],  # noqa: UP045
    sample_weight: Optional[Tensor],  # noqa: UP045
    class_mask: Optional[Tensor],  # noqa: UP045
    ignore_index: Optional[int],  # noqa: UP045
    label_smoothing: float,
    z_loss: float,
    softcap: Optional[float],  # noqa: UP045
    temperature: float,
) -> Tensor:
    weight = upstream if sample_weight is None else upstream * sample_weight
    task = SoftmaxTask(
        axis, target, soft_target, class_weight, weight, class_mask, ignore_index,
        label_smoothing, z_loss, softcap, temperature,
    )  # fmt: skip
    return _call(logits, task).evaluate(logits, want_gradient=True)[1]


def _call(logits: Tensor, task: SoftmaxTask) -> Any:
    if logits.is_cpu:
        return CpuSoftmax(task, "rows")
    from xent.torch._ops.triton_softmax import TritonSoftmax  # loads triton

    return TritonSoftmax(task, "rows")


@_rows.register_fake
def _(logits: Tensor, axis: int, *options: Any) -> Tensor:
    shape = logits.shape[:axis] + logits.shape[axis + 1 :]
    return logits.new_empty(shape, dtype=computed_in(logits.dtype))


@_backward.register_fake
def _(upstream: Tensor, logits: Tensor, axis: int, *options: Any) -> Tensor:
    # in memory as the kernels write it
    read, _at, back = adjacent(logits, axis)
    gradient = torch.empty_like(read, memory_format=torch.contiguous_format)
    return gradient if back is None else gradient.permute(back)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    logits, axis, target, soft_target, class_weight, sample_weight, class_mask, *options = inputs
    ctx.save_for_backward(logits, target, soft_target, class_weight, sample_weight, class_mask)
    ctx.axis, ctx.options = axis, options


def _differentiate(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
    logits, *tensors = ctx.saved_tensors
    gradient = _backward(upstream, logits, ctx.axis, *tensors, *ctx.options)
    return (gradient, *[None] * 11)


_rows.register_autograd(_differentiate, setup_context=_save)
