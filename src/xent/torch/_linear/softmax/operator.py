"""Linear softmax cross-entropy as a custom operator: one node forward, one backward.

A sum or a mean takes its gradients with it, as in eager mode: a compiled program keeps them
between its passes, and never a block of logits. The backward pass multiplies them. Losses of
rows, gradients by targets and weights of the loss, and float16, whose gradients would round
to 0 before a `GradScaler` has multiplied them, make the logits again, in a second operator.
Outputs that nobody asked for are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, List, NamedTuple, Optional, Tuple, cast  # noqa: UP035

import torch
from torch import Tensor

from xent.torch._linear.products import Operands
from xent.torch._linear.softmax import formulas
from xent.torch._linear.softmax.call import LinearSoftmax
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._ops.results import Statistics, computed_in
from xent.torch._ops.route import Route
from xent.torch._tasks import SoftmaxTask

__all__ = ["Found", "found_by_operator"]

_TENSORS = 10  # the arguments that both begin with
_OPTIONS = 7  # and those that follow: options of the task, the memory and the kernel
_FLOATING = (0, 1, 2, 4, 5, 6, 9)  # of the tensors: what gradients are `wanted` by, in order
_OPERANDS = 3  # the first of them


class Found(NamedTuple):
    value: Tensor
    weight: Tensor  # what a mean divided by
    statistics: Statistics | None


def found_by_operator(operands: Operands, call: LinearSoftmax, how: str) -> Found:
    """Return what a call finds; by targets and weights of the loss, only rows have gradients."""
    task, asked = call.task, call.task.softmax
    tensors = (
        *operands, asked.target, asked.soft_target, asked.class_weight, asked.sample_weight,
        asked.class_mask, task.classes, task.probs,
    )  # fmt: skip
    graph = torch.is_grad_enabled()
    floating = [tensors[at] for at in _FLOATING]
    wanted = [graph and each is not None and each.requires_grad for each in floating]
    value, weight, _, _, _, *stats = _forward(
        *tensors, asked.ignore_index, asked.label_smoothing, asked.z_loss, asked.softcap,
        asked.temperature, call.memory, call.path, how, call.torch_mean, call.wants_statistics,
        wanted,
    )  # fmt: skip
    return Found(value, weight, Statistics(*stats) if call.wants_statistics else None)


_Outputs = Tuple[  # noqa: UP006
    Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor
]
_Gradients = Tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]  # noqa: UP006


# torch reads the schema from these annotations, and knows no `X | None` before 2.9
@torch.library.custom_op("xent::linear_softmax_cross_entropy", mutates_args=())
def _forward(
    hidden: Tensor,
    linear_weight: Tensor,
    linear_bias: Optional[Tensor],  # noqa: UP045
    target: Optional[Tensor],  # noqa: UP045
    soft_target: Optional[Tensor],  # noqa: UP045
    class_weight: Optional[Tensor],  # noqa: UP045
    sample_weight: Optional[Tensor],  # noqa: UP045
    class_mask: Optional[Tensor],  # noqa: UP045
    classes: Optional[Tensor],  # noqa: UP045
    probs: Optional[Tensor],  # noqa: UP045
    ignore_index: Optional[int],  # noqa: UP045
    label_smoothing: float,
    z_loss: float,
    softcap: Optional[float],  # noqa: UP045
    temperature: float,
    memory: Optional[int],  # noqa: UP045
    kernel: str,
    how: str,
    torch_mean: bool,
    statistics: bool,
    wanted: List[bool],  # noqa: UP006
) -> _Outputs:
    softmax = SoftmaxTask(
        1, target, soft_target, class_weight, sample_weight, class_mask, ignore_index,
        label_smoothing, z_loss, softcap, temperature,
    )  # fmt: skip
    operands = Operands(hidden, linear_weight, linear_bias)
    task = LinearTask(softmax, classes, probs)
    call = LinearSoftmax(
        task, how, cast(Route, kernel), memory=memory, torch_mean=torch_mean, statistics=statistics
    )
    now = [want and not _is_late(hidden, how) for want in wanted[:_OPERANDS]]
    value, gradients = call.evaluate(operands, now)
    weight = torch.as_tensor(call.weight, dtype=torch.float64, device=hidden.device)
    stats = call.statistics or [hidden.new_empty(0) for _ in range(4)]
    return (value, weight, *_filled(gradients or [None] * _OPERANDS, hidden), *stats)


@torch.library.custom_op("xent::linear_softmax_cross_entropy_backward", mutates_args=())
def _backward(
    upstream: Tensor,
    hidden: Tensor,
    linear_weight: Tensor,
    linear_bias: Optional[Tensor],  # noqa: UP045
    target: Optional[Tensor],  # noqa: UP045
    soft_target: Optional[Tensor],  # noqa: UP045
    class_weight: Optional[Tensor],  # noqa: UP045
    sample_weight: Optional[Tensor],  # noqa: UP045
    class_mask: Optional[Tensor],  # noqa: UP045
    classes: Optional[Tensor],  # noqa: UP045
    probs: Optional[Tensor],  # noqa: UP045
    ignore_index: Optional[int],  # noqa: UP045
    label_smoothing: float,
    z_loss: float,
    softcap: Optional[float],  # noqa: UP045
    temperature: float,
    memory: Optional[int],  # noqa: UP045
    kernel: str,
    wanted: List[bool],  # noqa: UP006
) -> _Gradients:
    softmax = SoftmaxTask(
        1, target, soft_target, class_weight, sample_weight, class_mask, ignore_index,
        label_smoothing, z_loss, softcap, temperature,
    )  # fmt: skip
    operands = Operands(hidden, linear_weight, linear_bias)
    task = LinearTask(softmax, classes, probs)
    if any(wanted[_OPERANDS:]):
        tensors = (*operands, soft_target, class_weight, sample_weight, probs)
        gradients: _Gradients = _filled(
            _by_autograd(tensors, task, memory, wanted, upstream), hidden
        )
        return gradients
    call = LinearSoftmax(task, "rows", cast(Route, kernel), memory=memory)
    found = call.gradients(operands, wanted[:_OPERANDS], upstream)
    gradients = _filled([*found, *[None] * (len(wanted) - _OPERANDS)], hidden)
    return gradients


def _by_autograd(
    tensors: Sequence[Tensor | None],
    task: LinearTask,
    memory: int | None,
    wanted: Sequence[bool],
    upstream: Tensor,
) -> list[Tensor | None]:
    """Return gradients by operands, soft target, weights of classes and rows, and probs."""
    with _recording(), torch.enable_grad():
        own = [
            each if each is None else each.detach().requires_grad_(want)
            for each, want in zip(tensors, wanted, strict=True)
        ]
        hidden, weight, bias, soft_target, class_weight, sample_weight, probs = own
        assert hidden is not None
        assert weight is not None
        softmax = replace(
            task.softmax,
            soft_target=soft_target,
            class_weight=class_weight,
            sample_weight=sample_weight,
        )
        mine = replace(task, softmax=softmax, probs=probs)
        block = LinearSoftmax(mine, "rows", "formulas", memory=memory).block_of(own[:_OPERANDS])
        rows = formulas.rows(hidden, weight, bias, mine, block)
        inputs = [each for each, want in zip(own, wanted, strict=True) if want]
        found = iter(torch.autograd.grad(rows, inputs, upstream))
    return [next(found) if want else None for want in wanted]


def _recording() -> Any:
    """Return a context in which autograd sees operations: within an operator it does not."""
    included = torch._C._dispatch_tls_local_include_set()
    excluded = torch._C._dispatch_tls_local_exclude_set()
    autograd = torch._C.DispatchKeySet(torch._C.DispatchKey.AutogradFunctionality)
    return torch._C._ForceDispatchKeyGuard(included, excluded - autograd)


def _is_late(hidden: Tensor, how: str) -> bool:
    return how == "rows" or hidden.dtype is torch.float16


def _filled(tensors: Sequence[Tensor | None], like: Tensor) -> Any:
    """Return contiguous tensors, an empty one where there is none."""
    return tuple(like.new_empty(0) if each is None else each.contiguous() for each in tensors)


# What a compiler is told --------------------------------------------------------------------


@_forward.register_fake
def _(*inputs: Any) -> _Outputs:
    tensors = inputs[:_TENSORS]
    how, _, statistics, wanted = inputs[_TENSORS + _OPTIONS :]
    hidden = tensors[0]
    rows, own = hidden.shape[0], computed_in(hidden.dtype)
    now = [want and not _is_late(hidden, how) for want in wanted[:_OPERANDS]]
    value = hidden.new_empty((rows,) if how == "rows" else (), dtype=own)
    weight = hidden.new_empty((), dtype=torch.float64)
    if statistics:
        stats = [hidden.new_empty((rows,), dtype=dtype) for dtype in (own, own, own, torch.bool)]
    else:
        stats = [hidden.new_empty(0) for _ in range(4)]
    return (value, weight, *_alike(tensors[:_OPERANDS], now, hidden), *stats)


@_backward.register_fake
def _(upstream: Tensor, *inputs: Any) -> _Gradients:
    found: _Gradients = _alike([inputs[at] for at in _FLOATING], inputs[-1], inputs[0])
    return found


def _alike(tensors: Sequence[Tensor | None], wanted: Sequence[bool], like: Tensor) -> Any:
    return tuple(
        torch.empty_like(each, memory_format=torch.contiguous_format)
        if want and each is not None
        else like.new_empty(0)
        for each, want in zip(tensors, wanted, strict=True)
    )


def _save(ctx: Any, inputs: tuple[Any, ...], output: _Outputs) -> None:
    tensors, options = inputs[:_TENSORS], inputs[_TENSORS : _TENSORS + _OPTIONS]
    how, _, _, ctx.wanted = inputs[_TENSORS + _OPTIONS :]
    weight, gradients = output[1], output[2 : 2 + _OPERANDS]
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[1:])
    ctx.late, ctx.how, ctx.options = _is_late(tensors[0], how), how, options
    ctx.save_for_backward(*((weight, *tensors) if ctx.late else gradients))


def _differentiate(ctx: Any, upstream: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
    out: list[Tensor | None] = [None] * (_TENSORS + _OPTIONS + 4)
    if upstream is None:
        return tuple(out)
    if not ctx.late:
        found: Sequence[Tensor] = [each * upstream for each in ctx.saved_tensors]
    else:
        weight, *tensors = ctx.saved_tensors
        if ctx.how == "mean":
            upstream = upstream / torch.where(weight == 0, 1.0, weight)
        if ctx.how != "rows":
            upstream = upstream.expand(tensors[0].shape[:1])
        found = _backward(upstream, *tensors, *ctx.options, ctx.wanted)
    for at, want, each in zip(_FLOATING, ctx.wanted, found, strict=False):
        out[at] = each if want else None
    return tuple(out)


_forward.register_autograd(_differentiate, setup_context=_save)
