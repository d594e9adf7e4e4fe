"""Targets of linear sigmoid losses, checked: labels that are true, or a number for each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.diagnostics.shapes import check_vector
from xent.diagnostics.soft_targets import check_unit_interval
from xent.errors import XentTypeError, XentValueError
from xent.torch._arguments import check_tensor
from xent.torch._checks import numpy_of
from xent.torch._linear.sigmoid.positives import Positives
from xent.torch._linear.sigmoid.task import LabelTask
from xent.torch._ops.route import is_eager

__all__ = ["label_task"]

_INDICES = (torch.int64, torch.int32)  # those of fewer bits hold a 0 or 1 for every label
_FIX = (
    "Pass the true labels of each row as int64, (N, K), filled up with -1; or as "
    "(crow_indices, col_indices); or a number in [0, 1] for every label."
)


def label_task(
    target: Any,
    hidden: Tensor,  # of any shape, the features last
    labels: int,
    *,
    pos_weight: Tensor | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
) -> LabelTask:
    """Return the task of these arguments, its rows on one axis."""
    shape = hidden.shape[:-1]
    meaning = f"one weight for each of the {labels:,} labels"
    for each, name in ((pos_weight, "pos_weight"), (weight, "weight")):
        _check_weight(each, name, hidden, (labels,), meaning)
    _check_weight(sample_weight, "sample_weight", hidden, tuple(shape), "one for each row")
    rows = shape.numel()
    positives = dense = None
    if isinstance(target, (tuple, list)):
        if len(target) != 2:
            raise XentValueError(
                f"target must be a Tensor or a pair (crow_indices, col_indices), got "
                f"{len(target)} of them",
                value=len(target),
            )
        crow, col = target
        positives = _of_pair(crow, col, None, hidden, rows, labels)
    else:
        check_tensor(target, "target", sparse=True)
        _check_device(target, "target", hidden)
        if target.layout is torch.sparse_csr:
            _check_shape(target, shape, labels)
            crow, col, values = target.crow_indices(), target.col_indices(), target.values()
            positives = _of_pair(crow, col, values, hidden, rows, labels)
        elif target.layout is not torch.strided:
            raise XentTypeError(
                f"target must be a strided or sparse_csr Tensor, got {target.layout}. Pass "
                "target.to_sparse_csr().",
                code="D16",
                value=str(target.layout),
            )
        elif target.dtype in _INDICES:
            positives = _of_indices(target, shape, labels)
        else:
            dense = _of_numbers(target, shape, labels).reshape(rows, labels)
    if sample_weight is not None:
        sample_weight = sample_weight.reshape(rows)
    return LabelTask(positives, dense, pos_weight, weight, sample_weight)


def _check_weight(
    weight: Tensor | None, name: str, hidden: Tensor, shape: tuple[int, ...], meaning: str
) -> None:
    if weight is None:
        return
    check_tensor(weight, name)
    if weight.is_complex():
        raise XentTypeError(f"{name} must hold numbers, got {weight.dtype}")
    if tuple(weight.shape) != shape:
        check_vector(name, tuple(weight.shape), shape, meaning)
    _check_device(weight, name, hidden)


def _check_device(tensor: Tensor, name: str, hidden: Tensor) -> None:
    if tensor.device != hidden.device:
        raise XentValueError(
            f"{name} must be on the device of hidden, {hidden.device}, got {tensor.device}",
            value=str(tensor.device),
        )


def _check_shape(target: Tensor, shape: torch.Size, labels: int) -> None:
    if target.shape != (*shape, labels):
        raise XentValueError(
            f"target of {target.dtype} must have shape {(*shape, labels)}, a number for every "
            f"label of every row, got {tuple(target.shape)}. {_FIX}",
            code="D15",
            value=tuple(target.shape),
        )


def _of_numbers(target: Tensor, shape: torch.Size, labels: int) -> Tensor:
    if target.is_complex():
        raise XentTypeError(
            f"target must hold labels or probabilities, got {target.dtype}",
            code="D16",
            value=str(target.dtype),
        )
    _check_shape(target, shape, labels)
    return target


def _of_indices(target: Tensor, shape: torch.Size, labels: int) -> Positives:
    if target.dim() != len(shape) + 1 or target.shape[:-1] != shape:
        one = " Has each row one label? Pass target.unsqueeze(-1)." if target.shape == shape else ""
        raise XentValueError(
            f"target of indices must have shape {(*shape, 'K')}, K labels of each row, got "
            f"{tuple(target.shape)}.{one}",
            code="D15",
            value=tuple(target.shape),
        )
    return Positives.of_padded(target.reshape(shape.numel(), target.shape[-1]), labels)


def _of_pair(
    crow: Any, col: Any, values: Tensor | None, hidden: Tensor, rows: int, labels: int
) -> Positives:
    for each, name in ((crow, "crow_indices"), (col, "col_indices")):
        check_tensor(each, f"{name} of target")
        _check_device(each, f"{name} of target", hidden)
        if each.dtype not in _INDICES:
            raise XentTypeError(
                f"{name} of target must hold int64, got {each.dtype}",
                code="D16",
                value=str(each.dtype),
            )
    if crow.shape != (rows + 1,) or col.dim() != 1:
        raise XentValueError(
            f"target must be (crow_indices, col_indices) of shapes ({rows + 1},), where each of "
            f"the {rows:,} rows begins and the last one ends, and (M,); got {tuple(crow.shape)} "
            f"and {tuple(col.shape)}",
            code="D15",
            value=tuple(crow.shape),
        )
    looks = is_eager() and crow.is_cpu
    if looks and not (
        int(crow[0]) == 0 and int(crow[-1]) == len(col) and bool((crow.diff() >= 0).all())
    ):
        found = crow.tolist() if rows < 9 else f"{int(crow[0])}, ..., {int(crow[-1])}"
        raise XentValueError(
            f"crow_indices of target must rise from 0 to {len(col):,}, the number of "
            f"col_indices; got {found}",
            code="D01",
            value=int(crow[-1]),
        )
    if values is not None:
        if values.is_complex():
            raise XentTypeError(f"values of target must be in [0, 1], got {values.dtype}")
        if looks:
            check_unit_interval(numpy_of(values), name="target.values()")
            if not values.requires_grad and bool((values == 1).all()):
                values = None
    return Positives.of_compressed(crow, col, values, labels)
