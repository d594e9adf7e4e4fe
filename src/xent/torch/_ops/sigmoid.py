"""A sigmoid task through its route: losses of nodes, reduced."""

from __future__ import annotations

import torch
from torch import Tensor

from xent.torch._ops.autograd import differentiable
from xent.torch._ops.cpu_sigmoid import CpuSigmoid, lay_out
from xent.torch._ops.results import Reduced
from xent.torch._ops.route import Route
from xent.torch._ops.saved import with_ordinary
from xent.torch._ops.sigmoid_operator import sigmoid_sum
from xent.torch._tasks import SigmoidTask
from xent.torch.formulas import sigmoid_cross_entropy as formulas

__all__ = ["reduced"]


def reduced(
    logits: Tensor,
    task: SigmoidTask,
    path: Route,
    how: str,  # "rows" (of one node), "sum" or "mean"
) -> tuple[Reduced, int]:
    """Return the losses of a checked task, and how many targets are outside [0, 1]."""
    nodes = logits.numel()
    if path == "triton":
        from xent.torch._ops.triton_sigmoid import TritonSigmoid  # loads triton

        value = differentiable(logits, TritonSigmoid(task, how))
        return Reduced(value, float(nodes), nodes), 0
    if path == "cpu":
        call = CpuSigmoid(task, lay_out(logits.shape, task), how)
        return Reduced(differentiable(logits, call), float(nodes), nodes), call.bad
    if path == "operators" and how != "rows":
        value = sigmoid_sum(logits, task)
        return Reduced(value if how == "sum" else value / nodes, float(nodes), nodes), 0
    losses = formulas.nodes(logits, with_ordinary(task))
    if how == "rows":
        return Reduced(losses, float(nodes), nodes), 0
    wide = torch.float32 if logits.device.type == "mps" else torch.float64
    total = losses.sum(dtype=wide)
    value = (total if how == "sum" else total / nodes).to(losses.dtype)
    return Reduced(value, float(nodes), nodes), 0
