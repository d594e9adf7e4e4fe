"""What the losses of single elements share: dtypes, reductions, and shapes that broadcast."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from xent.diagnostics.shapes import check_same_shape
from xent.diagnostics.warn import warn_once
from xent.errors import XentTypeError, XentValueError
from xent.torch._arguments import check_tensor
from xent.torch._ops.autograd import differentiable
from xent.torch._ops.cpu_elements import CpuElements, serves_elements
from xent.torch._ops.pointwise import Pointwise, pointwise, pointwise_sum
from xent.torch._ops.results import Reduced
from xent.torch._ops.route import is_autocast
from xent.torch._reduction import finish

__all__ = ["as_floats", "broadcast", "check_numbers", "dtype_of_loss", "evaluate", "mean_over"]


def check_numbers(tensor: Any, name: str) -> None:
    """Raise unless this is a tensor of real numbers: floats, integers or bool."""
    check_tensor(tensor, name)
    if tensor.is_complex() or tensor.is_quantized:
        raise XentTypeError(
            f"{name} must hold real numbers, got {tensor.dtype}",
            code="D16",
            value=str(tensor.dtype),
        )


def as_floats(tensor: Tensor) -> Tensor:
    """Return integers and bool as torch's default dtype, and floats as they are."""
    return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())


def dtype_of_loss(input: Tensor, target: Tensor) -> torch.dtype:
    """Return the dtype that torch promotes the two to; float32 of halves under autocast.

    Of two tensors of integers it is torch's default dtype.
    """
    dtype = torch.promote_types(input.dtype, target.dtype)
    if not dtype.is_floating_point:
        return torch.get_default_dtype()
    if dtype.itemsize == 2 and is_autocast(input):
        return torch.float32
    return dtype


def broadcast(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in one shape; warn D15 where they were not, as losses are meant in pairs."""
    if input.shape == target.shape:
        return input, target
    shapes = tuple(input.shape), tuple(target.shape)
    try:
        check_same_shape("input", shapes[0], "target", shapes[1])
    except XentValueError as problem:
        try:
            input, target = torch.broadcast_tensors(input, target)
        except RuntimeError:
            raise problem from None
        said = str(problem).removeprefix("D15: ").replace("np.broadcast_to", "torch.broadcast_to")
        if not torch.compiler.is_compiling():
            warn_once(said, code="D15", value=shapes[1])
    return input, target


def mean_over(value: Tensor, over: float | Tensor) -> Tensor:
    """Return the quotient; over nothing it is nan, and its gradient 0, as torch's are."""
    if not isinstance(over, Tensor):
        return value / over if over else value * 0.0 + math.nan
    empty = over == 0
    # both branches of a `where` are differentiated, so neither may divide by 0
    return torch.where(empty, math.nan, value / torch.where(empty, 1, over))


def evaluate(
    rule: Pointwise,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: str,
    on_empty: str,
    *,
    dtype: torch.dtype,
    divide_by: Any = None,
    check: Callable[[Tensor, Tensor], None] | None = None,
) -> Any:
    """Return the loss of tensors of one shape, as it was asked for.

    Parameters
    ----------
    weight : Tensor, optional
        Broadcasts to the shape of `input`.
    divide_by : int or Tensor, optional
        What the mean divides by; the number of elements by default.
    dtype : torch.dtype
        Of the result.
    check : callable, optional
        Raises where an element is outside what the loss is defined for. Asked before anything
        else, unless a kernel sees such elements by itself.
    """
    count = input.numel()
    over = count if divide_by is None else divide_by
    if rule.kernel and reduction != "none" and weight is None and serves_elements(input, target):
        # a mean is rounded once
        wide = torch.float64 if reduction != "total" else torch.float32
        of_value = dtype if dtype in (torch.float32, torch.float64) else wide
        divisor = over if reduction == "mean" else 1
        call = CpuElements(rule, target, divisor, dtype=of_value, check=check)
        found = Reduced(differentiable(input, call), over, count)
        return finish(found, reduction, on_empty, dtype, rows=count)
    if check is not None:
        check(input, target)
    if reduction == "none":
        found = Reduced(pointwise(rule, input, target, weight), over, count)
    else:
        value = pointwise_sum(rule, input, target, weight)
        if reduction == "mean":
            value = mean_over(value, over)
        elif reduction == "total":
            value = value.to(torch.float64 if dtype is torch.float64 else torch.float32)
        found = Reduced(value, over, count)
    return finish(found, reduction, on_empty, dtype, rows=count)
