"""Who explains which operation on tensors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from xent.errors import XentTypeError
from xent.kernels.choice import Choice
from xent.torch._linear import explain as linear
from xent.torch._linear.divergence import explain as pairs
from xent.torch._ops import explain as logits

__all__ = ["OF_TENSORS", "explain"]

# what arrays do not have
OF_TENSORS = (*linear.OPERATIONS, *pairs.OPERATIONS)


def explain(operation: str, tensor: Tensor, *others: Any, **options: Any) -> Choice:
    if operation in linear.OPERATIONS:
        return linear.explain(operation, tensor, *others, **options)
    if operation in pairs.OPERATIONS:
        return pairs.explain(operation, tensor, *others, **options)
    if others or options:
        raise XentTypeError(f"{operation} is explained by its tensor alone", value=operation)
    return logits.explain(operation, tensor)
