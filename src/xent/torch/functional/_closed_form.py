"""Losses of rows of logits that are closed forms: checked, weighed and reduced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from xent.diagnostics.shapes import check_vector
from xent.errors import XentTypeError, XentValueError
from xent.torch._arguments import check_tensor
from xent.torch._ops.results import Reduced, mean_of
from xent.torch._ops.saved import ordinary
from xent.torch._reduction import finish, how_of
from xent.torch.formulas._closed_form import ClosedForm, rows_of
from xent.torch.formulas._precision import own_dtype, wide_dtype
from xent.torch.formulas._rows import weights_read

__all__ = ["axis_of", "check_sample_weight", "closed_form_loss", "reduce_rows"]


def axis_of(logits: Tensor, axis: int, name: str) -> int:
    """Return the axis counted from 0; raise where there is none, or no class on it."""
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise XentTypeError(f"axis must be an int, got {axis!r}", code="D14", value=axis)
    shape = tuple(logits.shape)
    ndim = len(shape)
    if not -ndim <= axis < ndim:
        raise XentValueError(
            f"axis must be in [{-ndim}, {ndim}) for {name} of shape {shape}, got {axis}"
            if ndim
            else f"{name} must have a class axis, got a single number",
            code="D14",
            value=axis,
        )
    if shape[axis] == 0:
        raise XentValueError(
            f"{name} must have at least one class, got shape {shape}; the classes are on axis "
            f"{axis}",
            code="D14",
            value=shape,
        )
    return axis % ndim


def check_sample_weight(sample_weight: Tensor | None, logits: Tensor, axis: int) -> None:
    if sample_weight is None:
        return
    check_tensor(sample_weight, "sample_weight")
    if sample_weight.is_complex():
        raise XentTypeError(f"sample_weight must hold numbers or bool, got {sample_weight.dtype}")
    rows = tuple(logits.shape[:axis] + logits.shape[axis + 1 :])
    if tuple(sample_weight.shape) != rows:
        check_vector("sample_weight", tuple(sample_weight.shape), rows, "one for each row")


def closed_form_loss(
    form: ClosedForm,
    logits: Sequence[Tensor],
    axis: int,
    *,
    sample_weight: Tensor | None,
    factor: float,
    reduction: str,
    on_empty: str,
) -> Any:
    """Return `factor` times the losses of the rows along `axis`, reduced as asked for.

    A row of weight 0 is skipped: whatever it holds, its loss and its gradient are 0. The
    derivative by its weight is the loss that it would have, where that is finite.
    """
    rows_last = [each.movedim(axis, -1) for each in logits]
    if sample_weight is not None:
        sample_weight = ordinary(sample_weight)
        bare = [each.detach() for each in rows_last]
        read = weights_read(sample_weight, lambda: _rows(form, bare).isfinite()).unsqueeze(-1)
        rows_last = [torch.where(read, each, 0.0) for each in rows_last]
    rows = _rows(form, rows_last)
    if factor != 1:
        rows = rows * factor
    if sample_weight is not None:
        rows = rows * sample_weight.to(own_dtype(rows.dtype))
    return reduce_rows(rows, sample_weight, reduction, on_empty)


def _rows(form: ClosedForm, rows_last: Sequence[Tensor]) -> Tensor:
    *shape, num_classes = rows_last[0].shape
    return rows_of(form, *(each.reshape(-1, num_classes) for each in rows_last)).reshape(shape)


def reduce_rows(rows: Tensor, sample_weight: Tensor | None, reduction: str, on_empty: str) -> Any:
    """Return losses that were multiplied by their weights, reduced as asked for."""
    own, wide = rows.dtype, wide_dtype(rows)
    count: Any = rows.numel()
    weight = torch.full((), float(count), dtype=wide, device=rows.device)
    if sample_weight is not None:
        count = (sample_weight != 0).sum()
        weight = sample_weight.sum(dtype=wide)
    how = how_of(reduction)
    if how == "rows":
        # not a view of what an autograd function returned, which nobody might change in place
        value = rows.clone()
    else:
        value = rows.sum(dtype=wide)
        value = (mean_of(value, weight) if how == "mean" else value).to(own)
    return finish(Reduced(value, weight, count), reduction, on_empty, own, rows=rows.numel())
