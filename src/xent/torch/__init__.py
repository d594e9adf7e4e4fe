"""Differentiable tensors: the losses of `torch.nn`, exact, and what they lack."""

from xent.kernels.choice import explain_with
from xent.torch import adversarial, functional
from xent.torch._explain import OF_TENSORS, explain
from xent.torch.modules import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    KLDivLoss,
    LinearCrossEntropyLoss,
    MSELoss,
    NLLLoss,
)
from xent.torch.partition import check_partition_invariance
from xent.torch.total import Total

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "KLDivLoss",
    "LinearCrossEntropyLoss",
    "MSELoss",
    "NLLLoss",
    "Total",
    "adversarial",
    "check_partition_invariance",
    "functional",
]

explain_with("torch", explain, OF_TENSORS)
