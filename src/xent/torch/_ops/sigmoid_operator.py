"""Sigmoid cross-entropy as a custom operator: the sum of the nodes, for torch.compile.

Forward it reads logits and labels and returns one number; backward it reads them again and
writes the gradient, already scaled. Losses of single nodes are left to the compiler, which
fuses the formulas into one loop.
"""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor

from xent.torch._ops.cpu_sigmoid import CpuSigmoid, lay_out
from xent.torch._ops.results import computed_in
from xent.torch._tasks import SigmoidTask

__all__ = ["sigmoid_sum"]


def sigmoid_sum(logits: Tensor, task: SigmoidTask) -> Tensor:
    """Return the sum of the losses of a task, through the operator."""
    total: Tensor = _sum(logits, task.target, task.pos_weight, task.weight)
    return total


@torch.library.custom_op("xent::sigmoid_cross_entropy", mutates_args=())
def _sum(
    logits: Tensor,
    target: Tensor,
    pos_weight: Optional[Tensor],  # noqa: UP045
    weight: Optional[Tensor],  # noqa: UP045
) -> Tensor:
    if logits.is_cpu:
        call: Any = _on_cpu(logits, target, pos_weight, weight)
    else:
        call = _on_device(target, pos_weight, weight)
    value: Tensor = call.evaluate(logits, want_gradient=False)[0]
    return value


@torch.library.custom_op("xent::sigmoid_cross_entropy_backward", mutates_args=())
def _backward(
    upstream: Tensor,
    logits: Tensor,
    target: Tensor,
    pos_weight: Optional[Tensor],  # noqa: UP045
    weight: Optional[Tensor],  # noqa: UP045
) -> Tensor:
    if logits.is_cpu:
        call = _on_cpu(logits, target, pos_weight, weight)
        call.gradient_scale = upstream.item()
        gradient = call.evaluate(logits, want_gradient=True)[1]
    else:
        on_device = _on_device(target, pos_weight, weight)
        gradient = on_device.evaluate(logits, want_gradient=True, gradient_scale=upstream)[1]
    assert gradient is not None
    return gradient


def _on_cpu(
    logits: Tensor, target: Tensor, pos_weight: Tensor | None, weight: Tensor | None
) -> CpuSigmoid:
    task = SigmoidTask(target, pos_weight, weight)
    return CpuSigmoid(task, lay_out(logits.shape, task), "sum")


def _on_device(target: Tensor, pos_weight: Tensor | None, weight: Tensor | None) -> Any:
    from xent.torch._ops.triton_sigmoid import TritonSigmoid  # loads triton

    return TritonSigmoid(SigmoidTask(target, pos_weight, weight), "sum")


@_sum.register_fake
def _(logits: Tensor, *tensors: Any) -> Tensor:
    return logits.new_empty((), dtype=computed_in(logits.dtype))


@_backward.register_fake
def _(upstream: Tensor, logits: Tensor, *tensors: Any) -> Tensor:
    return torch.empty_like(logits, memory_format=torch.contiguous_format)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _differentiate(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
    return _backward(upstream, *ctx.saved_tensors), None, None, None


_sum.register_autograd(_differentiate, setup_context=_save)
