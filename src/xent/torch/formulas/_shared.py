"""Rows of a DTensor, which ranks share: plain tensors do not mix with it."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["classes_of", "whole_rows"]


def classes_of(x: Tensor) -> Tensor:
    """Return 0, 1, ..., one for each entry of the last axis, on every rank that has some of `x`."""
    classes = torch.arange(x.shape[-1], device=x.device)
    if not _is_shared(x):
        return classes
    from torch.distributed.tensor import DTensor, Replicate

    mesh = x.device_mesh
    return DTensor.from_local(classes, mesh, [Replicate()] * mesh.ndim, run_check=False)


def whole_rows(x: Tensor) -> Tensor:
    """Return `x` with all of each row, the last axis, on one rank."""
    if not _is_shared(x):
        return x
    from torch.distributed.tensor import Replicate

    last = x.dim() - 1
    placed = [Replicate() if each.is_shard(last) else each for each in x.placements]
    return x if placed == list(x.placements) else x.redistribute(placements=placed)


def _is_shared(x: Tensor) -> bool:
    # by its name: a program without ranks need not load them
    return type(x).__name__ == "DTensor"
