"""From checked operands and a task to losses, by whatever serves the call."""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor

from xent.errors import UnavailableError
from xent.torch._linear import autograd
from xent.torch._linear.products import Operands
from xent.torch._linear.softmax import formulas
from xent.torch._linear.softmax.call import LinearSoftmax, check_targets, is_captured
from xent.torch._linear.softmax.operator import found_by_operator
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._ops.results import Reduced, Statistics, count_of, mean_of
from xent.torch._ops.route import Route, is_compiling_a_step, is_eager, is_plain, kernel_for

__all__ = ["reduced"]


def reduced(
    operands: Operands,
    task: LinearTask,
    path: Route,
    how: str,  # "rows", "sum" or "mean"
    *,
    memory: int | None = None,
    torch_mean: bool = False,
    statistics: bool = False,
    main_grad: Tensor | None = None,
    filter_tolerance: float | None = None,
) -> Reduced:
    """Return the losses of a checked task."""
    call = LinearSoftmax(
        task, how, path, memory=memory, torch_mean=torch_mean, statistics=statistics,
        main_grad=main_grad, filter_tolerance=filter_tolerance,
    )  # fmt: skip
    if _is_differentiated_further(operands, task, path):
        if main_grad is not None:
            raise UnavailableError(
                "main_grad must be None where the loss is traced or transformed, or a target or a "
                "weight of the loss needs a gradient: it is filled by a backward pass alone",
                value="main_grad",
            )
        if filter_tolerance is not None:
            _refuse_filter(
                filter_tolerance,
                "where the loss is traced or transformed, or a target or a weight of it needs a "
                "gradient: what is left out is chosen while gradients are taken, without a graph",
            )
        if is_compiling_a_step():
            return _by_operator(operands, call)
        return _of_any_order(operands, call)
    if filter_tolerance is not None:
        if path == "triton" and operands.weight.dtype.itemsize == 2:
            _refuse_filter(
                filter_tolerance,
                "for 16 bits on a GPU: it would multiply in 32, which costs more than it saves",
            )
        if is_captured(operands.hidden):
            _refuse_filter(filter_tolerance, "in a CUDA graph: it looks at numbers to choose")
    value: Any = autograd.apply(call, *operands)
    return Reduced(value, call.weight, call.count, call.statistics, call.gradient_error)


def _refuse_filter(tolerance: float, where: str) -> NoReturn:
    raise UnavailableError(f"filter_tolerance must be None {where}", value=tolerance)


def _is_differentiated_further(operands: Operands, task: LinearTask, path: Route) -> bool:
    """Return whether gradients by the operands, taken once, are not all that may be wanted."""
    if path not in ("formulas", "operators"):
        return False
    if not (is_eager() and all(each is None or is_plain(each) for each in operands)):
        return True
    return torch.is_grad_enabled() and any(x.requires_grad for x in task.differentiable())


def _of_any_order(operands: Operands, call: LinearSoftmax) -> Reduced:
    task = call.task
    if is_eager() and operands.hidden.is_cpu:
        check_targets(task, operands, task.kept())
    block = call.block_of(operands)
    rows = formulas.rows(*operands, task, block)
    stats = None
    if call.wants_statistics:
        stats = Statistics(*formulas.statistics(*operands, task, block))
    return _reduce_rows(rows, call, stats)


def _by_operator(operands: Operands, call: LinearSoftmax) -> Reduced:
    if call.path == "operators":
        call.path = kernel_for(operands.hidden)[0] or "formulas"
    others = call.task.differentiable()
    if call.how != "rows" and torch.is_grad_enabled() and any(x.requires_grad for x in others):
        # what a mean divides by may have a gradient too
        rows = found_by_operator(operands, call, "rows")
        return _reduce_rows(rows.value, call, rows.statistics)
    found = found_by_operator(operands, call, call.how)
    count = count_of(call.task.softmax, operands.hidden.shape[0])
    return Reduced(found.value, found.weight, count, found.statistics)


def _reduce_rows(rows: Tensor, call: LinearSoftmax, stats: Statistics | None) -> Reduced:
    mass = call.task.torch_mass() if call.torch_mean else call.task.mass()
    weight, value = mass.sum(), rows
    if call.how != "rows":
        value = rows.sum(dtype=mass.dtype)
        if call.how == "mean":
            value = mean_of(value, weight)
        value = value.to(rows.dtype)
    return Reduced(value, weight, count_of(call.task.softmax, rows.shape[0]), stats)
