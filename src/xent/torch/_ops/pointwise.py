"""Losses that are a sum of one term for each element: pieces, float64 sums, one gradient.

A piece that stays in the cache is converted, computed and summed before the next one is
read, so that nothing of the size of the input is allocated but the gradient. Compilers,
transforms of `torch.func`, forward-mode derivatives, tensor subclasses, and derivatives with
respect to the target or the weight get the same formulas as plain torch operations on the
whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from xent.kernels.cpu.element_losses import ElementLoss
from xent.torch._ops.pieces import for_each_piece
from xent.torch._ops.route import is_eager, is_plain
from xent.torch._ops.saved import save, saved

__all__ = ["Pointwise", "held", "is_numbers", "pointwise", "pointwise_sum", "slopes", "sum_dtype"]

_is_batched = torch._C._functorch.is_legacy_batchedtensor


@dataclass(frozen=True)
class Pointwise:
    """The formulas of a loss, on an input and a target of one dtype.

    Attributes
    ----------
    terms : callable
        ``terms(input, target)``: the loss of each element, called with float64.
    slope : callable
        ``slope(input, target)``: its derivative with respect to the input, called with
        float32 (float64 for float64), in which it must not lose digits. In plain torch
        operations, so that it can be differentiated again.
    differentiable : callable
        As `terms`, in operations whose derivatives are right to any order, with respect to
        the target as well. Of a steep loss, ``most=`` is the slope to hold it at.
    kernel : str, optional
        What kernels/cpu/element_losses.py calls it.
    is_steep : bool
        Whether a slope may be beyond the largest number. It is computed in float64, and a
        gradient is `held` where it is stored, after everything that multiplies it.
    """

    terms: Callable[[Tensor, Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]
    differentiable: Callable[..., Tensor]
    kernel: ElementLoss | None = None
    is_steep: bool = False


def pointwise(rule: Pointwise, input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """Return ``weight * loss`` of each element of tensors that broadcast to the input's shape.

    In the dtype of `input`, float32 at least.
    """
    dtype = torch.float64 if input.dtype is torch.float64 else torch.float32
    if _is_beyond_one_gradient(input, target, weight):
        return _differentiable(rule, input, target, weight).to(dtype)
    target, weight = _spread(input, target, weight)
    terms: Tensor = _Terms.apply(input, target, weight, rule, dtype)
    return terms


def pointwise_sum(rule: Pointwise, input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """Return the sum of ``weight * loss`` over all elements, a float64 scalar."""
    if _is_beyond_one_gradient(input, target, weight):
        losses = _differentiable(rule, input, target, weight)
        return losses.sum(dtype=sum_dtype(input))
    target, weight = _spread(input, target, weight)
    total: Tensor = _Sum.apply(input, target, weight, rule)
    return total


def sum_dtype(tensor: Tensor) -> torch.dtype:
    """Return float64, or float32 on a device that has nothing above it."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def _is_beyond_one_gradient(input: Tensor, *others: Tensor | None) -> bool:
    """Return whether a call needs more than the gradient with respect to the input."""
    given = [tensor for tensor in others if tensor is not None]
    return (
        not is_eager()
        or (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given))
        or not all(is_plain(tensor) for tensor in (input, *given))
        or input.is_meta
    )


def is_numbers(upstream: Tensor) -> bool:
    """Return whether this is one upstream gradient in memory, and no batch of them."""
    return is_eager() and is_plain(upstream) and not _is_batched(upstream)


def _spread(input: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | None]:
    shape = input.shape
    return (
        target if target.shape == shape else target.expand(shape),
        weight if weight is None or weight.shape == shape else weight.expand(shape),
    )


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        target: Tensor,
        weight: Tensor | None,
        rule: Pointwise,
    ) -> Tensor:
        save(ctx, input, target, weight)
        ctx.rule = rule
        wide = sum_dtype(input)

        def work(x: Tensor, t: Tensor, w: Tensor | None) -> Tensor:
            return _losses(rule.terms, x, t, w).sum(dtype=wide)

        sums = for_each_piece(work, input, target, weight)
        if len(sums) == 1:
            return sums[0]
        return torch.stack(sums).sum() if sums else input.new_zeros((), dtype=wide)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        return _gradient(ctx, upstream), None, None, None


