"""From checked operands and a task to losses, by whatever serves the call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.torch._linear import autograd
from xent.torch._linear.products import Operands
from xent.torch._linear.softmax import LinearSoftmax
from xent.torch._linear.task import LinearTask
from xent.torch._ops.results import Reduced
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
    call = LinearSoftmax(
        task, how, path, memory=memory, torch_mean=torch_mean, statistics=statistics,
        main_grad=main_grad,
    )  # fmt: skip
    value: Any = autograd.apply(call, *operands)
    return Reduced(value, call.weight, call.count, call.statistics)
