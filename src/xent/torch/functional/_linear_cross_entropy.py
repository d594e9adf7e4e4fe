"""Cross-entropy of ``linear(input, linear_weight)``, as torch.nn.functional has it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.errors import XentValueError
from xent.torch._arguments import softmax_task
from xent.torch._linear.arguments import check_operands, logits_of
from xent.torch._linear.operands import autocast, route_of_operands
from xent.torch._linear.plan import bytes_of
from xent.torch._linear.products import Operands
from xent.torch._linear.softmax.reduced import reduced
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._ops.route import is_autocast
from xent.torch._reduction import finish, how_of, reduction_of
from xent.torch.total import Total

__all__ = ["linear_cross_entropy"]


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
    memory: int | str | None = None,
    implementation: str | None = None,
) -> Any:
    r"""Return the cross-entropy of ``linear(input, linear_weight)``, without its logits.

    A drop-in for `torch.nn.functional.linear_cross_entropy` (torch 2.12 and later), and a
    loss for older ones. With :math:`x = W h + b` for a row :math:`h` of `input`,

    .. math::
        \ell(h, t) = -\sum_j w_j t_j \log \operatorname{softmax}(x)_j .

    Parameters
    ----------
    input : Tensor, shape ``(D,)`` or ``(N, D)``
        float16, bfloat16, float32 or float64, like `linear_weight`.
    linear_weight : Tensor, shape ``(C, D)`` or ``(C, d1, ..., D)``
        With axes between, each position has a layer of its own.
    target : Tensor
        Class indices, shape ``()``, ``(N,)`` or ``(N, d1, ...)``; or distributions over the
        classes, shape ``(C,)``, ``(N, C)`` or ``(N, C, d1, ...)``.
    linear_bias : Tensor, shape ``(C,)`` or ``(C, d1, ...)``, optional
    weight : Tensor, shape ``(C,)``, optional
        Weight of each class, :math:`w` above.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides as torch does, by :math:`\sum_i w_{y_i}` for class indices and by the
        number of rows for distributions. "total" returns a `Total`.
    ignore_index : int, optional
        Rows with this class index count nothing, and nothing is computed for them. None is
        -100, as torch has it; distributions have none.
    label_smoothing : float in [0, 1], default 0
    options : torch.nn.LinearCrossEntropyOptions, optional
        Accepted and not needed: the logits are never built.
    memory : int or str, optional
        What may be used beside operands and gradients, such as "256MiB".
    implementation : {"cpu", "triton", "formulas"}, optional
        Used or refused, never replaced.

    Returns
    -------
    loss : Tensor or Total
        In the dtype of `input`, float32 under autocast, as torch has it: a bfloat16 loss
        moves in steps of 0.25 at 36. `linear_softmax_cross_entropy` returns float32.

    Raises
    ------
    XentTypeError, XentValueError
        As `cross_entropy`. A `memory` that no plan fits into says what would.

    Notes
    -----
    *Precision.* The logits of a block have at least float32, also of bfloat16 operands;
    from them on it is `cross_entropy`. Gradients are summed in at least float32.

    *Memory and time.* See `linear_softmax_cross_entropy`.

    See Also
    --------
    linear_softmax_cross_entropy : the same with all options, and statistics.
    linear_sigmoid_cross_entropy : each label is true or false by itself.
    cross_entropy : of logits that exist.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> hidden = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> linear_weight = torch.tensor([[40.0, 0.0], [0.0, 0.5], [0.0, 0.0]])
    >>> F.linear_cross_entropy(hidden, linear_weight, torch.tensor([0, 1]), reduction="none")
    tensor([8.4967e-18, 5.5144e-01])
    """
    how = reduction_of(reduction, "nan", None, None)
    operands = Operands(input, linear_weight, linear_bias)
    check_operands(operands, names=("input", "linear_weight", "linear_bias"), positions=True)
    if linear_weight.dim() > 2:
        return _by_position(
            operands, target, reduction, weight=weight, ignore_index=ignore_index,
            label_smoothing=label_smoothing, memory=memory, implementation=implementation,
        )  # fmt: skip
    single = input.dim() == 1
    rows = operands._replace(hidden=input.unsqueeze(0)) if single else operands
    one_more = target.unsqueeze(0) if single and isinstance(target, Tensor) else target
    logits = logits_of(rows)
    if ignore_index is not None and one_more.shape == logits.shape:
        raise XentValueError(
            "ignore_index must not be given when target holds probabilities: no entry of a "
            f"distribution is a class index; got {ignore_index}",
            value=ignore_index,
        )
    softmax = softmax_task(
        logits,
        one_more,
        1,
        weight=weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
    )
    dtype = torch.float32 if _is_autocast(input) else input.dtype
    rows = autocast(rows)
    path = route_of_operands(rows, target, weight, asked=implementation)
    found = reduced(
        rows, LinearTask(softmax), path, how_of(how), memory=bytes_of(memory), torch_mean=True
    )
    loss = finish(found, reduction, "nan", dtype, rows=logits.shape[0])
    return loss.squeeze(0) if single and reduction == "none" else loss


def _is_autocast(input: Tensor) -> bool:
    return input.dtype is not torch.float64 and is_autocast(input)


def _by_position(operands: Operands, target: Tensor, reduction: str, **options: Any) -> Any:
    """Return the loss where each position has a layer of its own: one position at a time."""
    input, weight, bias = operands
    classes, *shape, _ = weight.shape
    expected = (input.shape[0], *shape)
    if target.shape == (input.shape[0], classes, *shape):
        targets = target.flatten(2).unbind(2)
    elif target.shape == expected:
        targets = target.flatten(1).unbind(1)
    else:
        raise XentValueError(
            f"target must have shape {expected}, or {(input.shape[0], classes, *shape)} for "
            f"distributions; got {tuple(target.shape)}",
            code="D14",
            value=tuple(target.shape),
        )
    weights = weight.flatten(1, -2).unbind(1)
    biases = [None] * len(weights) if bias is None else bias.flatten(1).unbind(1)
    each = "none" if reduction == "none" else "total"
    parts = [
        linear_cross_entropy(input, w, t, linear_bias=b, reduction=each, **options)
        for w, t, b in zip(weights, targets, biases, strict=True)
    ]
    if reduction == "none":
        return torch.stack(parts, dim=1).reshape(expected)
    total = sum(parts, Total())
    if reduction == "total":
        return total
    value = total.mean() if reduction == "mean" else total.sum
    return value if _is_autocast(input) else value.to(input.dtype)
