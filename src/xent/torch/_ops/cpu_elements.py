"""Losses of single elements on a CPU, by the native kernel: the sum, or a mean of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from xent.kernels.cpu import element_losses as kernel
from xent.torch._ops.autograd import times
from xent.torch._ops.memory import array_of, tensor_of
from xent.torch._ops.pointwise import Pointwise, held, slopes
from xent.torch._ops.route import is_eager, is_plain

__all__ = ["CpuElements", "serves_elements"]

_FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})
_TARGETS = _FLOATS | {torch.bool, torch.uint8}


def serves_elements(input: Tensor, target: Tensor) -> bool:
    """Return whether the kernel takes this call: numbers in memory, one after another."""
    return (
        is_eager()
        and input.is_cpu
        and target.is_cpu
        and input.dtype in _FLOATS
        and target.dtype in _TARGETS
        and is_plain(input)
        and is_plain(target)
        and input.is_contiguous()
        and target.is_contiguous()
        and not (target.requires_grad and torch.is_grad_enabled())
    )


class CpuElements:
    """The sum of one loss of all elements of an input, divided by a number."""

    def __init__(
        self,
        rule: Pointwise,  # with a kernel
        target: Tensor,
        divisor: float,
        *,
        dtype: torch.dtype,  # of the value
        check: Callable[[Tensor, Tensor], None] | None,  # raises where elements are outside
    ) -> None:
        assert rule.kernel is not None
        self.rule, self.loss = rule, rule.kernel
        self.target = target.detach()
        self.divisor = divisor
        self.dtype = dtype
        self.check = check

    def evaluate(self, logits: Tensor, *, want_gradient: bool) -> tuple[Tensor, Tensor | None]:
        return self._evaluate(logits, 1.0, want_gradient)

    def others(self) -> Mapping[str, Tensor | None]:
        return {"target": self.target}

    def gradient(self, logits: Tensor, upstream: Tensor) -> Tensor:
        gradient = self._evaluate(logits, float(upstream), True)[1]
        assert gradient is not None
        return gradient

    def is_one(self, upstream: Tensor) -> bool:
        return bool(upstream.item() == 1)

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        return held(self.rule, times(gradient, upstream, in_place=in_place), gradient.dtype)

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        slope = slopes(self.rule, logits, self.target, None)
        return held(self.rule, upstream / (self.divisor or 1) * slope, logits.dtype)

    def _evaluate(self, input: Tensor, scale: float, want: bool) -> tuple[Tensor, Tensor | None]:
        found = kernel.score(
            self.loss,
            array_of(input.detach()),
            array_of(self.target),
            bfloat16=input.dtype is torch.bfloat16,
            gradient_scale=scale / (self.divisor or 1),
            want_gradient=want,
            threads=torch.get_num_threads(),
        )
        if found.outside and self.check is not None:
            self.check(input, self.target)
        value: Any = found.sum / self.divisor if self.divisor else math.nan
        gradient = tensor_of(found.gradient, input.dtype) if want else None
        return torch.scalar_tensor(value, dtype=self.dtype, device=input.device), gradient
