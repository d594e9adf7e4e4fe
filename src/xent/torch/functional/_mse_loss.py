"""Squared error, as torch has it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.errors import XentValueError
from xent.torch._ops.pointwise import Pointwise, sum_dtype
from xent.torch._reduction import reduction_of
from xent.torch.functional._elementwise import (
    broadcast,
    check_numbers,
    dtype_of_loss,
    evaluate,
)

__all__ = ["mse_loss"]


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
    *,
    on_empty: str = "nan",
) -> Any:
    r"""Return the squared error between predictions and targets.

    A drop-in for `torch.nn.functional.mse_loss`:

    .. math:: \ell(x, y) = w\,(x - y)^2 .

    It is here for comparison: for the probabilities of classes, cross-entropy is the loss
    whose gradient does not vanish where the model is surely wrong.

    Parameters
    ----------
    input, target : Tensor
        Of one shape; other shapes broadcast, with a warning. Floats, integers or bool.
    size_average, reduce : bool, optional
        Torch's arguments of old, with torch's meaning.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides by the number of elements, or by the sum of `weight`. "total" returns
        a `Total`: sum and denominator, which add over micro-batches and ranks.
    weight : Tensor, shape of `input`, optional
        Weight of each element, :math:`w` above.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing.

    Returns
    -------
    loss : Tensor or Total
        In the dtype that `input` and `target` (and `weight`) promote to, or float32 under
        autocast. No factor 1/2.

    Raises
    ------
    XentTypeError
        If a tensor is none, or of complex numbers.
    XentValueError
        If the shapes do not broadcast, or that of `weight` is not that of `input`.

    Warns
    -----
    MisuseWarning
        D15: the shapes differ: (N, 1) against (N,) gives N x N errors, silently.

    Notes
    -----
    *Precision.* Differences and squares within 1.5 ulp, sums in float64, so that "mean" and
    "sum" are within 1 ulp of float32. float16 and bfloat16 are computed in float32.

    *Derivatives* of any order, with respect to all three tensors, forward mode, `torch.func`
    and `torch.compile` work.

    See Also
    --------
    binary_cross_entropy_with_logits : the loss of labels.
    xent.half_squared_error : with the factor 1/2, of arrays.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> F.mse_loss(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0]))
    tensor(2.)
    """
    reduction = reduction_of(reduction, on_empty, size_average, reduce)
    check_numbers(input, "input")
    check_numbers(target, "target")
    shape = input.shape
    dtype = dtype_of_loss(input, target)
    input, target = broadcast(input, target)
    divide_by = None
    if weight is not None:
        check_numbers(weight, "weight")
        if weight.shape != shape:
            raise XentValueError(
                f"weight must have the shape of input, {tuple(shape)}, got {tuple(weight.shape)}",
                code="D15",
                value=tuple(weight.shape),
            )
        weight = weight.broadcast_to(input.shape) if weight.shape != input.shape else weight
        dtype = torch.promote_types(dtype, weight.dtype)
        divide_by = weight.sum(dtype=sum_dtype(weight))
    return evaluate(
        _RULE, input, target, weight, reduction, on_empty, dtype=dtype, divide_by=divide_by
    )


def _terms(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square_()


def _slope(x: Tensor, y: Tensor) -> Tensor:
    return 2 * (x - y)


def _differentiable(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square()


_RULE = Pointwise(_terms, _slope, _differentiable, "squared_error")
