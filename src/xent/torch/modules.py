"""The losses as modules: the classes of `torch.nn`, computed by `xent.torch.functional`.

Each is a subclass of the class whose name it has, with its constructor, so that a program
that asks ``isinstance(loss, torch.nn.CrossEntropyLoss)`` gets the answer that it got.
State dicts hold the same entries: either class loads the other's. What torch lacks comes by
keyword, and a module that was made without it (pickled as torch's, say, and given this class)
works as torch's does.

>>> import torch
>>> from xent.torch import modules
>>> loss = modules.CrossEntropyLoss(label_smoothing=0.1, z_loss=1e-4)
>>> loss
CrossEntropyLoss(label_smoothing=0.1, z_loss=0.0001)
>>> loss(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
tensor(0.2274)
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from xent.torch import functional as F
from xent.torch._linear_module import LinearCrossEntropyLoss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "KLDivLoss",
    "LinearCrossEntropyLoss",
    "MSELoss",
    "NLLLoss",
]


class _Loss(nn.Module):
    """The options that torch lacks: defaults, and which of them are set."""

    on_empty: str = "nan"
    # what a module has beyond torch's, and what it is where nothing was said
    _options: tuple[tuple[str, Any], ...] = (("on_empty", "nan"),)

    def extra_repr(self) -> str:
        said = [f"reduction={self.reduction!r}"] if self.reduction != "mean" else []
        options = ((name, default, getattr(self, name)) for name, default in self._options)
        said += [f"{name}={value!r}" for name, default, value in options if value != default]
        return ", ".join(said)


class CrossEntropyLoss(_Loss, nn.CrossEntropyLoss):
    """`xent.torch.functional.cross_entropy` as a module; a `torch.nn.CrossEntropyLoss`.

    Parameters
    ----------
    weight, size_average, ignore_index, reduce, reduction, label_smoothing
        As torch's class takes them; `reduction` may be "total".
    z_loss, softcap, temperature, on_empty
        As the function takes them.
    class_mask : Tensor of bool, optional
        As the function takes it. A buffer, so that it moves with the module; not in the
        state dict, which is torch's.

    Notes
    -----
    *Shapes.* ``loss(input, target)`` or ``loss(input, target, sample_weight=...)``, as the
    function takes them.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import modules
    >>> loss = modules.CrossEntropyLoss(reduction="total")
    >>> logits, target = torch.zeros(3, 2), torch.tensor([0, 1, -100])
    >>> loss(logits, target).mean()
    tensor(0.6931)
    """

    z_loss: float = 0.0
    softcap: float | None = None
    temperature: float = 1.0
    _options = (
        ("ignore_index", -100),
        ("label_smoothing", 0.0),
        ("z_loss", 0.0),
        ("softcap", None),
        ("temperature", 1.0),
        ("on_empty", "nan"),
    )

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        *,
        class_mask: Tensor | None = None,
        z_loss: float = 0.0,
        softcap: float | None = None,
        temperature: float = 1.0,
        on_empty: str = "nan",
    ) -> None:
        super().__init__(weight, size_average, ignore_index, reduce, reduction, label_smoothing)
        self.register_buffer("class_mask", class_mask, persistent=False)
        self.z_loss = z_loss
        self.softcap = softcap
        self.temperature = temperature
        self.on_empty = on_empty

    def forward(self, input: Tensor, target: Tensor, *, sample_weight: Tensor | None = None) -> Any:
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
            sample_weight=sample_weight,
            # a module that was pickled as torch's has no such buffer
            class_mask=getattr(self, "class_mask", None),
            z_loss=self.z_loss,
            softcap=self.softcap,
            temperature=self.temperature,
            on_empty=self.on_empty,
        )


class NLLLoss(_Loss, nn.NLLLoss):
    """`xent.torch.functional.nll_loss` as a module; a `torch.nn.NLLLoss`.

    Parameters
    ----------
    weight, size_average, ignore_index, reduce, reduction
        As torch's class takes them; `reduction` may be "total".
    on_empty
        As the function takes it.

    Notes
    -----
    *Shapes.* ``loss(input, target)`` or ``loss(input, target, sample_weight=...)``.
    """

    _options = (("ignore_index", -100), ("on_empty", "nan"))

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        *,
        on_empty: str = "nan",
    ) -> None:
        super().__init__(weight, size_average, ignore_index, reduce, reduction)
        self.on_empty = on_empty

    def forward(self, input: Tensor, target: Tensor, *, sample_weight: Tensor | None = None) -> Any:
        return F.nll_loss(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            sample_weight=sample_weight,
            on_empty=self.on_empty,
        )


class BCEWithLogitsLoss(_Loss, nn.BCEWithLogitsLoss):
    """`binary_cross_entropy_with_logits` as a module; a `torch.nn.BCEWithLogitsLoss`.

    Parameters
    ----------
    weight, size_average, reduce, reduction, pos_weight
        As torch's class takes them; `reduction` may be "total".
    on_empty
        As the function takes it.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
        *,
        on_empty: str = "nan",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction, pos_weight)
        self.on_empty = on_empty

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            weight=self.weight,
            pos_weight=self.pos_weight,
            reduction=self.reduction,
            on_empty=self.on_empty,
        )


class BCELoss(_Loss, nn.BCELoss):
    """`xent.torch.functional.binary_cross_entropy` as a module; a `torch.nn.BCELoss`.

    Parameters
    ----------
    weight, size_average, reduce, reduction
        As torch's class takes them; `reduction` may be "total".
    on_empty
        As the function takes it.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        *,
        on_empty: str = "nan",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.on_empty = on_empty

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F.binary_cross_entropy(
            input, target, weight=self.weight, reduction=self.reduction, on_empty=self.on_empty
        )


class KLDivLoss(_Loss, nn.KLDivLoss):
    """`xent.torch.functional.kl_div` as a module; a `torch.nn.KLDivLoss`.

    Parameters
    ----------
    size_average, reduce, reduction, log_target
        As torch's class takes them; `reduction` may be "total".
    on_empty
        As the function takes it.
    """

    _options = (("log_target", False), ("on_empty", "nan"))

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
        *,
        on_empty: str = "nan",
    ) -> None:
        super().__init__(size_average, reduce, reduction, log_target)
        self.on_empty = on_empty

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F.kl_div(
            input,
            target,
            reduction=self.reduction,
            log_target=self.log_target,
            on_empty=self.on_empty,
        )


class MSELoss(_Loss, nn.MSELoss):
    """`xent.torch.functional.mse_loss` as a module; a `torch.nn.MSELoss`.

    Parameters
    ----------
    size_average, reduce, reduction
        As torch's class takes them; `reduction` may be "total".
    on_empty
        As the function takes it.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        *,
        on_empty: str = "nan",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.on_empty = on_empty

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F.mse_loss(input, target, reduction=self.reduction, on_empty=self.on_empty)
