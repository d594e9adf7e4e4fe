"""What a loss of tensors comes to, before the caller's dtype and reduction."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.torch._tasks import SoftmaxTask

__all__ = ["Reduced", "Statistics", "computed_in", "count_of", "for_each_row", "mean_of"]


class Statistics(NamedTuple):
    """What a row says besides its loss, each the shape of the logits without the class axis."""

    nll: Tensor
    lse: Tensor
    entropy: Tensor
    hit: Tensor


class Reduced(NamedTuple):
    """Losses of rows, or their sum or mean, and what that mean divides by.

    value       float64 for float64 logits, else float32
    weight      sum of the weights of the rows that count: a float where it is known, a
                tensor where asking would wait for a device
    count       number of the rows that count, likewise; None where nobody will ask
    statistics  where they were asked for; without a graph
    gradient_error  bound on the relative error that a filter made in the gradients
    """

    value: Tensor
    weight: Any
    count: Any
    statistics: Statistics | None = None
    gradient_error: float = 0.0


def computed_in(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype that losses of such logits are computed and returned in."""
    return torch.float64 if dtype is torch.float64 else torch.float32


def mean_of(total: Tensor, weight: Tensor) -> Tensor:
    """Return total / weight; over nothing nan, with gradient 0, as torch has it."""
    empty = weight == 0
    # both branches of a `where` are differentiated, so neither may divide by 0
    return torch.where(empty, torch.nan, total / torch.where(empty, 1.0, weight))


def count_of(task: SoftmaxTask, rows: int) -> Any:
    """Return how many rows count: a number, or a tensor where that depends on the targets."""
    if task.target is None or task.ignore_index is None:
        return rows
    return (task.target != task.ignore_index).sum()


def for_each_row(upstream: Tensor, logits: Tensor, axis: int) -> Tensor:
    """Return the upstream gradient of a sum, as that of each of its rows."""
    return upstream.expand(logits.shape[:axis] + logits.shape[axis + 1 :])
