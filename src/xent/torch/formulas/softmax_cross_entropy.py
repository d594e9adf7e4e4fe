"""Softmax cross-entropy in torch operations: rows, their gradient, and what rows are like.

With s_j = w_j t_j, what each log-probability is multiplied by, R_j the mass of all classes
but j and T the whole, a row of logits (see `_softmax` for M, "small" and "large") has

    loss   = s_M small + R_M large + sum_{j != M} s_j (m - x_j)  [+ z lse^2]
    grad_j = p_j R_j - s_j (1 - p_j)                             [+ 2 z lse p_j]
    (H v)_j = T p_j (u_j - sum_{k != M} p_k u_k),   u = v - v_M  [+ ...]
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas._precision import own_dtype
from xent.torch.formulas._rows import (
    Rows,
    class_weight_of,
    counting,
    look,
    loss_of,
    mass_on,
    of_class,
    of_distribution,
    rows_counted,
    soft_target,
)
from xent.torch.formulas._softmax import capped_slopes
from xent.torch.formulas.softmax_entropy import entropy

__all__ = ["Statistics", "curvature", "gradient", "row_weights", "rows", "statistics"]


class Statistics(NamedTuple):
    """What the rows are like, each of the shape of the logits without their axis."""

    nll: Tensor
    lse: Tensor
    entropy: Tensor
    hit: Tensor


def rows(logits: Tensor, task: SoftmaxTask) -> Tensor:
    """Return the weighted losses, of the shape of `logits` without the axis of the classes.

    float64 for float64 logits, else float32. Any derivative with respect to the logits, soft
    targets and weights is right by automatic differentiation. Skipped rows are exactly 0.
    """
    row = look(logits, task)
    loss = loss_of(row, task)
    if row.kept is not None:
        loss = torch.where(row.kept, loss, 0.0)
    if task.sample_weight is not None:
        loss = loss * task.sample_weight.unsqueeze(-1).to(loss.dtype)
    return loss.squeeze(-1).to(row.own)


def gradient(logits: Tensor, task: SoftmaxTask, row_scale: Tensor) -> Tensor:
    """Return the gradient of ``sum(row_scale * rows)``, in the dtype of the logits.

    It is differentiable itself, to any order, with respect to `logits` and `row_scale`; its
    first derivative is the closed form of the Hessian.
    """
    out: Tensor = _Gradient.apply(logits, row_scale, task)
    return out


def curvature(
    logits: Tensor, task: SoftmaxTask, row_scale: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradient, its derivative along a direction, and that of each row's loss.

    The first two are the gradient of ``sum(row_scale * rows)`` and its Hessian times
    `direction`, in the dtype of the logits. The last is what the loss of each row grows by
    along `direction`, before it is scaled, in the dtype of `row_scale`. All are
    differentiable to any order.
    """
    row = look(logits, task)
    slopes = _slopes(row, task)
    turned = _along(direction.movedim(task.axis, -1).to(row.own), row, task, slopes)
    each = _finished(slopes.of_logits, row, task, torch.ones_like(row_scale))
    growth = (each * direction).sum(dim=task.axis, dtype=row.softmax.odds.dtype)
    return (
        (each * row_scale.unsqueeze(task.axis)).to(logits.dtype),
        _finished(turned, row, task, row_scale).to(logits.dtype),
        growth.to(row_scale.dtype),
    )


def statistics(logits: Tensor, task: SoftmaxTask) -> Statistics:
    """Return what each row is like, before any weight, smoothing or z-loss.

    `nll` is that of the target itself, `lse` and `entropy` are those of the capped, tempered
    and masked logits, and `hit` says whether their first arg max is the target (the first
    arg max of a distribution). Rows that are not counted have 0, 0, 0 and False.
    """
    # a class weight of 0 takes the loss of a row and not the row
    row = look(logits, replace(task, class_weight=None))
    if task.target is not None:
        nll = of_class(row, task.target, class_weight_of(row, task.target, None))
        hit = row.softmax.top == task.target.unsqueeze(-1)
    else:
        target = soft_target(task)
        nll = of_distribution(row, counting(row, target))
        hit = row.softmax.top == target.detach().argmax(dim=-1, keepdim=True)
    numbers = nll, row.softmax.lse, entropy(row.softmax)
    counted = rows_counted(task)
    if counted is not None:
        counted = counted.unsqueeze(-1)
        numbers = tuple(torch.where(counted, each, 0.0) for each in numbers)
        hit = counted & hit
    nll, lse, spread = (each.squeeze(-1).to(row.own) for each in numbers)
    return Statistics(nll, lse, spread, hit.squeeze(-1))


