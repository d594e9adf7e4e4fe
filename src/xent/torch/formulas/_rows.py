"""Rows of logits as a task asks for them, and the mass that its targets put on the classes."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas._precision import own_dtype
from xent.torch.formulas._shared import classes_of, whole_rows
from xent.torch.formulas._softmax import Softmax, capped, softmax

__all__ = [
    "Rows",
    "class_weight_of",
    "counting",
    "kept_rows",
    "look",
    "mass_on",
    "of_class",
    "of_distribution",
    "soft_target",
    "weighted",
]


class Rows(NamedTuple):
    x: Tensor  # logits with nothing in the masked and the skipped, classes last
    softmax: Softmax
    allowed: Tensor | None  # bool, broadcasts to x: classes that are not masked
    kept: Tensor | None  # bool, (..., 1): rows that are not skipped
    own: torch.dtype


def look(logits: Tensor, task: SoftmaxTask) -> Rows:
    own = own_dtype(logits.dtype)
    allowed, kept = _allowed(logits, task), kept_rows(task)
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


def kept_rows(task: SoftmaxTask) -> Tensor | None:
    """Return which rows are not skipped, (..., 1), or None where all are kept.

    A row whose class weighs 0 is, unless smoothing or z_loss give it a loss all the same.
    """
    conditions = []
    if task.target is not None and task.ignore_index is not None:
        conditions.append(task.target != task.ignore_index)
    if task.sample_weight is not None:
        conditions.append(task.sample_weight != 0)
    weight, target = task.class_weight, task.target
    if weight is not None and target is not None and not (task.label_smoothing or task.z_loss):
        inside = target.clamp(0, len(weight) - 1)
        conditions.append((weight[inside] != 0) | (target != inside))  # a bad target stays one
    return functools.reduce(torch.logical_and, conditions).unsqueeze(-1) if conditions else None


# The mass that a target puts on the classes -------------------------------------------------


def weighted(row: Rows, task: SoftmaxTask) -> Tensor:
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
    # at M it is inf; a weight of 0 makes nothing of a class that cannot happen
    below = torch.where(is_top | (weight == 0), 0.0, below)
    return weight * torch.where(is_top, view.small, view.large + below)


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
