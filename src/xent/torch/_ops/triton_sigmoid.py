"""Sigmoid cross-entropy of CUDA tensors, by the Triton kernel. Nothing here waits for a GPU."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from xent.kernels.triton import sigmoid_cross_entropy as kernel
from xent.kernels.triton.elementwise import scale_
from xent.torch._ops.autograd import times
from xent.torch._ops.results import computed_in
from xent.torch._tasks import SigmoidTask
from xent.torch.formulas import sigmoid_cross_entropy as formulas

__all__ = ["TritonSigmoid"]


class TritonSigmoid:
    """One call of the Triton kernel."""

    def __init__(self, task: SigmoidTask, how: str) -> None:
        self.task = task
        self.how = how

    def evaluate(
        self, logits: Tensor, *, want_gradient: bool, gradient_scale: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        task, how, nodes = self.task, self.how, logits.numel()
        scored = kernel.score(
            logits.detach(),
            task.target.detach(),
            pos_weight=task.pos_weight,
            weight=task.weight,
            factor=1 / nodes if how == "mean" and nodes else 1.0,
            gradient_scale=gradient_scale,
            want_nll=how == "rows",
            want_total=how != "rows",
            want_gradient=want_gradient,
        )
        if how == "rows":
            assert scored.nll is not None
            return scored.nll, scored.gradient
        assert scored.total is not None
        total = scored.total
        if how == "mean":
            total = total / nodes if nodes else torch.full_like(total, torch.nan)
        return total.to(computed_in(logits.dtype)), scored.gradient

    def others(self) -> Mapping[str, Tensor | None]:
        return self.task.tensors()

    def gradient(self, logits: Tensor, upstream: Tensor) -> Tensor:
        nodes = logits.numel()
        scored = kernel.score(
            logits.detach(),
            self.task.target.detach(),
            pos_weight=self.task.pos_weight,
            weight=self.task.weight,
            factor=1 / nodes if self.how == "mean" and nodes else 1.0,
            gradient_scale=None if self.how == "rows" else upstream,
            node_scale=upstream if self.how == "rows" else None,
            want_gradient=True,
        )
        assert scored.gradient is not None
        return scored.gradient

    def is_one(self, upstream: Tensor) -> bool:
        return False  # asking would wait; `scale_` leaves at once where it is

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        if self.how == "rows":
            return times(gradient, upstream, in_place=in_place)
        return scale_(gradient, upstream, out=None if in_place else torch.empty_like(gradient))

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        if self.how == "mean":
            upstream = upstream / max(logits.numel(), 1)
        return formulas.gradient(logits, self.task, upstream.expand(logits.shape))
