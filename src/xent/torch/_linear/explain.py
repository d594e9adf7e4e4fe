"""What `xent.kernels.explain` says of a loss of a product: who serves it, and its plan."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from xent.kernels.choice import Choice
from xent.torch._linear.arguments import check_operands
from xent.torch._linear.plan import Need, bytes_of, plan_blocks
from xent.torch._linear.products import Operands
from xent.torch._ops.explain import explain as explain_logits
from xent.torch._reduction import how_of, reduction_of

__all__ = ["OPERATIONS", "explain"]

OPERATIONS = ("linear_softmax_cross_entropy", "linear_cross_entropy")


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
    rows = hidden.reshape(-1, hidden.shape[-1])
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
        late=how_of(reduction) == "rows",
    )
    plan = plan_blocks(need, bytes_of(memory), columns=served.implementation == "cpu")
    return Choice(operation, served.implementation, (*served.reasons, f"plan: {plan}"))
