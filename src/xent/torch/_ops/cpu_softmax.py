"""Softmax cross-entropy of CPU tensors, by the native kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xent.kernels.cpu import softmax_cross_entropy as kernel
from xent.kernels.cpu.scored import Scored
from xent.torch._checks import raise_bad_target
from xent.torch._ops.autograd import times
from xent.torch._ops.memory import array_of, doubles_of, tensor_of
from xent.torch._ops.results import Statistics, computed_in, for_each_row
from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import softmax_cross_entropy as formulas

__all__ = ["CpuSoftmax", "adjacent", "native_scores"]


class CpuSoftmax:
    """One call of the native kernel, for tensors on a CPU."""

    def __init__(self, task: SoftmaxTask, how: str, *, statistics: bool = False) -> None:
        self.task = task
        self.how = how
        self.wants_statistics = statistics
        self.statistics: Statistics | None = None
        self.weight = 0.0
        self.count = 0

    def evaluate(self, logits: Tensor, *, want_gradient: bool) -> tuple[Tensor, Tensor | None]:
        task, how = self.task, self.how
        x, axis, back = adjacent(logits.detach(), task.axis)
        compute = computed_in(x.dtype)
        # the kernel divides by the mass of the targets, torch by the weights of their classes
        kernel_divides = task.target is not None and not (
            task.label_smoothing and task.class_weight is not None
        )
        if not kernel_divides:
            self.weight = _denominator(task, logits)
        scored = native_scores(
            x,
            task,
            axis=axis,
            moved=None if back is None else axis,
            shape=logits.shape,
            want_stats=self.wants_statistics,
            mean=how == "mean",
            gradient_scale=None if kernel_divides else self._scale(),
            want_nll=how == "rows",
            want_gradient=want_gradient,
        )
        if scored is None:
            raise_bad_target(task, logits)
        if scored.statistics is not None:
            self.statistics = Statistics(*map(torch.from_numpy, scored.statistics))
        self.count = scored.count
        if kernel_divides:
            self.weight = scored.weight
        if how == "rows":
            value = torch.from_numpy(scored.nll)
        elif how == "sum":
            value = torch.scalar_tensor(scored.sum, dtype=compute, device=x.device)
        else:
            mean = scored.sum / self.weight if self.weight else np.nan
            value = torch.scalar_tensor(mean, dtype=compute, device=x.device)
        gradient = None
        if want_gradient:
            gradient = tensor_of(scored.gradient, x.dtype)
            gradient = gradient if back is None else gradient.permute(back)
        return value, gradient

    def _scale(self) -> float:
        return 1 / self.weight if self.how == "mean" and self.weight else 1.0

    def others(self) -> Mapping[str, Tensor | None]:
        return self.task.tensors()

    def gradient(self, logits: Tensor, upstream: Tensor) -> Tensor:
        task = self.task
        if self.how != "rows":
            if self.how == "mean":
                upstream = upstream.double() / (self.weight or 1.0)
            upstream = for_each_row(upstream, logits, task.axis)
        weight = upstream if task.sample_weight is None else upstream * task.sample_weight
        call = CpuSoftmax(replace(task, sample_weight=weight), "rows")
        gradient = call.evaluate(logits, want_gradient=True)[1]
        assert gradient is not None
        return gradient

    def is_one(self, upstream: Tensor) -> bool:
        return self.how != "rows" and upstream.item() == 1

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        if self.how == "rows":
            upstream = upstream.unsqueeze(self.task.axis)
        return times(gradient, upstream, in_place=in_place)

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        if self.how == "mean":
            upstream = upstream / (self.weight or 1.0)
        if self.how != "rows":
            upstream = for_each_row(upstream, logits, self.task.axis)
        return formulas.gradient(logits, self.task, upstream)


def native_scores(
    x: Tensor,  # contiguous, without a graph
    task: SoftmaxTask,
    *,
    axis: int = 1,  # of the classes in x
    moved: int | None = None,  # the same, where the task's arrays have them elsewhere
    shape: torch.Size | None = None,  # of the logits as the task knows them
    in_place: bool = False,  # the gradient overwrites x
    **wanted: Any,
) -> Scored | None:
    """Hand a task to the native kernel; None where a target is no class."""
    array = array_of(x)
    return kernel.score(
        array,
        axis=axis,
        bfloat16=x.dtype is torch.bfloat16,
        target=None if task.target is None else task.target.contiguous().numpy(),
        soft_target=_soft(task, moved, computed_in(x.dtype)),
        class_weight=doubles_of(task.class_weight),
        sample_weight=doubles_of(task.sample_weight),
        ignore_index=task.ignore_index,
        label_smoothing=task.label_smoothing,
        class_mask=_mask(task, x.shape if shape is None else shape, moved),
        softcap=task.softcap,
        temperature=task.temperature,
        z_loss=task.z_loss,
        out=array if in_place else None,
        threads=torch.get_num_threads(),
        **wanted,
    )


def _denominator(task: SoftmaxTask, logits: Tensor) -> float:
    """Return what torch's mean divides by."""
    weights = formulas.row_weights(logits, task)
    return float(weights.detach().sum(dtype=torch.float64))


def adjacent(x: Tensor, axis: int) -> tuple[Tensor, int, tuple[int, ...] | None]:
    """Return contiguous logits, their class axis, and the permutation that leads back.

    Channels-last images have their classes adjacent: they are read as they lie, with the
    class axis last.
    """
    if x.is_contiguous():
        return x, axis, None
    if axis != x.dim() - 1:
        moved = x.movedim(axis, -1)
        if moved.is_contiguous():
            last = x.dim() - 1
            back = (*range(axis), last, *range(axis, last))
            return moved, last, back
    return x.contiguous(), axis, None


def _soft(task: SoftmaxTask, moved: int | None, compute: torch.dtype) -> Any:
    """Return the distributions, in the dtype that the kernel computes in."""
    target = task.soft_target
    if target is None:
        return None
    target = target.detach().to(compute)
    if moved is not None:
        target = target.movedim(task.axis, moved)
    return target.contiguous().numpy()


def _mask(task: SoftmaxTask, shape: torch.Size, moved: int | None) -> Any:
    """Return the class mask as bytes: one row for all, or one for each."""
    mask = task.class_mask
    if mask is None:
        return None
    if mask.dim() > 1:
        mask = mask.expand(shape)
        mask = mask if moved is None else mask.movedim(task.axis, moved)
    return mask.detach().contiguous().view(torch.uint8).numpy()
