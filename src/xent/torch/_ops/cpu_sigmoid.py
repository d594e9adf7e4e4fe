"""Sigmoid cross-entropy of CPU tensors, by the native kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.kernels.cpu import sigmoid_cross_entropy as kernel
from xent.torch._ops.autograd import times
from xent.torch._ops.memory import array_of, doubles_of, tensor_of
from xent.torch._ops.results import computed_in
from xent.torch._tasks import SigmoidTask
from xent.torch.formulas import sigmoid_cross_entropy as formulas

__all__ = ["CpuSigmoid", "Weights", "lay_out"]

_READ_AS_THEY_ARE = frozenset(
    {torch.bool, torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64}
)


class Weights(NamedTuple):
    """The weights of a task as the kernel takes them: along one axis, or one for each node."""

    axis: int | None = None
    pos: Tensor | None = None
    label: Tensor | None = None
    node: Tensor | None = None
    node_pos: Tensor | None = None


def lay_out(shape: torch.Size, task: SigmoidTask) -> Weights:
    """Return the weights as the kernel takes them: as few numbers as they have."""
    pos, weight = task.pos_weight, task.weight
    pos_axis, weight_axis = _axis_of(pos, shape), _axis_of(weight, shape)
    axis = weight_axis if pos_axis is None else pos_axis
    found = Weights(axis)
    if pos is not None:
        alone = pos_axis is not None
        found = found._replace(pos=_along(pos, axis, shape) if alone else None,
                               node_pos=None if alone else pos.expand(shape))  # fmt: skip
    if weight is not None:
        along = axis is not None and (weight_axis == axis or weight.numel() == 1)
        found = found._replace(label=_along(weight, axis, shape) if along else None,
                               node=None if along else weight.expand(shape))  # fmt: skip
    return found


def _axis_of(weight: Tensor | None, shape: torch.Size) -> int | None:
    """Return the one axis along which a weight varies: the last if it does not vary."""
    if weight is None or not shape:
        return None
    lead = len(shape) - weight.dim()
    varies = [lead + a for a, size in enumerate(weight.shape) if size != 1]
    if len(varies) > 1:
        return None
    return varies[0] if varies else len(shape) - 1


def _along(weight: Tensor, axis: int | None, shape: torch.Size) -> Tensor:
    assert axis is not None
    return weight.reshape(-1).expand(shape[axis])


def _nodes(weight: Tensor | None) -> Any:
    if weight is None:
        return None
    if not weight.is_floating_point():
        weight = weight.to(torch.float32)
    return array_of(weight.detach().contiguous())


class CpuSigmoid:
    """One call of the native kernel, for tensors on a CPU."""

    def __init__(self, task: SigmoidTask, weights: Weights, how: str) -> None:
        self.task = task
        self.weights = weights
        self.how = how
        self.bad = 0  # targets outside [0, 1]
        self.gradient_scale: float | None = None  # None: what `how` asks for

    def evaluate(self, logits: Tensor, *, want_gradient: bool) -> tuple[Tensor, Tensor | None]:
        x = logits.detach().contiguous()
        target = self.task.target.detach()
        if target.dtype not in _READ_AS_THEY_ARE:
            target = target.to(computed_in(x.dtype))
        weights, how = self.weights, self.how
        scored, self.bad = kernel.score(
            array_of(x),
            array_of(target.contiguous()),
            bfloat16=x.dtype is torch.bfloat16,
            weight=float(x.numel()),
            count=x.numel(),
            axis=weights.axis,
            pos_weight=doubles_of(weights.pos),
            label_weight=doubles_of(weights.label),
            node_weight=_nodes(weights.node),
            node_pos_weight=_nodes(weights.node_pos),
            mean=how == "mean",
            gradient_scale=self.gradient_scale,
            want_nll=how == "rows",
            want_gradient=want_gradient,
            threads=torch.get_num_threads(),
        )
        if how == "rows":
            value = torch.from_numpy(scored.nll)
        else:
            loss = scored.sum
            if how == "mean":
                loss = loss / x.numel() if x.numel() else float("nan")
            value = torch.scalar_tensor(loss, dtype=computed_in(x.dtype), device=x.device)
        return value, tensor_of(scored.gradient, x.dtype) if want_gradient else None

    def others(self) -> Mapping[str, Tensor | None]:
        return self.task.tensors()

    def gradient(self, logits: Tensor, upstream: Tensor) -> Tensor:
        task = self.task
        if self.how == "mean":
            upstream = upstream.double() / max(logits.numel(), 1)
        weight = upstream if task.weight is None else upstream * task.weight
        task = SigmoidTask(task.target, task.pos_weight, weight)
        call = CpuSigmoid(task, lay_out(logits.shape, task), "rows")
        gradient = call.evaluate(logits, want_gradient=True)[1]
        assert gradient is not None
        return gradient

    def is_one(self, upstream: Tensor) -> bool:
        return self.how != "rows" and upstream.item() == 1

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        return times(gradient, upstream, in_place=in_place)

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        if self.how == "mean":
            upstream = upstream / max(logits.numel(), 1)
        return formulas.gradient(logits, self.task, upstream.expand(logits.shape))
