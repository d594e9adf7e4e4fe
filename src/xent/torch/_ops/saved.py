"""What a backward pass reads again: tensors that nobody may have changed since.

Autograd compares the versions of the tensors that it saves, and refuses those of inference
mode. A teacher's logits and other targets are often made there, so they are kept beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from xent.torch._tasks import SigmoidTask, SoftmaxTask

__all__ = ["Unchanged", "ordinary", "save", "saved", "with_ordinary"]

Task = TypeVar("Task", SoftmaxTask, SigmoidTask)

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
    beside = [tensor if tensor is not None and _is_constant(tensor) else None for tensor in tensors]
    ctx.save_for_backward(
        *(tensor if other is None else None for tensor, other in zip(tensors, beside, strict=True))
    )
    ctx.beside = beside


def saved(ctx: Any) -> tuple[Tensor | None, ...]:
    """Return what was saved; raise, as autograd does, where one was changed since."""
    again = torch.is_grad_enabled()  # and the backward pass is differentiated
    return tuple(
        tensor if other is None else ordinary(other) if again else other
        for tensor, other in zip(ctx.saved_tensors, ctx.beside, strict=True)
    )


def ordinary(tensor: Tensor) -> Tensor:
    """Return the tensor; of one of inference mode a copy, which operations of torch can save."""
    return tensor.clone() if _is_constant(tensor) else tensor


def with_ordinary(task: Task) -> Task:
    """Return a dataclass of tensors and options, its tensors as `ordinary` returns them."""
    if torch.compiler.is_compiling():
        return task
    values = {each.name: getattr(task, each.name) for each in fields(task)}
    tensors = {name: each for name, each in values.items() if isinstance(each, Tensor)}
    return replace(task, **{name: ordinary(each) for name, each in tensors.items()})


def _is_constant(tensor: Tensor) -> bool:
    # a transform and a compiler show tensors of their own, which are of no mode
    if torch.compiler.is_compiling() or _transforms_active():
        return False
    return tensor.is_inference() and not tensor.requires_grad
