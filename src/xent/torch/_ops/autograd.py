"""Eager autograd: the gradient is taken in the forward pass, and handed over in the backward.

The kernel that computes a loss has the exponentials of its rows in the cache; the gradient
costs it one write. So it is taken at once where it will be needed, for an upstream gradient
of 1, which is what `loss.backward()` sends. Another upstream gradient scales that buffer in
place, or into a second one where the graph is kept. The buffer is given away once: whoever
gets it may change it, and a further backward pass computes the gradient again.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["Call", "differentiable", "times"]

_keeps_graph = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)
_transforms_active = torch._C._are_functorch_transforms_active
_is_batched = torch._C._functorch.is_legacy_batchedtensor


def _is_plain(upstream: Tensor) -> bool:
    """Return whether this is one upstream gradient of numbers, and no batch of them."""
    return not (_transforms_active() or _is_batched(upstream)) and type(upstream) is Tensor


class Call(Protocol):
    """One loss of one tensor of logits, as a kernel computes it."""

    def evaluate(self, logits: Tensor, *, want_gradient: bool) -> tuple[Tensor, Tensor | None]:
        """Return the value and, where wanted, its gradient for an upstream gradient of 1."""

    def is_one(self, upstream: Tensor) -> bool:
        """Return whether the upstream gradient is 1; False where asking would wait."""

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        """Return the gradient times the upstream gradient."""

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        """Return that product in differentiable torch operations."""


class _GradientInForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, call: Call) -> Tensor:
        value, ctx.gradient = call.evaluate(logits, want_gradient=True)
        ctx.call = call
        # for second derivatives; unpacked only there, so the logits may be overwritten
        ctx.save_for_backward(logits)
        return value

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        call: Call = ctx.call
        if torch.is_grad_enabled() or not _is_plain(upstream):
            return call.formula(ctx.saved_tensors[0], upstream), None
        gradient = ctx.gradient
        if gradient is None:
            # given away before; where the graph was not kept, this raises what torch raises
            # for every second backward pass
            gradient = call.evaluate(ctx.saved_tensors[0], want_gradient=True)[1]
        if call.is_one(upstream):
            ctx.gradient = None
            return gradient, None
        keep = _keeps_graph()
        ctx.gradient = gradient if keep else None
        return call.scaled(gradient, upstream, in_place=not keep), None


def differentiable(logits: Tensor, call: Call) -> Tensor:
    """Return the value of the call, with a graph where one is being recorded."""
    if logits.requires_grad and torch.is_grad_enabled():
        value: Tensor = _GradientInForward.apply(logits, call)
        return value
    return call.evaluate(logits, want_gradient=False)[0]


def times(gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
    """Return the gradient times an upstream gradient that broadcasts to it, in its dtype."""
    if in_place:
        return gradient.mul_(upstream)
    # a product with a tensor of a wider dtype is of that dtype
    return (gradient * upstream).to(gradient.dtype)
