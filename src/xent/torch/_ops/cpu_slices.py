"""Softmax rows of CPU tensors whose classes come in slices, by the native kernels.

The same two operations as `formulas.softmax_slices` has, on the same states.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.kernels.cpu import softmax_slices as kernel
from xent.torch._ops.memory import doubles_of
from xent.torch.formulas.softmax_slices import SliceState, SoftmaxSlice

__all__ = ["empty_state", "gradient_", "scan"]


def empty_state(num_rows: int) -> SliceState:
    """Return the state of no class, in memory of its own: `scan` writes to it."""
    return SliceState(*map(torch.from_numpy, kernel.empty(num_rows)))


def scan(
    block: Tensor,  # (N, n), float32 or float64, with adjacent columns
    part: SoftmaxSlice,  # whose targets are in range
    state: SliceState | None = None,  # changed in place
    *,
    want_terms: bool = True,  # for the entropy
) -> SliceState:
    """Return `state` with the classes of the block added to it."""
    if state is None:
        state = empty_state(len(block))
    told, kept = _told(block, part), part.kept()
    weight = None if kept is None else kept.double().numpy()
    kernel.scan(block.numpy(), _arrays(state), row_weight=weight, want_terms=want_terms, **told)
    return state


def gradient_(block: Tensor, part: SoftmaxSlice, state: SliceState, row_scale: Tensor) -> None:
    """Turn the logits of a block into the gradient of ``sum(row_scale * nll)``, in place.

    `state` is that of all classes. Skipped rows and masked classes get exactly 0.
    """
    kept = part.kept()
    scale = row_scale.double()
    if kept is not None:
        scale = torch.where(kept, scale, 0.0)
    kernel.gradient_(
        block.numpy(),
        _arrays(state),
        row_scale=scale.contiguous().numpy(),
        z_loss=part.task.z_loss,
        **_told(block, part),
    )


def _told(block: Tensor, part: SoftmaxSlice) -> dict[str, Any]:
    task, mask = part.task, part.task.class_mask
    if mask is not None:
        mask = mask.reshape(-1) if mask.dim() == 2 and mask.shape[0] == 1 else mask
        mask = _rows_of_adjacent(mask.detach().view(torch.uint8))
    soft = task.soft_target
    if soft is not None:
        soft = _rows_of_adjacent(soft.detach().to(block.dtype))
    choices: Any = part.choices
    if isinstance(choices, Tensor):
        choices = int(choices) if choices.numel() == 1 else choices.reshape(-1).double().numpy()
    return {
        "first": part.first,
        "target": None if task.target is None else task.target.contiguous().numpy(),
        "soft_target": None if soft is None else soft.numpy(),
        "class_weight": doubles_of(task.class_weight),
        "class_mask": None if mask is None else mask.numpy(),
        "label_smoothing": task.label_smoothing,
        "choices": choices,
        "softcap": task.softcap,
        "temperature": task.temperature,
        "threads": torch.get_num_threads(),
    }


def _rows_of_adjacent(tensor: Tensor) -> Tensor:
    return tensor if tensor.shape[-1] <= 1 or tensor.stride(-1) == 1 else tensor.contiguous()


def _arrays(state: SliceState) -> kernel.State:
    return kernel.State(*(each.numpy() for each in state))
