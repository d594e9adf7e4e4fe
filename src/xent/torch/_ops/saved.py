"""What a backward pass reads again: tensors that nobody may have changed since.

Autograd compares the versions of the tensors that it saves, and refuses those of inference
mode. A teacher's logits and other targets are often made there, so they are kept beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["Unchanged", "save", "saved"]

_transforms_active = torch._C._are_functorch_transforms_active


class Unchanged:
    """Tensors that a call keeps itself, by the names of the arguments that they are.

    Their versions are compared by hand: where hooks decide what is kept, autograd compares
    none. Of a tensor of inference mode there is no version.
    """

    __slots__ = ("_kept",)

    def __init__(self, tensors: Mapping[str, Tensor | None]) -> None:
        self._kept = [
            (name, tensor, tensor._version)
            for name, tensor in tensors.items()
            if tensor is not None and not tensor.is_inference()
        ]

    def check(self) -> None:
        """Raise, as autograd does, where one is no longer what the loss was computed of."""
        for name, tensor, version in self._kept:
            if tensor._version != version:
                raise RuntimeError(
                    f"{name} has been modified by an inplace operation since the loss was "
                    f"computed: it is at version {tensor._version}, expected version {version}; "
                    "change a copy of it, or call backward first"
                )


def save(ctx: Any, *tensors: Tensor | None) -> None:
    """Save tensors for the backward pass, those of inference mode too."""
    beside: list[Tensor | None] = [None] * len(tensors)
    # a transform and a compiler show tensors of their own, which are of no mode
    if not (torch.compiler.is_compiling() or _transforms_active()):
        beside = [tensor if _is_constant(tensor) else None for tensor in tensors]
    ctx.save_for_backward(
        *(tensor if other is None else None for tensor, other in zip(tensors, beside, strict=True))
    )
    ctx.beside = beside


def saved(ctx: Any) -> tuple[Tensor | None, ...]:
    """Return what was saved; raise, as autograd does, where one was changed since."""
    return tuple(
        tensor if other is None else other
        for tensor, other in zip(ctx.saved_tensors, ctx.beside, strict=True)
    )


def _is_constant(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.is_inference() and not tensor.requires_grad
