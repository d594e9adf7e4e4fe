"""Softmax cross-entropy of CUDA tensors, by the Triton kernels. Nothing here waits for a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from xent.kernels.triton import faults
from xent.kernels.triton import softmax_cross_entropy as kernel
from xent.kernels.triton.elementwise import scale_, weight_total
from xent.torch._ops.autograd import times
from xent.torch._ops.results import Statistics, count_of, for_each_row, mean_of
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
        # of an earlier call: what has arrived by now is told, and nobody waits for the rest
        faults.raise_pending(logits.device)
        how = self.how
        if how != "rows":
            self._weigh(logits)
        scale = None
        if want_gradient and how == "mean":
            scale = 1 / torch.where(self.weight == 0, 1.0, self.weight)
        scored = self._score(
            logits,
            gradient_scale=scale,
            want_gradient=want_gradient,
            want_stats=self.wants_statistics,
        )
        if self.wants_statistics:
            assert scored.plain is not None
            assert scored.lse is not None
            assert scored.entropy is not None
            assert scored.hit is not None
            self.statistics = Statistics(scored.plain, scored.lse, scored.entropy, scored.hit)
        value = scored.nll
        if how != "rows":
            total = value.sum(dtype=torch.float64)
            value = (total if how == "sum" else mean_of(total, self.weight)).to(value.dtype)
        return value, scored.gradient

    def _score(self, logits: Tensor, **wanted: Any) -> kernel.Scored:
        task = self.task
        return kernel.score(
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
            **wanted,
        )

    def others(self) -> Mapping[str, Tensor | None]:
        return self.task.tensors()

    def gradient(self, logits: Tensor, upstream: Tensor) -> Tensor:
        if self.how == "mean":
            upstream = upstream / torch.where(self.weight == 0, 1.0, self.weight)
        scale = "row_scale" if self.how == "rows" else "gradient_scale"
        gradient = self._score(logits, want_gradient=True, **{scale: upstream}).gradient
        assert gradient is not None
        return gradient

    def _weigh(self, logits: Tensor) -> None:
        """Sum what the rows count in a mean, on the device; a total counts them, too."""
        task = self.task
        num_classes = logits.shape[task.axis]
        rows = logits.numel() // num_classes
        self.weight = weight_total(
            rows,
            logits.device,
            num_classes=num_classes,
            target=task.target,
            class_weight=task.class_weight,
            sample_weight=task.sample_weight,
            ignore_index=task.ignore_index,
        )
        if self.how == "sum":
            self.count = count_of(task, rows)

    def is_one(self, upstream: Tensor) -> bool:
        return False  # asking would wait; `scale_` leaves at once where it is

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        if self.how == "rows":
            return times(gradient, upstream.unsqueeze(self.task.axis), in_place=in_place)
        return scale_(gradient, upstream, out=None if in_place else torch.empty_like(gradient))

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        if self.how == "mean":
            upstream = upstream / torch.where(self.weight == 0, 1.0, self.weight)
        if self.how != "rows":
            upstream = for_each_row(upstream, logits, self.task.axis)
        return formulas.gradient(logits, self.task, upstream)
