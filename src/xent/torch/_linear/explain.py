"""What `xent.kernels.explain` says of a loss of a product: who serves it, and its plan."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.kernels.choice import Choice
from xent.torch._linear.arguments import check_operands, flat
from xent.torch._linear.plan import Need, Plan, bytes_of, plan_blocks
from xent.torch._linear.products import Operands, Wanted
from xent.torch._linear.sigmoid.call import plan_for
from xent.torch._linear.sigmoid.task import LabelTask
from xent.torch._linear.softmax.tall_plan import plan_tall
from xent.torch._ops.explain import explain as explain_logits
from xent.torch._reduction import how_of, reduction_of

__all__ = ["OPERATIONS", "explain"]

_LABELS = "linear_sigmoid_cross_entropy"
OPERATIONS = ("linear_softmax_cross_entropy", "linear_cross_entropy", _LABELS)


def explain(
    operation: str,
    hidden: Tensor,
    linear_weight: Any = None,
    linear_bias: Tensor | None = None,
    *,
    memory: int | str | None = None,
    reduction: str = "mean",
) -> Choice:
    """Say what serves the blocks of a linear loss, and how it is cut into them.

    Ignored rows, which are not seen here, make the plan of a call smaller.
    """
    operands = Operands(hidden, linear_weight, linear_bias)
    check_operands(operands)
    reduction_of(reduction, "nan", None, None)
    rows = flat(hidden)
    late = how_of(reduction) == "rows" or hidden.dtype is torch.float16
    if operation == _LABELS:
        return _of_labels(rows, operands.weight, late, memory)
    served = explain_logits("softmax_cross_entropy", rows)
    device, weight = hidden.device.type, operands.weight
    need = Need(
        rows=len(rows),
        features=weight.shape[1],
        classes=weight.shape[0],
        dtype=weight.dtype,
        device=device,
        hidden=hidden.requires_grad,
        weight=weight.requires_grad,
        late=late,
    )
    plan: Plan
    if served.implementation == "triton" and need.is_narrow:
        plan = plan_tall(need, bytes_of(memory))
    else:
        plan = plan_blocks(need, bytes_of(memory), columns=served.implementation == "cpu")
    return Choice(operation, served.implementation, (*served.reasons, f"plan: {plan}"))


def _of_labels(rows: Tensor, weight: Tensor, late: bool, memory: int | str | None) -> Choice:
    served = explain_logits("sigmoid_cross_entropy", rows)
    if served.implementation == "triton":
        reasons = (*served.reasons[:-1], "triton: no kernel for blocks of labels",
                   "formulas: chosen; torch operations on each block")  # fmt: skip
        served = Choice(_LABELS, "formulas", reasons)
    plan = plan_for(
        LabelTask(),
        rows,
        weight,
        Wanted(rows.requires_grad, weight.requires_grad, False),
        native=served.implementation == "cpu",
        memory=bytes_of(memory),
        late=late,
    )
    return Choice(_LABELS, served.implementation, (*served.reasons, f"plan: {plan}"))
