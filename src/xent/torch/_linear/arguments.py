"""The operands of a linear loss, checked: shapes, dtypes, devices."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from xent.errors import XentTypeError, XentValueError
from xent.torch._arguments import check_logits, check_number, check_tensor
from xent.torch._linear.products import Operands
from xent.torch._ops.route import is_autocast

__all__ = ["check_filter", "check_main_grad", "check_operands", "flat", "logits_of"]

_NAMES = ("hidden", "linear_weight", "linear_bias")


def check_operands(
    operands: Operands, *, names: tuple[str, str, str] = _NAMES, positions: bool = False
) -> None:
    """Raise unless these are (..., D), (V, D) and (V,) of one dtype on one device.

    With `positions` they may be (N, D), (V, d1, ..., D) and (V, d1, ...), as torch has them.
    """
    hidden, weight, bias = operands
    check_logits(hidden, names[0])
    check_logits(weight, names[1])
    if hidden.dim() == 0:
        raise XentValueError(
            f"{names[0]} must have its features last, got a single number", code="D14", value=()
        )
    if positions and hidden.dim() > 2:
        _raise(
            f"{names[0]} must have shape (D,) or (N, D), got {tuple(hidden.shape)}. Flatten it, or "
            "call linear_softmax_cross_entropy, which takes any.",
            hidden,
        )
    if weight.dim() < 2 or (weight.dim() > 2 and not positions):
        _raise(f"{names[1]} must have shape (classes, features), got {tuple(weight.shape)}", weight)
    if weight.dim() > 2 and hidden.dim() == 1:
        _raise(
            f"{names[0]} must have shape (N, D) where {names[1]} has a layer for each position, "
            f"got {tuple(hidden.shape)}",
            hidden,
        )
    if weight.shape[0] == 0:
        _raise(f"{names[1]} must have at least one class, got shape {tuple(weight.shape)}", weight)
    if hidden.shape[-1] != weight.shape[-1]:
        turned = ""
        if weight.dim() == 2 and hidden.shape[-1] == weight.shape[0]:
            turned = f" It has the layout of a matrix of features by classes: pass {names[1]}.T."
        _raise(
            f"{names[1]} must have the {hidden.shape[-1]} features of {names[0]} on its last axis, "
            f"got shape {tuple(weight.shape)}.{turned}",
            weight,
        )
    if bias is not None:
        check_logits(bias, names[2])
        if bias.shape != weight.shape[:-1]:
            _raise(
                f"{names[2]} must have shape {tuple(weight.shape[:-1])}, one entry for each class, "
                f"got {tuple(bias.shape)}",
                bias,
            )
    _check_alike(operands, names)


def _check_alike(operands: Operands, names: tuple[str, str, str]) -> None:
    hidden = operands.hidden
    casts = is_autocast(hidden)
    for each, name in zip(operands[1:], names[1:], strict=True):
        if each is None:
            continue
        if each.device != hidden.device:
            raise XentValueError(
                f"{name} must be on the device of {names[0]}, {hidden.device}, got {each.device}",
                value=str(each.device),
            )
        if each.dtype is not hidden.dtype and not casts:
            raise XentTypeError(
                f"{name} must have the dtype of {names[0]}, {hidden.dtype}, got {each.dtype}",
                value=str(each.dtype),
            )


def _raise(problem: str, tensor: Tensor) -> None:
    raise XentValueError(problem, code="D14", value=tuple(tensor.shape))


def logits_of(operands: Operands) -> Tensor:
    """Return what has the shape and device of the logits (N, V), and one element."""
    hidden, weight, _ = operands
    return hidden.detach().new_zeros(()).expand(hidden.shape[0], weight.shape[0])


def flat(tensor: Tensor) -> Tensor:
    """Return (..., D) as rows (N, D), of which D may be 0."""
    return tensor.reshape(prod(tensor.shape[:-1]), tensor.shape[-1])


def check_main_grad(main_grad: Tensor | None, weight: Tensor) -> None:
    """Raise unless the gradient of the weight can be added to this buffer."""
    if main_grad is None:
        return
    check_tensor(main_grad, "main_grad")
    if main_grad.shape != weight.shape or main_grad.device != weight.device:
        raise XentValueError(
            f"main_grad must have the shape and device of linear_weight, {tuple(weight.shape)} on "
            f"{weight.device}; got {tuple(main_grad.shape)} on {main_grad.device}",
            value=tuple(main_grad.shape),
        )
    sums = torch.float64 if weight.dtype is torch.float64 else torch.float32
    if main_grad.dtype is not sums:
        raise XentTypeError(
            f"main_grad must be {sums}, in which the gradient of {weight.dtype} is summed; got "
            f"{main_grad.dtype}",
            value=str(main_grad.dtype),
        )
    if not main_grad.is_contiguous() or main_grad is weight:
        raise XentValueError(
            "main_grad must be memory of its own, contiguous: gradients are added to it",
            value=tuple(main_grad.stride()),
        )
    if main_grad.requires_grad:
        raise XentValueError("main_grad must not need a gradient itself", value="requires_grad")


def check_filter(tolerance: float | None, operands: Operands, reduction: str) -> None:
    """Raise unless columns may be left out of the gradient products of this call."""
    if tolerance is None:
        return
    check_number(tolerance, "filter_tolerance", above=0.0)
    hidden = operands.hidden
    reason = None
    if tolerance >= 1:
        reason = "a gradient that is off by all of its norm says nothing: pass less than 1"
    elif reduction == "none":
        reason = (
            'with reduction="none" the gradients are taken in the backward pass, too late to '
            "return their bound: sum the rows by sample_weight"
        )
    elif hidden.dtype is torch.float16:
        reason = (
            "gradients of float16 may be rounded to 0 before a GradScaler has multiplied them, "
            "which no bound here knows of: pass bfloat16 or float32"
        )
    elif hidden.device.type not in ("cpu", "cuda"):
        reason = f"bounds are summed in float64, which {hidden.device.type} lacks"
    if reason is not None:
        raise XentValueError(
            f"filter_tolerance must be None here, got {tolerance}: {reason}", value=tolerance
        )
