"""Operands before any product: the dtype that autocast gives them, and what serves them."""

from __future__ import annotations

import torch
from torch import Tensor

from xent.torch._linear.products import Operands
from xent.torch._ops.route import Route, is_autocast, is_eager, is_plain, route_of

__all__ = ["autocast", "route_of_operands"]


def autocast(operands: Operands) -> Operands:
    """Return the operands in the dtype in which autocast has `torch.nn.functional.linear`."""
    if not is_autocast(operands.hidden):
        return operands
    dtype = torch.get_autocast_dtype(operands.hidden.device.type)
    return Operands(*(
        each if each is None or each.dtype is torch.float64 else each.to(dtype)
        for each in operands
    ))  # fmt: skip


def route_of_operands(operands: Operands, *others: Tensor | None, asked: str | None) -> Route:
    """Return the route of a call; the operands may need gradients, the others may not."""
    hidden, weight, bias = operands
    if is_eager():  # a compiler cannot ask how a tensor is stored
        odd = [each for each in (weight, bias) if each is not None and not is_plain(each)]
        if odd:
            # asked about first: it says why
            return route_of(odd[0], asked=asked)
    return route_of(hidden, *others, asked=asked)