def row_weights(logits: Tensor, task: SoftmaxTask) -> Tensor:
    """Return what each row counts in a weighted mean, in the dtype of `rows`.

    For class indices the class weight times the sample weight, 0 where ignored; for
    distributions the sample weight, whatever the class weights: torch's rule.
    """
    own = own_dtype(logits.dtype)
    if task.target is not None:
        weight = torch.ones_like(task.target, dtype=own)
        if task.class_weight is not None:
            inside = task.target.clamp(0, logits.shape[task.axis] - 1)
            weight = task.class_weight.to(own)[inside]
    else:
        weight = torch.ones_like(logits.detach().select(task.axis, 0), dtype=own)
    if task.sample_weight is not None:
        weight = weight * task.sample_weight.to(own)
    if task.target is not None and task.ignore_index is not None:
        weight = torch.where(task.target == task.ignore_index, 0.0, weight)
    return weight


# The gradient in closed form, and its derivative --------------------------------------------


class _Gradient(torch.autograd.Function):
    """(logits, row_scale) -> row_scale * d rows / d logits."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, row_scale: Tensor, task: SoftmaxTask) -> Tensor:
        row = look(logits, task)
        return _finished(_slopes(row, task).of_logits, row, task, row_scale).to(logits.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        logits, row_scale, ctx.task = inputs
        ctx.save_for_backward(logits, row_scale)

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[Tensor | None, ...]:
        logits, row_scale = ctx.saved_tensors
        task = ctx.task
        row = look(logits, task)
        slopes = _slopes(row, task)
        of_logits = of_scale = None
        if ctx.needs_input_grad[0]:
            turned = _along(direction.movedim(task.axis, -1).to(row.own), row, task, slopes)
            of_logits = _finished(turned, row, task, row_scale).to(logits.dtype)
        if ctx.needs_input_grad[1]:
            each = _finished(slopes.of_logits, row, task, torch.ones_like(row_scale))
            of_scale = (each * direction).sum(dim=task.axis, dtype=row.softmax.odds.dtype)
            of_scale = of_scale.to(row_scale.dtype)
        return of_logits, of_scale, None


class _Slopes(NamedTuple):
    """First derivatives, elements; those of a row that weighs 1."""

    of_view: Tensor  # of the loss by x', the capped and tempered logits
    of_logits: Tensor  # of the loss by the logits
    of_cap: Tensor | float  # of x' by the logits
    bend_of_cap: Tensor | float  # the second derivative of x'
    mass: Tensor  # T + 2 z lse, (..., 1)


def _slopes(row: Rows, task: SoftmaxTask) -> _Slopes:
    view, s = row.softmax, mass_on(row, task)
    wide = view.odds.dtype
    at_top = s.gather(-1, view.top).to(wide)
    rest = torch.where(view.is_top, 0.0, s).sum(dim=-1, keepdim=True, dtype=wide)
    mass = at_top + rest
    top = view.p_top * rest - at_top * view.not_top
    if task.z_loss:
        growth = 2 * task.z_loss * view.lse
        mass = mass + growth
        top = top + growth * view.p_top
    # p_j <= 1/2 here, so p_j T - s_j loses nothing that p_j R_j - s_j (1 - p_j) has
    of_view = torch.where(view.is_top, top.to(row.own), mass.to(row.own) * view.p_others - s)
    of_cap: Tensor | float = 1 / task.temperature
    bend: Tensor | float = 0.0
    if task.softcap is not None:
        slope, second = capped_slopes(row.x, task.softcap)
        of_cap = (slope / task.temperature).to(row.own)
        bend = (second / task.temperature).to(row.own)
    return _Slopes(of_view, of_view * of_cap, of_cap, bend, mass)


def _along(direction: Tensor, row: Rows, task: SoftmaxTask, slopes: _Slopes) -> Tensor:
    """Return the Hessian of a row that weighs 1 times `direction`, classes last."""
    view = row.softmax
    if row.allowed is not None:
        direction = torch.where(row.allowed, direction, 0.0)
    v = direction * slopes.of_cap
    at_top = v.gather(-1, view.top)
    u = v - at_top
    # p_others is 0 at M, where u is 0 as well
    mean = (view.p_others * u).sum(dim=-1, keepdim=True, dtype=view.odds.dtype)
    p = torch.where(view.is_top, view.p_top.to(row.own), view.p_others)
    turned = slopes.mass.to(row.own) * p * (u.to(mean.dtype) - mean).to(row.own)
    if task.z_loss:
        turned = turned + (2 * task.z_loss * (at_top + mean)).to(row.own) * p
    return turned * slopes.of_cap + slopes.of_view * slopes.bend_of_cap * direction


def _finished(elements: Tensor, row: Rows, task: SoftmaxTask, row_scale: Tensor) -> Tensor:
    """Weigh the rows, put 0 where nothing may come from, and the classes where they were."""
    scale = row_scale.unsqueeze(-1).to(row.own)
    if task.sample_weight is not None:
        scale = scale * task.sample_weight.unsqueeze(-1).to(row.own)
    out = elements * scale
    if row.kept is not None:
        out = torch.where(row.kept, out, 0.0)
    if row.allowed is not None:
        out = torch.where(row.allowed, out, 0.0)
    return out.movedim(-1, task.axis)
