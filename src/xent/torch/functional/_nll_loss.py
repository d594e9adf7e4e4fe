"""Negative log-likelihood of class targets from log-probabilities, as torch has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from xent.diagnostics.shapes import check_axis, check_vector
from xent.diagnostics.targets import raise_target_out_of_range
from xent.errors import XentTypeError, XentValueError
from xent.torch._checks import numpy_of
from xent.torch._ops.pointwise import is_numbers, sum_dtype
from xent.torch._ops.results import Reduced
from xent.torch._ops.route import is_eager, is_plain
from xent.torch._ops.saved import ordinary, save, saved
from xent.torch._reduction import finish, reduction_of, result_dtype
from xent.torch.formulas._rows import weights_read
from xent.torch.functional._elementwise import as_floats, check_numbers, mean_over
from xent.torch.functional._log_probability_checks import look_for_positive

__all__ = ["nll_loss"]


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    *,
    sample_weight: Tensor | None = None,
    on_empty: str = "nan",
) -> Any:
    r"""Return the negative log-likelihood of class targets, in nats.

    A drop-in for `torch.nn.functional.nll_loss`. For a row of log-probabilities
    :math:`x = \log q` whose true class is :math:`y`,

    .. math:: \ell(x, y) = -w_y\, x_y .

    Parameters
    ----------
    input : Tensor, shape ``(C,)``, ``(N, C)`` or ``(N, C, d1, ...)``
        Log-probabilities, such as `log_softmax` gives.
    target : Tensor
        Class indices of any integer dtype, the shape of `input` without its class axis.
    weight : Tensor, shape ``(C,)``, optional
        Weight of each class, :math:`w` above.
    size_average, reduce : bool, optional
        Torch's arguments of old, with torch's meaning.
    ignore_index : int, default -100
        Rows with this target have loss 0 and gradient 0, and do not count.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides by the sum of the weights of the rows that count. "total" returns a
        `Total`: sum and denominator, which add over micro-batches and ranks.
    sample_weight : Tensor, shape of `target`, optional
        Weight of each row. A row of weight 0 is skipped, whatever it holds.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing.

    Returns
    -------
    loss : Tensor or Total
        In the dtype of `input`, or float32 under autocast.

    Raises
    ------
    XentTypeError
        If a tensor is none, or `target` holds no integers.
    XentValueError
        D01: a target is no class. On a CPU, before anything is returned; on other devices,
        and under `torch.compile`, the loss of such a row is NaN. D14: the shapes do not fit.

    Warns
    -----
    MisuseWarning
        D10: a sample of `input` holds positive entries, so these are no log-probabilities.

    Notes
    -----
    *Precision.* A row's loss is read, and exact; sums are taken in float64. What was lost
    when the log-probabilities were rounded is lost: a float32 `log_softmax` is exactly 0 for
    a row that is right by 17 nats. `cross_entropy` takes the logits and keeps it.

    *Edges.* A row whose class has weight 0 has loss 0, also where its log-probability is
    -inf, where torch's is NaN.

    *Derivatives* of any order, forward mode, `torch.func` and `torch.compile` work.

    See Also
    --------
    cross_entropy : from logits; one pass instead of two, and exact. Prefer it.
    kl_div : against a distribution instead of a class.

    References
    ----------
    .. [1] R. A. Fisher, "On the Mathematical Foundations of Theoretical Statistics", 1922.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> log_probs = torch.tensor([[0.7, 0.2, 0.1]]).log()
    >>> F.nll_loss(log_probs, torch.tensor([0]))
    tensor(0.3567)
    """
    reduction = reduction_of(reduction, on_empty, size_average, reduce)
    check_numbers(input, "input")
    input = as_floats(input)
    if not input.dim():
        raise XentValueError(
            "input must have a class axis, got a single number", code="D14", value=()
        )
    axis = min(1, input.dim() - 1)
    num_classes = input.shape[axis]
    index = _class_indices(input, target, axis)
    if weight is not None:
        check_numbers(weight, "weight")
        meaning = f"one weight for each of the {num_classes} classes"
        check_vector("weight", tuple(weight.shape), (num_classes,), meaning)
    if sample_weight is not None:
        check_numbers(sample_weight, "sample_weight")
        meaning = "one weight for each row"
        check_vector("sample_weight", tuple(sample_weight.shape), tuple(index.shape), meaning)

    on_cpu = input.is_cpu and is_eager() and is_plain(input) and is_plain(index)
    if on_cpu:
        look_for_positive(input, axis)
    counted, outside = None, None
    if not (on_cpu and _all_count(index, num_classes, ignore_index)):
        counted = index != ignore_index
        outside = counted & ((index < 0) | (index >= num_classes))
        if on_cpu and outside.any():
            raise_target_out_of_range(numpy_of(index), num_classes, ignore_index)
        index = torch.where(counted & ~outside, index, 0)
    loss = _minus_picked(input, index, axis)
    if outside is not None:
        loss = torch.where(outside, torch.nan, loss)

    if counted is not None:
        loss = torch.where(counted, loss, 0.0)
    row_weight = _row_weight(weight, sample_weight, index)
    if row_weight is not None:
        if counted is not None:
            row_weight = torch.where(counted, row_weight, 0)
        counted = row_weight != 0
        # skipped, not multiplied: 0 times an infinite loss is not 0
        read = weights_read(row_weight, loss.isfinite)
        loss = torch.where(read, loss, 0.0) * row_weight
    dtype = result_dtype(input)
    return _reduce(loss, row_weight, counted, reduction, on_empty, dtype, ignore_index)


def _all_count(index: Tensor, num_classes: int, ignore_index: int) -> bool:
    """Return whether every target is a class; asks for the values, so on a CPU only."""
    if 0 <= ignore_index < num_classes or not index.numel():
        return False
    least, most = index.aminmax()
    return bool(least >= 0 and most < num_classes)


def _class_indices(input: Tensor, target: Any, axis: int) -> Tensor:
    check_numbers(target, "target")
    if target.is_floating_point() or target.dtype is torch.bool:
        raise XentTypeError(
            f"target must hold integers in [0, {input.shape[axis]}), got {target.dtype}. Pass "
            "target.long() for class indices; against probabilities, kl_div or cross_entropy.",
            code="D16",
            value=str(target.dtype),
        )
    rows = input.shape[:axis] + input.shape[axis + 1 :]
    if input.dim() == 1 and target.shape == (1,):
        target = target[0]  # torch takes both for one row
    if target.shape != rows:
        if target.shape == input.shape:
            raise XentValueError(
                f"target must hold one class for each row, shape {tuple(rows)}, got "
                f"{tuple(target.shape)}. If it is one-hot, pass target.argmax({axis}).",
                code="D14",
                value=tuple(target.shape),
            )
        check_axis(input.shape, target.shape, axis, axis_given=True, name="input")
    return target.to(torch.int64)


def _minus_picked(input: Tensor, index: Tensor, axis: int) -> Tensor:
    """Return minus the entry of each row at its class, float32 at least."""
    if not input.shape[axis]:
        return input.sum(axis)  # no class, and so no row: a graph all the same
    dtype = torch.float64 if input.dtype is torch.float64 else torch.float32
    place = index.unsqueeze(axis)
    if input.is_cpu and is_eager() and is_plain(input):
        picked: Tensor = _MinusGather.apply(input, place, axis)
    else:
        picked = -input.gather(axis, place)
    return picked.squeeze(axis).to(dtype)


class _MinusGather(torch.autograd.Function):
    """Minus `gather`, with a gradient whose zeros are made where they are touched."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, place: Tensor, axis: int) -> Tensor:
        save(ctx, place)
        ctx.axis, ctx.shape, ctx.dtype = axis, input.shape, input.dtype
        return input.gather(axis, place).neg_()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        (place,) = saved(ctx)
        if torch.is_grad_enabled() or not is_numbers(upstream) or not upstream.numel():
            zeros = torch.zeros(ctx.shape, dtype=ctx.dtype, device=upstream.device)
            return zeros.scatter(ctx.axis, place, -upstream), None, None
        # the system hands out pages of zeros when they are written: all but one entry of
        # each row are not (measured: 2048 x 32000 in a tenth of the time)
        room = np.zeros(ctx.shape.numel() * ctx.dtype.itemsize, np.uint8)
        zeros = torch.from_numpy(room).view(ctx.dtype).view(ctx.shape)
        return zeros.scatter_(ctx.axis, place, -upstream), None, None


def _row_weight(
    weight: Tensor | None, sample_weight: Tensor | None, place: Tensor
) -> Tensor | None:
    if weight is None:
        return None if sample_weight is None else ordinary(sample_weight)
    # index_select takes no more than one axis
    of_class = weight.index_select(0, place.reshape(-1)).reshape(place.shape)
    return of_class if sample_weight is None else of_class * sample_weight


def _reduce(
    loss: Tensor,
    row_weight: Tensor | None,
    counted: Tensor | None,
    reduction: str,
    on_empty: str,
    dtype: torch.dtype,
    ignore_index: int,
) -> Any:
    rows = loss.numel()
    wide = sum_dtype(loss)
    count = rows if counted is None else counted.sum()
    over = count
    if row_weight is not None:
        over = row_weight.sum(dtype=wide)
    if reduction == "none":
        return finish(Reduced(loss, over, count), reduction, on_empty, dtype, rows=rows)
    value = loss.sum(dtype=wide)
    if reduction == "mean":
        value = mean_over(value, over)
    elif reduction == "total":
        value = value.to(torch.float64 if dtype is torch.float64 else torch.float32)
    found = Reduced(value, over, count)
    return finish(found, reduction, on_empty, dtype, rows=rows, ignore_index=ignore_index)
