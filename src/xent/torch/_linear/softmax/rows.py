"""Linear softmax cross-entropy by blocks of rows: each block is whole rows of logits.

Rows that do not count are left out before any product. A block's logits become their own
gradient and are multiplied away at once, so one block is all that ever exists of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.torch._linear.filter.products import Filtered
from xent.torch._linear.plan import Plan, row_blocks
from xent.torch._linear.products import OperandGradients, Operands, Products, Wanted, products_for
from xent.torch._linear.softmax.scores import score_
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._ops.results import Statistics, computed_in
from xent.torch._ops.route import Route

__all__ = ["Walked", "no_statistics", "walk_rows"]


class Walked(NamedTuple):
    sum: Any  # of the weighted losses, in float64: a float where it is known
    rows: Tensor | None  # the losses; 0 for a row that does not count
    gradients: OperandGradients | None
    statistics: Statistics | None
    gradient_error: float = 0.0  # bound on the relative error that a filter made


def walk_rows(
    operands: Operands,
    task: LinearTask,
    plan: Plan,
    path: Route,
    *,
    kept: Tensor | None,  # the rows that count, as indices; None: all are walked
    counts: Tensor | None = None,  # where all are walked: which of them count
    wanted: Wanted,
    scale: Any = 1.0,  # of the gradients
    row_scale: Tensor | None = None,  # likewise, one for each row
    rows: bool = False,
    statistics: bool = False,
    wide_weight: bool = False,  # the gradient of the weight stays as it was summed
    filter_tolerance: float | None = None,  # that gradients may be off by, in relation
) -> Walked:
    """Score all blocks and, where wanted, add up their gradients."""
    hidden, weight, _ = operands
    compute = computed_in(hidden.dtype)
    gradient = any(wanted)
    sums = products_for(operands, wanted, plan, wide_weight=wide_weight)
    filtered = None
    if filter_tolerance is not None:
        filtered = Filtered(sums, operands, wanted, plan, filter_tolerance)
    products: Products = filtered or sums
    d_hidden = None
    if wanted.hidden:
        d_hidden = torch.empty_like(hidden) if kept is None else torch.zeros_like(hidden)
    losses = hidden.new_zeros(hidden.shape[:1], dtype=compute) if rows else None
    stats = no_statistics(hidden, compute) if statistics else None
    lossless = task.without_loss() if statistics and gradient else None
    total: Any = 0.0
    for block in row_blocks(hidden.shape[0], kept, plan.rows):
        part = hidden[block]
        if counts is not None:
            # 0 times what a row that does not count may hold is not 0
            part = part.masked_fill(~counts[block, None], 0.0)
        logits = products.logits(part)
        scored = score_(
            logits,
            task.of_rows(block, weight.shape[0], compute),
            path,
            gradient=gradient,
            scale=scale,
            row_scale=None if row_scale is None else row_scale[block],
            statistics=statistics,
        )
        total = total + scored.sum
        if losses is not None:
            losses[block] = scored.rows
        if stats is not None:
            assert scored.statistics is not None
            for all_rows, some in zip(stats, scored.statistics, strict=True):
                all_rows[block] = some
        if gradient:
            if lossless is not None:
                # read for its statistics, and of no weight in a product
                part = part.masked_fill(lossless[block, None], 0.0)
            found = products.add(logits, part)
            if d_hidden is not None and found is not None:
                d_hidden[block] = found.to(d_hidden.dtype)
    gradients = OperandGradients(d_hidden, *products.finish()) if gradient else None
    return Walked(total, losses, gradients, stats, filtered.error if filtered else 0.0)


def no_statistics(hidden: Tensor, compute: torch.dtype) -> Statistics:
    """Return the statistics of rows that do not count."""
    shape = hidden.shape[:1]
    nll, lse, entropy = (hidden.new_zeros(shape, dtype=compute) for _ in range(3))
    return Statistics(nll, lse, entropy, hidden.new_zeros(shape, dtype=torch.bool))
