"""Eager autograd: the gradient is taken in the forward pass, and handed over in the backward.

The kernel that computes a loss has the exponentials of its rows in the cache; the gradient
costs it one write. So it is taken at once where it will be needed, for an upstream gradient
of 1, which is what `loss.backward()` sends. Another upstream gradient scales that buffer in
place, or into a second one where the graph is kept. The buffer is given away once: whoever
gets it may change it, and a further backward pass computes the gradient again.

Not in float16: a gradient of 1e-9 is 0 there, and a `GradScaler` that multiplies the loss by
65536, so that it is not, would multiply the 0. Such gradients are computed in the backward
pass and rounded once, after they were multiplied. Nor where hooks decide what is kept between
the passes (`torch.utils.checkpoint`, `save_on_cpu`): they see the logits, and would not see a
gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from xent.torch._ops.saved import Unchanged

__all__ = ["Call", "differentiable", "hooks_active", "is_plain_upstream", "keeps_graph", "times"]

keeps_graph = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)
_hooks = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", lambda _: None)
_transforms_active = torch._C._are_functorch_transforms_active
_is_batched = torch._C._functorch.is_legacy_batchedtensor


def hooks_active() -> bool:
    """Return whether hooks decide what is kept for the backward pass."""
    return _hooks(False) is not None


def is_plain_upstream(upstream: Tensor) -> bool:
    """Return whether this is one upstream gradient of numbers, and no batch of them."""
    odd = _transforms_active() or _is_batched(upstream) or type(upstream) is not Tensor
    # NumPy reads neither
    return not (odd or upstream.is_neg() or upstream._is_zerotensor())


class Call(Protocol):
    """One loss of one tensor of logits, as a kernel computes it."""

    def evaluate(self, logits: Tensor, *, want_gradient: bool) -> tuple[Tensor, Tensor | None]:
        """Return the value and, where wanted, its gradient for an upstream gradient of 1."""

    def others(self) -> Mapping[str, Tensor | None]:
        """Return the tensors beside the logits that a backward pass may read again, by name."""

    def gradient(self, logits: Tensor, upstream: Tensor) -> Tensor:
        """Return the gradient for an upstream gradient, rounded once to the logits' dtype."""

    def is_one(self, upstream: Tensor) -> bool:
        """Return whether the upstream gradient is 1; False where asking would wait."""

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        """Return the gradient times the upstream gradient."""

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        """Return that product in differentiable torch operations."""


class _GradientInForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, call: Call) -> Tensor:
        ctx.late = logits.dtype is torch.float16 or hooks_active()
        value, ctx.gradient = call.evaluate(logits, want_gradient=not ctx.late)
        ctx.call = call
        ctx.others = Unchanged(call.others())
        # for second derivatives; unpacked only there, so the logits may be overwritten
        ctx.save_for_backward(logits)
        return value

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        call: Call = ctx.call
        if torch.is_grad_enabled() or not is_plain_upstream(upstream):
            return call.formula(_logits(ctx), upstream), None
        if ctx.late:
            return call.gradient(_logits(ctx), upstream), None
        # taken in one step: other threads may be here, and only one may have the buffer
        gradient = ctx.__dict__.pop("gradient", None)
        if gradient is None:
            # given away before; where the graph was not kept, this raises what torch raises
            # for every second backward pass
            gradient = call.evaluate(_logits(ctx), want_gradient=True)[1]
        if call.is_one(upstream):
            return gradient, None
        if not keeps_graph():
            return call.scaled(gradient, upstream, in_place=True), None
        scaled = call.scaled(gradient, upstream, in_place=False)
        ctx.gradient = gradient
        return scaled, None


def _logits(ctx: Any) -> Tensor:
    """Return the logits; raise, as autograd does, if something was overwritten since."""
    logits: Tensor = ctx.saved_tensors[0]
    ctx.others.check()
    return logits


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
