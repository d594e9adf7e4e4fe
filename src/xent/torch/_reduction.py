"""From losses and what they are divided by to "none", "sum", "mean" or "total"."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.diagnostics.averaging import ON_EMPTY, nothing_to_average
from xent.errors import XentValueError
from xent.torch._ops.results import Reduced
from xent.torch._ops.route import is_autocast
from xent.torch.total import Total

__all__ = ["REDUCTIONS", "finish", "how_of", "reduction_of", "result_dtype"]

REDUCTIONS = ("mean", "sum", "none", "total")
_HOW = {"mean": "mean", "sum": "sum", "total": "sum", "none": "rows"}


def reduction_of(
    reduction: str, on_empty: str, size_average: bool | None, reduce: bool | None
) -> str:
    """Return the reduction that was asked for, also in torch's two arguments of old."""
    if size_average is not None or reduce is not None:
        reduction = torch.nn._reduction.legacy_get_string(size_average, reduce)
    if reduction not in _HOW:
        raise XentValueError(
            f"reduction must be one of {REDUCTIONS}, got {reduction!r}", value=reduction
        )
    if on_empty not in ON_EMPTY:
        raise XentValueError(
            f"on_empty must be one of {ON_EMPTY}, got {on_empty!r}", value=on_empty
        )
    return reduction


def how_of(reduction: str) -> str:
    """Return what the operations are asked for: "mean", "sum" or "rows"."""
    return _HOW[reduction]


def result_dtype(input: Tensor) -> torch.dtype:
    """Return the dtype of torch's loss: the input's, or float32 under autocast."""
    dtype: torch.dtype = input.dtype
    if dtype.itemsize == 2 and is_autocast(input):
        return torch.float32
    return dtype


def finish(
    found: Reduced,
    reduction: str,
    on_empty: str,
    dtype: torch.dtype,
    *,
    rows: int,
    ignore_index: int | None = None,
) -> Any:
    """Return the loss as it was asked for.

    The mean over nothing is already NaN. Whether there is nothing is asked of a device only
    for an `on_empty` other than "nan".
    """
    if reduction == "total":
        return Total(found.value, found.weight, found.count)
    value = found.value
    if reduction == "mean" and on_empty != "nan":
        value = _mean_of_nothing(found, on_empty, rows, ignore_index)
    return value if value.dtype is dtype else value.to(dtype)


def _mean_of_nothing(found: Reduced, on_empty: str, rows: int, ignore_index: int | None) -> Tensor:
    if on_empty == "zero" and isinstance(found.weight, Tensor):
        return torch.where(found.weight == 0, torch.zeros_like(found.value), found.value)
    if float(found.weight) != 0:
        return found.value
    # a device was not asked to count for a mean; that all weights are 0 is true as well
    ignored = 0 if found.count is None else rows - int(found.count)
    empty = nothing_to_average(
        rows=rows,
        ignored=ignored,
        ignore_index=ignore_index,
        zero_weight=rows - ignored,
        on_empty=on_empty,
    )
    return torch.where(torch.isnan(found.value), torch.full_like(found.value, empty), found.value)
