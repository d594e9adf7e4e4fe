"""Sigmoid cross-entropy in torch operations: each node, its gradient, and that one's.

With v = pos_weight, a node has

    loss     = v y softplus(-z) + (1 - y) softplus(z)
    gradient = (1 - y) sigmoid(z) - v y sigmoid(-z)
    second derivative = (v y + 1 - y) sigmoid(z) sigmoid(-z)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.torch._tasks import SigmoidTask
from xent.torch.formulas._precision import own_dtype
from xent.torch.formulas._rows import weights_read

__all__ = ["gradient", "nodes", "sigmoid", "softplus"]


def nodes(logits: Tensor, task: SigmoidTask) -> Tensor:
    """Return the weighted loss of each logit; float64 for float64 logits, else float32.

    Any derivative with respect to the logits, the target and the weights is right by
    automatic differentiation. A node of weight 0 is 0, whatever its logit holds; the
    derivative by its weight is the loss that it would have, or 0 where its logit is not finite.
    """
    node = _look(logits, task)
    loss = _cost(node.positive, softplus(-node.z)) + _cost(node.negative, softplus(node.z))
    if node.weight is None:
        return loss
    assert node.read is not None
    return torch.where(node.read, loss, 0.0) * node.weight


def gradient(logits: Tensor, task: SigmoidTask, node_scale: Tensor) -> Tensor:
    """Return the gradient of ``sum(node_scale * nodes)``, in the dtype of the logits.

    It is differentiable itself, to any order, with respect to `logits` and `node_scale`.
    """
    out: Tensor = _Gradient.apply(logits, node_scale, task)
    return out


def softplus(z: Tensor) -> Tensor:
    """Return log(1 + exp(z)), right in all its derivatives."""
    e = torch.exp(-_magnitude(z))
    return torch.where(z < 0, 0.0, z) + torch.log1p(e)


def sigmoid(z: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-z)), right in all its derivatives (torch's are y (1 - y))."""
    e = torch.exp(-_magnitude(z))
    return torch.where(z < 0, e, 1.0) / (1 + e)


def _magnitude(z: Tensor) -> Tensor:
    # not abs, whose derivative at 0 is 0
    return torch.where(z < 0, -z, z)


class _Nodes(NamedTuple):
    z: Tensor  # 0 where it is not read
    positive: Tensor  # v y
    negative: Tensor  # 1 - y
    weight: Tensor | None
    read: Tensor | None  # bool: where there are weights


def _look(logits: Tensor, task: SigmoidTask) -> _Nodes:
    own = own_dtype(logits.dtype)
    z = logits.to(own)
    y = task.target
    # 1 - y is taken in the wider of the two: a bfloat16 label of 1e-3 must not become 0
    y = y.to(torch.promote_types(y.dtype, own)) if y.dtype.is_floating_point else y.to(own)
    positive, negative = y.to(own), (1 - y).to(own)
    if task.pos_weight is not None:
        positive = positive * task.pos_weight.to(own)
    if task.weight is None:
        return _Nodes(z, positive, negative, None, None)
    weight = task.weight.to(own)
    read = weights_read(weight, z.isfinite)
    return _Nodes(torch.where(read, z, 0.0), positive, negative, weight, read)


def _cost(coefficient: Tensor, cost: Tensor) -> Tensor:
    # 0 times an infinite cost is 0, in value and in gradient
    skipped = (coefficient == 0) & (cost == torch.inf)
    return coefficient * torch.where(skipped, 0.0, cost)


class _Gradient(torch.autograd.Function):
    """(logits, node_scale) -> node_scale * d nodes / d logits."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, node_scale: Tensor, task: SigmoidTask) -> Tensor:
        return _finished(_slope(_look(logits, task)), logits, task, node_scale)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        logits, node_scale, ctx.task = inputs
        ctx.save_for_backward(logits, node_scale)

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[Tensor | None, ...]:
        logits, node_scale = ctx.saved_tensors
        node = _look(logits, ctx.task)
        of_logits = of_scale = None
        if ctx.needs_input_grad[0]:
            bend = (node.positive + node.negative) * sigmoid(node.z) * sigmoid(-node.z)
            of_logits = _finished(bend, logits, ctx.task, direction.to(node.z.dtype) * node_scale)
        if ctx.needs_input_grad[1]:
            ones = torch.ones_like(node_scale)
            each = _finished(_slope(node), node.z, ctx.task, ones)
            of_scale = (each * direction).to(node_scale.dtype)
        return of_logits, of_scale, None


def _slope(node: _Nodes) -> Tensor:
    return node.negative * sigmoid(node.z) - node.positive * sigmoid(-node.z)


def _finished(each: Tensor, logits: Tensor, task: SigmoidTask, node_scale: Tensor) -> Tensor:
    out = each * node_scale.to(each.dtype)
    if task.weight is not None:
        weight = task.weight.to(each.dtype)
        out = torch.where(weight == 0, 0.0, out * weight)
    return out.to(logits.dtype)
