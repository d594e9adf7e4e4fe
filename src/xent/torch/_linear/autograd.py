"""Eager autograd of losses of a product: gradients in the forward pass, once.

The logits of a block are there once, and so are their gradients, which are small beside
them: those of the operands. They are taken in the forward pass for an upstream gradient of 1
and scaled in the backward pass, in place where nobody will ask again. Losses of rows, and
16-bit floats whose gradients would be rounded before a `GradScaler` has multiplied them, are
walked a second time in the backward pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from xent.kernels import triton
from xent.torch._ops.autograd import hooks_active, is_plain_upstream, keeps_graph, times
from xent.torch._ops.saved import Unchanged, save, saved

__all__ = ["LinearCall", "apply"]

Gradients = Sequence[Tensor | None]


class LinearCall(Protocol):
    """One loss of several operands, as an engine computes it."""

    late: bool  # the gradients wait for their upstream gradient
    later: Sequence[bool]  # those that do, whose plan has to fit into the memory as well

    def evaluate(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> tuple[Tensor, Gradients | None]:
        """Return the value and, where any is wanted, gradients for an upstream gradient of 1."""

    def others(self) -> Mapping[str, Tensor | None]:
        """Return the tensors beside the operands that a backward pass may read again, by name."""

    def gradients(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        """Return gradients for an upstream gradient, each rounded once."""

    def formula(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        """Return them in operations that can be differentiated."""

    def deliver(self, gradients: Gradients) -> Gradients:
        """Return what the backward pass is to return of these gradients."""


class _GradientsInForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: LinearCall, *operands: Tensor | None) -> Tensor:
        wanted = ctx.needs_input_grad[1:]
        ctx.late = call.late or _is_float16(operands) or hooks_active()
        if ctx.late:
            call.later = wanted
        value, ctx.gradients = call.evaluate(operands, [not ctx.late and w for w in wanted])
        ctx.call = call
        ctx.others = Unchanged(call.others())
        save(ctx, *operands)
        return value

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        call: LinearCall = ctx.call
        wanted = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled() or not is_plain_upstream(upstream):
            return (None, *call.formula(_operands(ctx), wanted, upstream))
        return (None, *call.deliver(_scaled(ctx, call, wanted, upstream)))


def _operands(ctx: Any) -> Sequence[Tensor | None]:
    """Return the operands; raise, as autograd does, if something was overwritten since."""
    operands = saved(ctx)
    ctx.others.check()
    return operands


def _is_float16(operands: Sequence[Tensor | None]) -> bool:
    """Return whether a gradient might be 0 before a `GradScaler` has multiplied it."""
    return any(each is not None and each.dtype is torch.float16 for each in operands)


def _scaled(ctx: Any, call: LinearCall, wanted: Sequence[bool], upstream: Tensor) -> Gradients:
    """Return gradients that belong to the caller, who may change them."""
    if ctx.late:
        return call.gradients(_operands(ctx), wanted, upstream)
    # taken in one step: other threads may be here, and only one may have the buffers
    gradients: Gradients | None = ctx.__dict__.pop("gradients", None)
    if gradients is None:  # given away before
        gradients = call.evaluate(_operands(ctx), wanted)[1]
        assert gradients is not None
    if upstream.is_cpu and upstream.item() == 1:
        return gradients
    keeps = keeps_graph()
    if keeps:
        ctx.gradients = gradients
    return [
        each if each is None else _times(each, upstream, in_place=not keeps) for each in gradients
    ]


def _times(gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
    if gradient.is_cuda and triton.available(gradient)[0]:
        from xent.kernels.triton.elementwise import scale_  # loads triton

        # where the number is 1, as it is nearly always, nothing is read or written
        return scale_(gradient, upstream, out=None if in_place else torch.empty_like(gradient))
    return times(gradient, upstream, in_place=in_place)


def apply(call: LinearCall, *operands: Tensor | None) -> Tensor:
    """Return the value of the call, with a graph where one is being recorded."""
    records = any(each is not None and each.requires_grad for each in operands)
    if records and torch.is_grad_enabled():
        value: Tensor = _GradientsInForward.apply(call, *operands)
        return value
    return call.evaluate(operands, [False] * len(operands))[0]
