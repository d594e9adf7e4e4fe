"""A softmax task through its route: losses of rows, reduced, with what they are divided by."""

from __future__ import annotations

import torch
from torch import Tensor

from xent.torch._ops.autograd import differentiable
from xent.torch._ops.cpu_softmax import CpuSoftmax
from xent.torch._ops.results import Reduced, Statistics, count_of, mean_of
from xent.torch._ops.route import Route
from xent.torch._ops.saved import with_ordinary
from xent.torch._ops.softmax_operator import softmax_rows
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

__all__ = ["reduced"]


def reduced(
    logits: Tensor,
    task: SoftmaxTask,
    path: Route,
    how: str,  # "rows", "sum" or "mean"
    *,
    statistics: bool = False,
) -> Reduced:
    """Return the losses of a checked task."""
    if path == "cpu":
        call = CpuSoftmax(task, how, statistics=statistics)
        value = differentiable(logits, call)
        return Reduced(value, call.weight, call.count, call.statistics)
    if path == "triton":
        from xent.torch._ops.triton_softmax import TritonSoftmax  # loads triton

        on_device = TritonSoftmax(task, how, statistics=statistics)
        value = differentiable(logits, on_device)
        return Reduced(value, on_device.weight, on_device.count, on_device.statistics)
    if path == "operators":
        rows = softmax_rows(logits, task)
    else:
        task = with_ordinary(task)
        rows = formulas.rows(logits, task)
    stats = Statistics(*formulas.statistics(logits.detach(), task)) if statistics else None
    return _reduce_rows(rows, logits, task, how, stats)


def _reduce_rows(
    rows: Tensor, logits: Tensor, task: SoftmaxTask, how: str, stats: Statistics | None
) -> Reduced:
    weights = formulas.row_weights(logits, task)
    # MPS has no float64
    wide = torch.float32 if logits.device.type == "mps" else torch.float64
    weight = weights.sum(dtype=wide)
    value = rows
    if how != "rows":
        value = rows.sum(dtype=wide)
        if how == "mean":
            value = mean_of(value, weight)
        value = value.to(rows.dtype)
    return Reduced(value, weight, count_of(task, weights.numel()), stats)
