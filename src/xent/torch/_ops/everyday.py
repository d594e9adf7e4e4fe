"""The call that most training steps make, recognised at once.

`cross_entropy(logits, classes)` of a small batch is over in the time that looking at twenty
options takes. What is checked here is what the general path would find out; everything else
about the call, its checks and its numbers are the same.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.torch._ops.autograd import differentiable
from xent.torch._ops.cpu_softmax import CpuSoftmax
from xent.torch._ops.route import is_eager
from xent.torch._tasks import SoftmaxTask

__all__ = ["everyday", "is_everyday"]


def is_everyday(input: Any, target: Any, ignore_index: Any, *options: Any) -> bool:
    """Return whether these are float32 rows and their classes on a CPU, eager, without options."""
    return (
        type(input) is Tensor
        and type(target) is Tensor
        and options.count(None) == len(options)
        and type(ignore_index) is int
        and -(2**63) <= ignore_index < 2**63
        and input.dtype is torch.float32
        and target.dtype is torch.int64
        and input.is_cpu
        and target.is_cpu
        and input.dim() == 2
        and target.shape == input.shape[:1]
        and input.layout is torch.strided
        and input.shape[1] > 0
        and is_eager()
        and not input.is_neg()
    )


def everyday(input: Tensor, target: Tensor, ignore_index: int) -> Tensor:
    """Return the mean loss of rows for which `is_everyday` holds."""
    return differentiable(
        input, CpuSoftmax(SoftmaxTask(1, target, ignore_index=ignore_index), "mean")
    )
