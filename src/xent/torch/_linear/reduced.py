"""From checked operands and a task to losses, by whatever serves the call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.torch._linear import autograd, formulas
from xent.torch._linear.products import Operands
from xent.torch._linear.softmax import LinearSoftmax, formula_rows
from xent.torch._linear.task import LinearTask
from xent.torch._ops.results import Reduced, Statistics, count_of, mean_of
from xent.torch._ops.route import Route, is_eager, is_plain, route_of

__all__ = ["autocast", "reduced", "route_of_operands"]


def autocast(operands: Operands) -> Operands:
    """Return the operands in the dtype in which autocast has `torch.nn.functional.linear`."""
    device = operands.hidden.device.type
    if not torch.is_autocast_enabled(device):
        return operands
    dtype = torch.get_autocast_dtype(device)
    return Operands(*(
        each if each is None or each.dtype is torch.float64 else each.to(dtype)
        for each in operands
    ))  # fmt: skip


def route_of_operands(operands: Operands, *others: Tensor | None, asked: str | None) -> Route:
    """Return the route of a call; the operands may need gradients, the others may not."""
    hidden, weight, bias = operands
    odd = [each for each in (weight, bias) if each is not None and not is_plain(each)]
    if is_eager() and odd:
        # asked about first: it says why
        return route_of(odd[0], asked=asked)
    return route_of(hidden, *others, asked=asked)


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
) -> Reduced:
    """Return the losses of a checked task."""
    if path in ("formulas", "operators"):
        return _by_formulas(operands, task, how, memory, torch_mean, statistics)
    call = LinearSoftmax(
        task, how, path, memory=memory, torch_mean=torch_mean, statistics=statistics,
        main_grad=main_grad,
    )  # fmt: skip
    value: Any = autograd.apply(call, *operands)
    return Reduced(value, call.weight, call.count, call.statistics)


def _by_formulas(
    operands: Operands,
    task: LinearTask,
    how: str,
    memory: int | None,
    torch_mean: bool,
    statistics: bool,
) -> Reduced:
    block = formula_rows(operands.hidden, operands.weight, task, memory)
    rows = formulas.rows(*operands, task, block)
    stats = Statistics(*formulas.statistics(*operands, task, block)) if statistics else None
    mass = task.torch_mass() if torch_mean else task.mass()
    weight = mass.sum()
    value = rows
    if how != "rows":
        value = rows.sum(dtype=torch.float64)
        value = (mean_of(value, weight) if how == "mean" else value).to(rows.dtype)
    return Reduced(value, weight, count_of(task.softmax, len(rows)), stats)
