"""Rows of logits as a task asks for them, and the mass that its targets put on the classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch._ops.route import has_derivatives
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas._precision import own_dtype
from xent.torch.formulas._shared import classes_of, whole_rows
from xent.torch.formulas._softmax import Softmax, capped, softmax

__all__ = [
    "Rows",
    "class_weight_of",
    "counting",
    "look",
    "loss_of",
    "mass_on",
    "of_class",
    "of_distribution",
    "rows_counted",
    "rows_read",
    "rows_with_loss",
    "skips_classes",
    "soft_target",
    "weights_read",
]


class Rows(NamedTuple):
    x: Tensor  # logits with nothing in the masked and the skipped, classes last
    softmax: Softmax
    allowed: Tensor | None  # bool, broadcasts to x: classes that are not masked
    kept: Tensor | None  # bool, (..., 1): rows that are read
    own: torch.dtype


def look(logits: Tensor, task: SoftmaxTask) -> Rows:
    own = own_dtype(logits.dtype)
    allowed = _allowed(logits, task)
    kept = rows_read(task, lambda: _is_finite(logits, task))
    x = whole_rows(logits.movedim(task.axis, -1)).to(own)
    # before anything else, so that whatever they hold cannot reach a derivative
    if allowed is not None:
        x = torch.where(allowed, x, 0.0)
    if kept is not None:
        x = torch.where(kept, x, 0.0)
    z = x if task.softcap is None else capped(x, task.softcap)
    if allowed is not None:
        z = torch.where(allowed, z, -torch.inf)
    return Rows(x, softmax(z, own, task.temperature), allowed, kept, own)


def _allowed(logits: Tensor, task: SoftmaxTask) -> Tensor | None:
    mask = task.class_mask
    if mask is None or mask.ndim == 1:
        return mask
    return mask.expand(logits.shape).movedim(task.axis, -1)


# Rows that are out ---------------------------------------------------------------------------
#
# Three questions, and what a row answers that is out for one of three reasons:
#
#                                 ignore_index   sample weight 0   class weight 0
#   is it counted?                no             no                yes
#   has it a loss?                no             no                no, but see `skips_classes`
#   is it read?                   no             by its weight     by its weight
#
# Statistics are of the rows that are counted. One without a loss has no gradient by the logits,
# and nothing that it holds, NaN and infinities, reaches other rows. Its loss is what the
# derivative by its weight is, though: where there may be one, a row with a finite loss is read
# all the same, and multiplied by its weight of 0. One without a finite loss has none there too.


def rows_counted(task: SoftmaxTask) -> Tensor | None:
    """Return which rows are counted, the shape of the rows; None where all are."""
    counted = None
    if task.target is not None and task.ignore_index is not None:
        counted = task.target != task.ignore_index
    if task.sample_weight is not None:
        weighs = task.sample_weight != 0
        counted = weighs if counted is None else counted & weighs
    return counted


def skips_classes(task: SoftmaxTask) -> bool:
    """Return whether a row has no loss where its class weighs 0.

    It has one by smoothing and z-loss. A distribution is read whole: of it a weight of 0 takes
    a class and not the row.
    """
    options = task.label_smoothing or task.z_loss
    return task.class_weight is not None and task.target is not None and not options


def rows_with_loss(task: SoftmaxTask) -> Tensor | None:
    """Return which rows have a loss, the shape of the rows; None where all do."""
    counted = rows_counted(task)
    if not skips_classes(task):
        return counted
    assert task.class_weight is not None
    assert task.target is not None
    inside = task.target.clamp(0, len(task.class_weight) - 1)
    # a bad target stays one
    weighs = (task.class_weight[inside] != 0) | (task.target != inside)
    return weighs if counted is None else counted & weighs


def rows_read(task: SoftmaxTask, is_finite: Callable[[], Tensor]) -> Tensor | None:
    """Return which rows are read, (..., 1); None where all are.

    `is_finite` says which may be read though their weight is 0, (..., 1). It is asked only
    where a derivative by a weight may be wanted.
    """
    with_loss = rows_with_loss(task)
    if with_loss is None:
        return None
    read = with_loss.unsqueeze(-1)
    weights = (task.sample_weight, task.class_weight if skips_classes(task) else None)
    if not any(each is not None and has_derivatives(each) for each in weights):
        return read
    with torch.no_grad():
        read = read | is_finite()
    if task.target is not None and task.ignore_index is not None:
        read = read & (task.target != task.ignore_index).unsqueeze(-1)
    return read


def weights_read(weight: Tensor, is_finite: Callable[[], Tensor]) -> Tensor:
    """Return what is read of that which has these weights, by the same rule.

    `is_finite` says whose loss is finite. Whatever has a weight of 0 and is not read has a loss
    of 0; whatever is read is multiplied by its weight.
    """
    read = weight != 0
    if not has_derivatives(weight):
        return read
    with torch.no_grad():
        return read | is_finite()


def _is_finite(logits: Tensor, task: SoftmaxTask) -> Tensor:
    """Return whether the loss of each row is, before the weight that rows are skipped by."""
    bare = replace(
        task,
        sample_weight=None,
        class_weight=None if skips_classes(task) else task.class_weight,
    )
    return loss_of(look(logits.detach(), bare), bare).isfinite()


# The mass that a target puts on the classes -------------------------------------------------


def loss_of(row: Rows, task: SoftmaxTask) -> Tensor:
    """Return the loss of each row before its sample weight, (..., 1)."""
    loss = _of_target(row, task)
    return loss + task.z_loss * row.softmax.lse**2 if task.z_loss else loss


def _of_target(row: Rows, task: SoftmaxTask) -> Tensor:
    if task.target is None:
        return of_distribution(row, mass_on(row, task))
    weight = class_weight_of(row, task.target, task.class_weight)
    loss = of_class(row, task.target, (1 - task.label_smoothing) * weight)
    if task.label_smoothing:
        loss = loss + of_distribution(row, counting(row, _smoothing(row, task)))
    return loss


def mass_on(row: Rows, task: SoftmaxTask) -> Tensor:
    """Return s, of the shape of the row; 0 in the rows that are skipped."""
    if task.target is None:
        s = (1 - task.label_smoothing) * soft_target(task).to(row.own)
        if task.class_weight is not None:
            s = s * task.class_weight.to(row.own)
    else:
        at = task.target.unsqueeze(-1)
        weight = (1 - task.label_smoothing) * class_weight_of(row, task.target, task.class_weight)
        # a weight of NaN, where the target is no class, belongs to all of the row
        s = torch.where((classes_of(row.x) == at) | weight.isnan(), weight, 0.0).to(row.own)
    if task.label_smoothing:
        s = s + _smoothing(row, task)
    return counting(row, s)


def counting(row: Rows, s: Tensor) -> Tensor:
    return s if row.kept is None else torch.where(row.kept, s, 0.0)


def _smoothing(row: Rows, task: SoftmaxTask) -> Tensor:
    """Return what label smoothing adds to s: nothing on the classes that are masked."""
    num_classes = row.x.shape[-1]
    if row.allowed is None:
        share = torch.full_like(row.x[..., :1], task.label_smoothing / num_classes)
    else:
        choices = row.allowed.sum(dim=-1, keepdim=True).clamp(min=1)
        share = torch.where(row.allowed, task.label_smoothing / choices.to(row.own), 0.0)
    if task.class_weight is not None:
        share = share * task.class_weight.to(row.own)
    return share.expand(row.x.shape)


def soft_target(task: SoftmaxTask) -> Tensor:
    assert task.soft_target is not None
    return whole_rows(task.soft_target.movedim(task.axis, -1))


def class_weight_of(row: Rows, target: Tensor, class_weight: Tensor | None) -> Tensor:
    """Return the weight of the class that each row names, (..., 1).

    NaN where it is no class, 0 where the row is skipped.
    """
    at, num_classes = target.unsqueeze(-1), row.x.shape[-1]
    if class_weight is None:
        weight = torch.ones_like(row.softmax.small)
    else:
        weight = class_weight.to(row.softmax.small.dtype)[at.clamp(0, num_classes - 1)]
    weight = torch.where((at >= 0) & (at < num_classes), weight, torch.nan)
    return counting(row, weight)


def of_class(row: Rows, target: Tensor, weight: Tensor) -> Tensor:
    """Return weight * -log p_y; weight is (..., 1) and NaN where the target is no class."""
    at, view = target.unsqueeze(-1), row.softmax
    is_top = at == view.top
    below = view.below.gather(-1, at.clamp(0, row.x.shape[-1] - 1)).to(view.large.dtype)
    # a weight of 0 makes nothing of a class that cannot happen; at M, too, it is inf
    free = (weight == 0) & (below == torch.inf) & ~is_top
    below = torch.where(is_top | free, 0.0, below)
    cost = torch.where(is_top, view.small, view.large + below)
    return weight * torch.where(free, 0.0, cost)


def of_distribution(row: Rows, s: Tensor) -> Tensor:
    """Return sum_j s_j -log p_j, as (..., 1); a class without mass that cannot happen is 0."""
    view = row.softmax
    wide = view.small.dtype
    s = torch.where((view.below == torch.inf) & ~view.is_top & (s == 0), 0.0, s.to(row.own))
    at_top = s.gather(-1, view.top).to(wide)
    others = torch.where(view.is_top, 0.0, s)
    below = torch.where((view.below == torch.inf) & (others == 0), 0.0, view.below)
    spread = (others * below).sum(dim=-1, keepdim=True, dtype=wide)
    rest = others.sum(dim=-1, keepdim=True, dtype=wide)
    return at_top * view.small + rest * view.large + spread
