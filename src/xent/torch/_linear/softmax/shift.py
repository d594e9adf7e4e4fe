"""Targets of the next position: the class that each one is asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from xent.errors import XentTypeError, XentValueError

__all__ = ["NO_NEXT", "refuse_for_distributions", "shifted"]

NO_NEXT = -(2**63)  # the target of a position that has no next one; nobody's class


def shifted(target: Tensor, shape: torch.Size, shift: int, ignore_index: int | None) -> Tensor:
    """Return the class that each position is asked for, in one row."""
    if type(shift) is not int or shift < 0:
        raise XentValueError(f"shift must be an int of at least 0, got {shift!r}", value=shift)
    if target.shape != shape:
        hint = ""
        if len(shape) and target.shape == (*shape[:-1], shape[-1] - 1):
            hint = " They are shifted already: pass hidden[..., :-1, :] and no shift."
        raise XentValueError(
            f"target must have the shape of hidden without its features, {tuple(shape)}, got "
            f"{tuple(target.shape)}.{hint}",
            code="D14",
            value=tuple(target.shape),
        )
    if not shift:
        return target.reshape(-1)
    if target.is_floating_point() or target.dtype is torch.bool:
        raise XentTypeError(
            f"shift needs target to hold class indices, int64, got {target.dtype}",
            code="D16",
            value=str(target.dtype),
        )
    length = shape[-1] if len(shape) else 0
    if shift > length:
        raise XentValueError(
            f"shift must be at most the {length} positions of a sequence, got {shift}", value=shift
        )
    fill = NO_NEXT if ignore_index is None else ignore_index
    moved = target.new_full(target.shape, fill, dtype=torch.int64)
    moved[..., : length - shift] = target[..., shift:]
    return moved.reshape(-1)


def refuse_for_distributions(shift: int, ignore_index: int | None) -> None:
    """Raise where an option that is about class indices comes with distributions."""
    if shift:
        raise XentValueError(
            "shift moves class indices; of distributions, pass hidden[..., :-shift, :] and those "
            f"of the following positions; got shift={shift}",
            value=shift,
        )
    if ignore_index is not None:
        raise XentValueError(
            "ignore_index must be None when target holds probabilities: no entry of a "
            f"distribution is a class index; got {ignore_index}. Give those rows sample_weight 0.",
            value=ignore_index,
        )
