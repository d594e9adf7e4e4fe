"""Cross-entropy of independent labels from their probabilities, as torch has it."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import torch
from torch import Tensor

from xent.diagnostics.policy import checks
from xent.diagnostics.shapes import check_same_shape
from xent.diagnostics.soft_targets import check_unit_interval
from xent.diagnostics.where import at, first, number, share
from xent.errors import XentValueError
from xent.torch._checks import numpy_of
from xent.torch._ops.pieces import for_each_piece
from xent.torch._ops.pointwise import Pointwise
from xent.torch._ops.route import is_eager, is_plain
from xent.torch._reduction import reduction_of, result_dtype
from xent.torch.functional._elementwise import as_floats, check_numbers, evaluate

__all__ = ["binary_cross_entropy"]

_LEAST_LOG = -100.0  # torch's clamp of log q and log(1 - q)
_LEAST = math.exp(_LEAST_LOG)
_LEAST_PRODUCT = 1e-12  # torch's floor of q (1 - q), kept where q (1 - q) is 0


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    *,
    on_empty: str = "nan",
) -> Any:
    r"""Return the cross-entropy between labels and their predicted probabilities, in nats.

    A drop-in for `torch.nn.functional.binary_cross_entropy`. For a label :math:`y` that is
    true with probability :math:`q`,

    .. math::
        \ell(q, y) = -w\,[\,y \max(\log q, -100) + (1 - y) \max(\log(1 - q), -100)\,] .

    Parameters
    ----------
    input : Tensor, any shape
        Probability :math:`q` that each label is true, in [0, 1]; float16, bfloat16, float32
        or float64.
    target : Tensor, same shape
        0 or 1, or the probability of 1; of any floating dtype, of integers or bool.
    weight : Tensor, optional
        Weight of each element, :math:`w` above; broadcasts to the shape of `input`. The mean
        does not divide by it, as torch's does not.
    size_average, reduce : bool, optional
        Torch's arguments of old, with torch's meaning.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides by the number of elements. "total" returns a `Total`: sum and
        denominator, which add over micro-batches and ranks.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing.

    Returns
    -------
    loss : Tensor or Total
        In the dtype of `input`, or float32 under autocast.

    Raises
    ------
    XentTypeError
        If a tensor is none, or of complex numbers.
    XentValueError
        D07: a probability is outside [0, 1] or NaN; D08: a target is. On a CPU, before
        anything is returned; on other devices, and under `torch.compile`, such an element
        is NaN instead, because looking would wait for the device. D15: the shapes differ.

    Notes
    -----
    *Precision.* Terms within 4 ulp, sums in float64. float16 and bfloat16 are computed in
    float32. A float32 probability cannot be closer to 1 than 6e-8, so a confident label has
    no digits left, whatever the formula; logits do not have this limit.

    *Gradient.* That of the loss without the clamp, ``(q - y) / (q (1 - q))``, in that form,
    in which nothing cancels: torch's is the same down to q = 1e-12, and loses its size below
    (at q = 1e-20 and y = 1 it is -1e12 and not -1e20, at y = 0 it is 1e-8 and not 1). Where q
    is exactly 0 or 1 and the label says otherwise, it is torch's ``(q - y) / 1e-12``, because
    the true one is infinite. With its weight it is held at the largest number, but for float16,
    where it becomes infinite as torch's does: a `GradScaler` has to see that.

    *Derivatives* of any order, forward mode, `torch.func` and `torch.compile` work; with
    respect to `target` and `weight` too.

    *Memory.* One gradient, made in the backward pass.

    See Also
    --------
    binary_cross_entropy_with_logits : from logits, exact over the whole range; prefer it.
    xent.binary_cross_entropy : the same of arrays, where an impossible label costs ``inf``.

    References
    ----------
    .. [1] D. R. Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal
       Statistical Society B 20, 1958.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> probs = torch.tensor([0.1, 0.7, 0.8])
    >>> F.binary_cross_entropy(probs, torch.tensor([0, 1, 1]), reduction="none")
    tensor([0.1054, 0.3567, 0.2231])
    """
    reduction = reduction_of(reduction, on_empty, size_average, reduce)
    check_numbers(input, "input")
    check_numbers(target, "target")
    if input.shape != target.shape:
        check_same_shape("input", tuple(input.shape), "target", tuple(target.shape))
    input = as_floats(input)
    if weight is not None:
        _check_weight(weight, input)
    seen = input.is_cpu and is_eager() and is_plain(input) and is_plain(target)
    return evaluate(
        _RULE,
        input,
        target,
        weight,
        reduction,
        on_empty,
        dtype=result_dtype(input),
        check=_check_range if seen else None,
    )


def _check_weight(weight: Tensor, input: Tensor) -> None:
    check_numbers(weight, "weight")
    try:
        fits = torch.broadcast_shapes(weight.shape, input.shape) == input.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise XentValueError(
            f"weight must broadcast to the shape of input, {tuple(input.shape)}, got "
            f"{tuple(weight.shape)}",
            code="D15",
            value=tuple(weight.shape),
        )


def _check_range(input: Tensor, target: Tensor) -> None:
    if not _is_within(input):
        _raise_outside(input)
    if not _is_within(target):
        with checks("fast"):  # torch refuses them too, so no level lets them pass
            check_unit_interval(numpy_of(target))


def _is_within(tensor: Tensor) -> bool:
    if tensor.dtype is torch.bool:
        return True
    # NaN is neither
    least_and_most = for_each_piece(torch.aminmax, tensor.detach())
    return all(least >= 0 and most <= 1 for least, most in least_and_most)


def _raise_outside(input: Tensor) -> NoReturn:
    probs = numpy_of(input)
    wrong = ~((probs >= 0) & (probs <= 1))
    index = first(wrong)
    hint = (
        "NaN is no probability: find where it comes from, or drop those elements."
        if probs[index] != probs[index]
        else "These look like logits: pass them to binary_cross_entropy_with_logits, which is "
        "also exact where a sigmoid rounds to 0 or 1."
    )
    raise XentValueError(
        f"input must hold probabilities in [0, 1], but {share(int(wrong.sum()), wrong.size)} "
        f"entries are not; first: {at('input', index)} = {number(probs[index])}. {hint}",
        code="D07",
        index=index,
        value=float(probs[index]),
    )


def _terms(q: Tensor, y: Tensor) -> Tensor:
    if_true = q.log().clamp_(min=_LEAST_LOG)
    if_false = q.neg().log1p_().clamp_(min=_LEAST_LOG)
    return torch.lerp(if_false, if_true, y).neg_()


def _slope(q: Tensor, y: Tensor) -> Tensor:
    """(q - y) / (q (1 - q)); at 0 and 1, where both may be 0, its limit or torch's value."""
    product = q * (1 - q)
    if q.is_cpu and q.numel() and product.min() >= torch.finfo(q.dtype).tiny:
        return (q - y) / product
    inside = product > 0
    edge = torch.where(q == y, 1 - 2 * q, (q - y) / _LEAST_PRODUCT)
    return torch.where(inside, (q - y) / torch.where(inside, product, 1.0), edge)


def _differentiable(q: Tensor, y: Tensor, *, most: float) -> Tensor:
    least = max(_LEAST, 1 / most)
    never, always = q < least, 1 - q < least
    if_true = _floor(q, never, most) + torch.where(never, 1.0, q).log()
    if_false = _floor(1 - q, always, most) + torch.where(always, 0.0, -q).log1p()
    return -(y * if_true + (1 - y) * if_false)


def _floor(p: Tensor, is_least: Tensor, most: float) -> Tensor:
    """log p, or -100, with the derivative 1 / p, or torch's 1e12 at p = 0, held; else 0."""
    fixed = p.detach()
    steep = (1 / torch.where(fixed == 0, _LEAST_PRODUCT, fixed)).clamp(max=most)
    value = fixed.log().clamp(min=_LEAST_LOG) + (p - fixed) * steep
    return torch.where(is_least, value, 0.0)


# 1 / q of a denormal number is beyond the largest
_RULE = Pointwise(_terms, _slope, _differentiable, "binary_cross_entropy", is_steep=True)
