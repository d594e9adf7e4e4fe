"""Softmax cross-entropy of CUDA tensors, by the Triton kernels. Nothing here waits for a GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.kernels.triton import faults
from xent.kernels.triton import softmax_cross_entropy as kernel
from xent.torch._ops.autograd import times
from xent.torch._ops.results import Statistics, mean_of
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

__all__ = ["TritonSoftmax"]


class TritonSoftmax:
    """One call of the Triton kernels."""

    def __init__(self, task: SoftmaxTask, how: str, *, statistics: bool = False) -> None:
        self.task = task
        self.how = how
        self.wants_statistics = statistics
        self.statistics: Statistics | None = None
        self.weight: Any = None
        self.count: Any = None

    def evaluate(self, logits: Tensor, *, want_gradient: bool) -> tuple[Tensor, Tensor | None]:
        # of an earlier call: its copy has arrived by now, or nobody waits for it
        faults.raise_pending(logits.device)
        task = self.task
        weights = formulas.row_weights(logits, task)
        self.weight = weights.sum(dtype=torch.float64)
        self.count = weights.numel()
        if task.target is not None and task.ignore_index is not None:
            self.count = (task.target != task.ignore_index).sum()
        scale = None
        if want_gradient and self.how == "mean":
            scale = 1 / torch.where(self.weight == 0, 1.0, self.weight)
        scored = kernel.score(
            logits.detach(),
            axis=task.axis,
            target=task.target,
            soft_target=task.soft_target,
            class_weight=task.class_weight,
            sample_weight=task.sample_weight,
            class_mask=task.class_mask,
            ignore_index=task.ignore_index,
            label_smoothing=task.label_smoothing,
            z_loss=task.z_loss,
            softcap=task.softcap,
            temperature=task.temperature,
            gradient_scale=scale,
            want_gradient=want_gradient,
            want_stats=self.wants_statistics,
        )
        value = scored.nll
        if self.wants_statistics:
            assert scored.lse is not None
            self.statistics = self._statistics(logits.detach(), scored)
        if self.how != "rows":
            total = value.sum(dtype=torch.float64)
            if self.how == "mean":
                total = mean_of(total, self.weight)
            value = total.to(value.dtype)
        return value, scored.gradient

    def _statistics(self, logits: Tensor, scored: Any) -> Statistics:
        """Return the statistics; the kernel's losses are weighted, smoothed and regularised."""
        task, nll = self.task, scored.nll
        weighted = task.class_weight is not None or task.sample_weight is not None
        if task.z_loss or task.label_smoothing or (weighted and task.target is None):
            nll = formulas.statistics(logits, task).nll
        elif weighted:
            nll = torch.where(scored.weight == 0, 0.0, nll / scored.weight)
        return Statistics(nll, scored.lse, scored.entropy, scored.hit)

    def is_one(self, upstream: Tensor) -> bool:
        return False  # asking would wait

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        if self.how == "rows":
            upstream = upstream.unsqueeze(self.task.axis)
        return times(gradient, upstream, in_place=in_place)

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        if self.how == "mean":
            upstream = upstream / torch.where(self.weight == 0, 1.0, self.weight)
        if self.how != "rows":
            shape = logits.shape[: self.task.axis] + logits.shape[self.task.axis + 1 :]
            upstream = upstream.expand(shape)
        return formulas.gradient(logits, self.task, upstream)
