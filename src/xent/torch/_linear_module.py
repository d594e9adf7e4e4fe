"""Linear cross-entropy as a module: the layer that makes the logits and its loss are one."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from xent.errors import XentValueError
from xent.torch._linear.plan import bytes_of
from xent.torch.functional._linear_cross_entropy import linear_cross_entropy

__all__ = ["LinearCrossEntropyLoss"]

# torch has it since 2.12
_Base: Any = getattr(nn, "LinearCrossEntropyLoss", nn.Module)


class LinearCrossEntropyLoss(_Base):
    """`xent.torch.functional.linear_cross_entropy` with its layer, as a module.

    A `torch.nn.LinearCrossEntropyLoss` where torch has one; the layer is ``.linear``, so
    either class loads the other's state dict.

    Parameters
    ----------
    in_features, num_classes : int
        D and C.
    out_features : tuple of int, default ()
        Positions, each with a layer of its own.
    bias : bool, default False
    device, dtype
        Of the layer.
    reduction, weight, ignore_index, label_smoothing, options
        As the function takes them; `reduction` may be "total".
    memory : int or str, optional
        As the function takes it.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import modules
    >>> loss = modules.LinearCrossEntropyLoss(16, 1000)
    >>> loss(torch.randn(4, 16), torch.tensor([1, 2, 3, 4])).shape
    torch.Size([])
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
        memory: int | str | None = None,
    ) -> None:
        if weight is not None and weight.shape != (num_classes,):
            raise XentValueError(
                f"weight must have shape {(num_classes,)}, one for each class, got "
                f"{tuple(weight.shape)}",
                code="D14",
                value=tuple(weight.shape),
            )
        bytes_of(memory)
        nn.Module.__init__(self)
        self.register_buffer("weight", weight)
        self.num_classes = num_classes
        self.out_features = out_features
        self.reduction = reduction
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        # one axis of classes and positions, as torch keeps it
        rows = math.prod(out_features, start=num_classes)
        self.linear = nn.Linear(in_features, rows, bias=bias, device=device, dtype=dtype)
        self.options = options
        self.memory = memory

    def forward(self, input: Tensor, target: Tensor) -> Any:
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
            # a module that was pickled as torch's has none
            memory=getattr(self, "memory", None),
        )

    def extra_repr(self) -> str:
        said = {
            "in_features": self.linear.in_features,
            "num_classes": self.num_classes,
            "out_features": self.out_features,
            "bias": self.linear.bias is not None,
            "reduction": self.reduction,
            "ignore_index": self.ignore_index,
            "label_smoothing": self.label_smoothing,
            "memory": getattr(self, "memory", None),
        }
        return ", ".join(f"{name}={value!r}" for name, value in said.items())
