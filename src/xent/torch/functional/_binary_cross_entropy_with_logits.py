"""Cross-entropy of the sigmoid of logits, as torch.nn.functional has it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from xent.diagnostics.shapes import check_same_shape
from xent.diagnostics.soft_targets import check_unit_interval
from xent.diagnostics.warn import warn_once
from xent.errors import XentTypeError, XentValueError
from xent.torch._arguments import check_logits, check_tensor
from xent.torch._checks import look_at_logits, numpy_of
from xent.torch._ops.route import is_eager, route_of
from xent.torch._ops.sigmoid import reduced
from xent.torch._reduction import finish, how_of, reduction_of, result_dtype
from xent.torch._tasks import SigmoidTask

__all__ = ["binary_cross_entropy_with_logits"]


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
    *,
    on_empty: str = "nan",
    implementation: str | None = None,
) -> Any:
    r"""Return the cross-entropy between labels and the sigmoid of logits, in nats.

    A drop-in for `torch.nn.functional.binary_cross_entropy_with_logits`. Each node, a logit
    :math:`z` with its label :math:`y`, is true or false by itself; :math:`w_+` is
    `pos_weight` and :math:`w` is `weight`:

    .. math::
        \ell(z, y) = w \bigl( w_+\, y \log(1 + e^{-z}) + (1 - y) \log(1 + e^{z}) \bigr) ,
        \qquad
        \frac{\partial \ell}{\partial z} = w \bigl( (1 - y)\,\sigma(z) - w_+\, y\,\sigma(-z)
        \bigr) .

    Parameters
    ----------
    input : Tensor of any shape
        Logits; float16, bfloat16, float32 or float64.
    target : Tensor of the same shape
        Labels that are 0 or 1, of any dtype, or probabilities.
    weight : Tensor, optional
        Weight of each node; any shape that broadcasts to `input`.
    size_average, reduce : bool, optional
        Torch's arguments of old, with torch's meaning.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides by the number of nodes, whatever they weigh, as torch does. "total"
        returns a `Total`: the sum and that number.
    pos_weight : Tensor, optional
        Weight of the positive part of each label; any shape that broadcasts to `input`.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing; torch's is nan.
    implementation : {"cpu", "triton", "formulas"}, optional
        Used or refused, never replaced. By default `xent.kernels.explain` says which.

    Returns
    -------
    loss : Tensor or Total
        In the dtype of `input`, or float32 under autocast. The sums are taken in float64.

    Raises
    ------
    XentTypeError
        If a tensor is none, or of a dtype without a meaning here.
    XentValueError
        D15: the shapes of `input` and `target` differ, or a weight does not broadcast.
        D02: nothing to average, with ``on_empty="raise"``.

    Warns
    -----
    MisuseWarning
        D06: the logits look like probabilities, or come from a ReLU. D08: targets outside
        [0, 1], which torch accepts and which make the loss unbounded below. Once a call
        site, of tensors on a CPU.

    Notes
    -----
    *Precision.* Value and gradient are within 4 ulp over the whole range of the dtype; a
    term whose coefficient is 0 is skipped, so an infinite logit with the right label costs
    0 and not nan.

    *Derivatives* of any order, forward mode, `torch.func` and `torch.compile` work.

    See Also
    --------
    cross_entropy : exactly one class is true.
    binary_cross_entropy : the same loss from probabilities, which cannot be as exact.
    xent.sigmoid_cross_entropy : the same loss of arrays.

    References
    ----------
    .. [1] D. R. Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal
       Statistical Society B 20, 1958.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> logits = torch.tensor([0.0, -3.0, 100.0], requires_grad=True)
    >>> labels = torch.tensor([1, 0, 1])
    >>> F.binary_cross_entropy_with_logits(logits, labels, reduction="none").tolist()
    [0.6931471824645996, 0.04858735203742981, 3.783505853677006e-44]
    """
    reduction = reduction_of(reduction, on_empty, size_average, reduce)
    check_logits(input)
    task = _task(input, target, weight, pos_weight)
    path = route_of(input, target, weight, pos_weight, asked=implementation)
    if path == "cpu" or (path == "formulas" and is_eager()):
        look_at_logits(input, None, loss="binary_cross_entropy_with_logits")
    found, bad = reduced(input, task, path, how_of(reduction))
    if bad:
        _warn_outside(target)
    return finish(found, reduction, on_empty, result_dtype(input), rows=input.numel())


def _task(
    input: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None
) -> SigmoidTask:
    check_tensor(target, "target")
    if target.shape != input.shape:
        check_same_shape("input", tuple(input.shape), "target", tuple(target.shape))
    if target.is_complex():
        raise XentTypeError(
            f"target must hold labels or probabilities, got {target.dtype}",
            code="D16",
            value=str(target.dtype),
        )
    for name, values in (("weight", weight), ("pos_weight", pos_weight)):
        if values is not None:
            check_tensor(values, name)
            _check_broadcasts(values, name, input)
    return SigmoidTask(target, pos_weight, weight)


def _check_broadcasts(weight: Tensor, name: str, input: Tensor) -> None:
    lead = input.dim() - weight.dim()
    if lead < 0 or any(
        size not in (1, input.shape[lead + axis]) for axis, size in enumerate(weight.shape)
    ):
        raise XentValueError(
            f"{name} must have a shape that broadcasts to that of input, {tuple(input.shape)}, "
            f"got {tuple(weight.shape)}",
            code="D15",
            value=tuple(weight.shape),
        )


def _warn_outside(target: Tensor) -> None:
    try:
        check_unit_interval(numpy_of(target))
    except XentValueError as problem:
        said = str(problem).removeprefix(f"{problem.code}: ")
        warn_once(said, code="D08", index=problem.index, value=problem.value)