class _Terms(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        target: Tensor,
        weight: Tensor | None,
        rule: Pointwise,
        dtype: torch.dtype,
    ) -> Tensor:
        save(ctx, input, target, weight)
        ctx.rule = rule
        out = torch.empty_like(input, dtype=dtype)

        def work(x: Tensor, t: Tensor, w: Tensor | None, o: Tensor) -> None:
            o.copy_(_losses(rule.terms, x, t, w))

        for_each_piece(work, input, target, weight, out)
        return out

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        return _gradient(ctx, upstream), None, None, None, None


def _gradient(ctx: Any, upstream: Tensor) -> Tensor:
    input, target, weight = saved(ctx)
    assert input is not None
    assert target is not None
    rule = ctx.rule
    if torch.is_grad_enabled() or not is_numbers(upstream):
        # to be differentiated again, or many at once
        return held(rule, upstream * slopes(rule, input, target, weight), input.dtype)
    gradient = torch.empty_like(input)
    along = upstream if upstream.dim() else None

    def work(x: Tensor, t: Tensor, w: Tensor | None, g: Tensor, u: Tensor | None) -> None:
        by = upstream if u is None else u
        if rule.is_steep:
            g.copy_(held(rule, slopes(rule, x, t, w) * by, g.dtype))
        else:
            torch.mul(slopes(rule, x, t, w), by, out=g)

    for_each_piece(work, input, target, weight, gradient, along)
    return gradient


def _differentiable(
    rule: Pointwise, input: Tensor, target: Tensor, weight: Tensor | None
) -> Tensor:
    """Return the loss of each element, in operations that autograd takes to any order."""
    if not rule.is_steep:
        return _losses(rule.differentiable, input, target, weight)
    wide = input.to(sum_dtype(input))
    kept = torch.float32 if input.dtype is torch.float16 else input.dtype
    if wide is not input and wide.requires_grad and is_eager() and is_plain(input):
        # held on its way back instead, after the weight and the upstream gradient
        kept, storage = wide.dtype, input.dtype

        def hold(gradient: Tensor | None) -> Tensor | None:
            return None if gradient is None else held(rule, gradient, storage).to(gradient.dtype)

        wide.register_hook(hold)
    formula = partial(rule.differentiable, most=torch.finfo(kept).max)
    return _losses(formula, wide, target, weight)


def _losses(
    formula: Callable[[Tensor, Tensor], Tensor],
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
) -> Tensor:
    dtype = sum_dtype(input)
    values = formula(input.to(dtype), target.to(dtype))
    return values if weight is None else values * weight


def slopes(rule: Pointwise, input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """Return ``weight * slope`` of each element, in float32 at least, differentiable."""
    is_wide = rule.is_steep or torch.float64 in (input.dtype, target.dtype)
    dtype = sum_dtype(input) if is_wide else torch.float32
    values = rule.slope(input.to(dtype), target.to(dtype))
    if rule.is_steep:
        # beyond the largest float64: a weight or an upstream gradient of 0 makes it 0
        most = torch.finfo(dtype).max
        values = values.clamp(-most, most)
    return values if weight is None else values * weight


def held(rule: Pointwise, gradient: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a gradient in the dtype that it is stored in, a steep one at the largest number.

    A half becomes infinite, as it does in torch: a GradScaler has to see it.
    """
    if rule.is_steep and dtype is not torch.float16:
        most = torch.finfo(dtype).max
        gradient = gradient.clamp(-most, most)
    return gradient.to(dtype)
