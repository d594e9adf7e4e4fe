"""Targets with mass on a few classes, checked."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.errors import XentTypeError, XentValueError
from xent.torch._arguments import check_tensor
from xent.torch._linear.arguments import flat
from xent.torch._ops.route import is_eager

__all__ = ["check_sparse"]


def check_sparse(
    target: tuple[Any, ...], shape: torch.Size, logits: Tensor
) -> tuple[Tensor, Tensor]:
    """Return classes and masses as (N, K); raise unless each is (..., K) and fits the rows."""
    if len(target) != 2:
        raise XentValueError(
            f"target must be a Tensor or a pair (classes, probs), got {len(target)} of them",
            value=len(target),
        )
    classes, probs = target
    check_tensor(classes, "target[0]")
    check_tensor(probs, "target[1]")
    if classes.dtype not in (torch.int64, torch.int32):
        raise XentTypeError(
            f"target[0] must hold class indices, int64, got {classes.dtype}",
            code="D16",
            value=str(classes.dtype),
        )
    if not probs.is_floating_point():
        raise XentTypeError(
            f"target[1] must hold probabilities, got {probs.dtype}",
            code="D16",
            value=str(probs.dtype),
        )
    for each, name in ((classes, "target[0]"), (probs, "target[1]")):
        if each.shape[:-1] != shape or each.shape != classes.shape:
            raise XentValueError(
                f"{name} must have shape {(*shape, 'K')}: the rows of hidden, and K classes of "
                f"each; got {tuple(each.shape)}",
                code="D14",
                value=tuple(each.shape),
            )
        if each.device != logits.device:
            raise XentValueError(
                f"{name} must be on the device of hidden, {logits.device}, got {each.device}",
                value=str(each.device),
            )
    classes = flat(classes).to(torch.int64)
    if is_eager() and classes.is_cpu:
        _check_classes(classes, logits.shape[1])
        _check_masses(probs.detach().reshape(classes.shape), classes)
    return classes, probs.reshape(classes.shape)


def _check_masses(probs: Tensor, classes: Tensor) -> None:
    wrong = ~(probs >= 0) & (classes >= 0)  # NaN too
    if not bool(wrong.any()):
        return
    row, at = wrong.nonzero()[0].tolist()
    value = float(probs[row, at])
    raise XentValueError(
        f"target[1] must hold probabilities, at least 0, but {int(wrong.sum()):,} of "
        f"{probs.numel():,} are not; first: {value:g} of class {int(classes[row, at])} in row "
        f"{row}",
        code="D08",
        index=(row,),
        value=value,
    )


def _check_classes(classes: Tensor, num_classes: int) -> None:
    _refuse(classes >= num_classes, classes, f"classes below {num_classes:,}", "D01")
    ordered, _ = classes.sort(dim=1)
    twice = torch.zeros_like(classes, dtype=torch.bool)
    twice[:, 1:] = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    _refuse(twice, ordered, "each class of a row at most once", "D01")


def _refuse(wrong: Tensor, classes: Tensor, requirement: str, code: str) -> None:
    if not bool(wrong.any()):
        return
    row, at = wrong.nonzero()[0].tolist()
    value = int(classes[row, at])
    raise XentValueError(
        f"target[0] must hold {requirement}, but {int(wrong.sum()):,} of {classes.numel():,} "
        f"entries do not; first: class {value} in row {row}. An entry below 0 stands for none.",
        code=code,
        index=(row,),
        value=value,
    )
