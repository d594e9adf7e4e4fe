"""Cross-entropy of independent labels from their probabilities, as torch has it."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import torch
from torch import Tensor

from xent.diagnostics.shapes import check_same_shape
from xent.diagnostics.soft_targets import check_unit_interval
from xent.diagnostics.where import at, first, number, share
from xent.errors import XentValueError
from xent.torch._checks import numpy_of
from xent.torch._ops.route import is_eager, is_plain
from xent.torch._pointwise import Pointwise, sum_dtype
from xent.torch._reduction import reduction_of, result_dtype
from xent.torch.functional._elementwise import as_floats, check_numbers, evaluate

__all__ = ["binary_cross_entropy"]

_LEAST_LOG = -100.0  # torch's clamp of log q and log(1 - q)
_LEAST = math.exp(_LEAST_LOG)
_LEAST_PRODUCT = 1e-12  # torch's floor of q (1 - q), kept where q (1 - q) is 0
_CHECKED_TOGETHER = 1 << 20  # elements: bounds the memory of the check


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    *,
    sample_weight: Tensor | None = None,
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
    sample_weight : Tensor, optional
        Another weight of each element, broadcast likewise, by whose sum the mean divides.
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
    the true one is infinite.

    *Derivatives* of any order, forward mode, `torch.func` and `torch.compile` work; with
    respect to `target` and to the weights too.

    *Memory.* One gradient, made in the backward pass.

    See Also
    --------
    binary_cross_entropy_with_logits : from logits, exact over the whole range; prefer it.
    xent.binary_cross_entropy : the same of arrays, where an impossible label costs ``inf``.

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
    weight, divide_by = _weights(input, weight, sample_weight)
    if input.is_cpu and is_eager() and is_plain(input) and is_plain(target):
        _check_range(input, target)
    return evaluate(
        _RULE,
        input,
        target,
        weight,
        reduction,
        on_empty,
        dtype=result_dtype(input),
        divide_by=divide_by,
    )


def _weights(
    input: Tensor, weight: Tensor | None, sample_weight: Tensor | None
) -> tuple[Tensor | None, Any]:
    """Return the weight of each element and what the mean divides by, None for their number."""
    for name, given in (("weight", weight), ("sample_weight", sample_weight)):
        if given is None:
            continue
        check_numbers(given, name)
        try:
            fits = torch.broadcast_shapes(given.shape, input.shape) == input.shape
        except RuntimeError:
            fits = False
        if not fits:
            raise XentValueError(
                f"{name} must broadcast to the shape of input, {tuple(input.shape)}, got "
                f"{tuple(given.shape)}",
                code="D15",
                value=tuple(given.shape),
            )
    if sample_weight is None:
        return weight, None
    divide_by = sample_weight.expand(input.shape).sum(dtype=sum_dtype(input))
    return sample_weight if weight is None else weight * sample_weight, divide_by


def _check_range(input: Tensor, target: Tensor) -> None:
    for tensor, refuse in ((input, _raise_outside), (target, _raise_target)):
        if not tensor.numel() or tensor.dtype is torch.bool:
            continue
        for part in tensor.detach().reshape(-1).split(_CHECKED_TOGETHER):
            least, most = part.aminmax()
            # NaN is neither
            if not (least >= 0 and most <= 1):
                refuse(tensor)


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


def _raise_target(target: Tensor) -> None:
    labels = numpy_of(target)
    check_unit_interval(labels)


def _terms(q: Tensor, y: Tensor) -> Tensor:
    if_true = q.log().clamp_(min=_LEAST_LOG)
    if_false = q.neg().log1p_().clamp_(min=_LEAST_LOG)
    return torch.lerp(if_false, if_true, y).neg_()


def _slope(q: Tensor, y: Tensor) -> Tensor:
    """(q - y) / (q (1 - q)); at 0 and 1, where both may be 0, its limit or torch's value."""
    product = q * (1 - q)
    info = torch.finfo(q.dtype)
    if q.is_cpu and not torch.compiler.is_compiling() and product.min() >= info.tiny:
        return (q - y) / product
    inside = product > 0
    edge = torch.where(q == y, 1 - 2 * q, (q - y) / _LEAST_PRODUCT)
    slope = torch.where(inside, (q - y) / torch.where(inside, product, 1.0), edge)
    # 1 / q of a denormal number is beyond the largest
    return slope.clamp(-info.max, info.max)


def _differentiable(q: Tensor, y: Tensor) -> Tensor:
    never, always = q < _LEAST, 1 - q < _LEAST
    if_true = _floor(q, never) + torch.where(never, 1.0, q).log()
    if_false = _floor(1 - q, always) + torch.where(always, 0.0, -q).log1p()
    return -(y * if_true + (1 - y) * if_false)


def _floor(p: Tensor, is_least: Tensor) -> Tensor:
    """-100 where log p is clamped, with the derivative 1 / p, or torch's 1e12 at p = 0; else 0."""
    fixed = p.detach()
    largest = torch.finfo(p.dtype).max
    steep = (1 / torch.where(fixed == 0, _LEAST_PRODUCT, fixed)).clamp(max=largest)
    return torch.where(is_least, _LEAST_LOG + (p - fixed) * steep, 0.0)


_RULE = Pointwise(_terms, _slope, _differentiable)
