"""Loss and gradient of a block of logits: the block becomes its own gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.torch._ops.cpu_softmax import native_scores
from xent.torch._ops.results import Statistics
from xent.torch._ops.route import Route
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

__all__ = ["Scored", "score_"]


class Scored(NamedTuple):
    rows: Tensor  # weighted losses; float64 for float64 logits, else float32
    sum: Any  # of them, in float64: a float where it is known
    statistics: Statistics | None


def score_(
    block: Tensor,
    task: SoftmaxTask,
    path: Route,
    *,
    gradient: bool,
    scale: Any = 1.0,  # of the gradient: a float, or a tensor of one element
    row_scale: Tensor | None = None,  # likewise, one for each row
    statistics: bool = False,
    out: Tensor | None = None,  # for the gradient; may have 16 bits. Of Triton's kernels only
) -> Scored:
    """Score a block of logits, (R, V); with `gradient`, overwrite it by its gradient."""
    if path == "cpu":
        return _by_native(block, task, gradient, float(scale), row_scale, statistics)
    if path == "triton":
        return _by_triton(block, task, gradient, scale, row_scale, statistics, out)
    return _by_formulas(block, task, gradient, scale, row_scale, statistics)


def _by_native(
    block: Tensor,
    task: SoftmaxTask,
    gradient: bool,
    scale: float,
    row_scale: Tensor | None,
    statistics: bool,
) -> Scored:
    if row_scale is not None:
        task = replace(task, sample_weight=_weighted(row_scale, task))
    found = native_scores(
        block,
        task,
        in_place=gradient,
        gradient_scale=scale,
        want_nll=True,
        want_gradient=gradient,
        want_stats=statistics,
    )
    assert found is not None, "targets were checked before"
    stats = None
    if found.statistics is not None:
        stats = Statistics(*map(torch.from_numpy, found.statistics))
    return Scored(torch.from_numpy(found.nll), found.sum, stats)


def _by_triton(
    block: Tensor,
    task: SoftmaxTask,
    gradient: bool,
    scale: Any,
    row_scale: Tensor | None,
    statistics: bool,
    out: Tensor | None,
) -> Scored:
    from xent.kernels.triton import softmax_cross_entropy as kernel  # loads triton

    if not isinstance(scale, Tensor):
        scale = None if scale == 1 else torch.full((1,), scale, device=block.device)
    found = kernel.score(
        block,
        axis=1,
        target=task.target,
        soft_target=task.soft_target,
        class_weight=task.class_weight,
        sample_weight=task.sample_weight,
        class_mask=task.class_mask,
        ignore_index=task.ignore_index,
        label_smoothing=task.label_smoothing,
        z_loss=task.z_loss,
        softcap=task.softcap,
        temperature=task.temperature,
        gradient_scale=scale if gradient else None,
        row_scale=row_scale,
        want_gradient=gradient,
        want_stats=statistics,
        out=(block if out is None else out) if gradient else None,
        # looked at before, as rows of the call
        faults_in=torch.empty(3, dtype=torch.int64, device=block.device),
    )
    stats = None
    if statistics:
        assert found.plain is not None
        assert found.lse is not None
        assert found.entropy is not None
        assert found.hit is not None
        stats = Statistics(found.plain, found.lse, found.entropy, found.hit)
    return Scored(found.nll, found.nll.sum(dtype=torch.float64), stats)


def _by_formulas(
    block: Tensor,
    task: SoftmaxTask,
    gradient: bool,
    scale: Any,
    row_scale: Tensor | None,
    statistics: bool,
) -> Scored:
    rows = formulas.rows(block, task)
    stats = Statistics(*formulas.statistics(block, task)) if statistics else None
    if gradient:
        upstream = torch.full_like(rows, 1.0) * scale
        if row_scale is not None:
            upstream = upstream * row_scale
        block.copy_(formulas.gradient(block, task, upstream))
    wide = torch.float32 if block.device.type == "mps" else torch.float64
    return Scored(rows, rows.sum(dtype=wide), stats)


def _weighted(row_scale: Tensor, task: SoftmaxTask) -> Tensor:
    weight = task.sample_weight
    return row_scale.double() if weight is None else row_scale.double() * weight
