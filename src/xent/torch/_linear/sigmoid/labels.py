"""Sigmoid cross-entropy by blocks of labels: the walk over the blocks.

The logits of a block are made in a buffer, become their own gradient there, and are
multiplied into the gradients of `hidden` and `linear_weight` before the next block takes
their place. Sparse labels are false but for a few. The logits of those few are taken out of
the block first, and -inf is put there, which costs exactly 0; what the true label costs is
computed from the logit that was taken out. Nothing is subtracted.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch._linear.plan import Plan
from xent.torch._linear.products import OperandGradients, Operands, Wanted
from xent.torch._linear.sigmoid.positives import Ordered
from xent.torch._linear.sigmoid.products import label_products
from xent.torch._linear.sigmoid.scores import LabelScores, TrueLabels
from xent.torch._linear.sigmoid.task import LabelTask

__all__ = ["Labelled", "walk_labels"]


class Labelled(NamedTuple):
    rows: Tensor  # float64, (N,): the losses of each row, before its sample weight
    gradients: OperandGradients | None
    bad: int  # dense targets outside [0, 1], where that is counted


def walk_labels(
    operands: Operands,
    task: LabelTask,
    ordered: Ordered | None,
    plan: Plan,
    *,
    native: bool,
    wanted: Wanted,
    scale: float = 1.0,  # of the gradients
    row_scale: Tensor | None = None,  # float64: likewise, one for each row
    kept: Tensor | None = None,  # the rows of a dense target that the operands are
    wide_weight: bool = False,  # the gradient of a 16-bit weight stays as it was summed
) -> Labelled:
    """Score all blocks and, where wanted, add up their gradients.

    `ordered` holds the entries of the rows of the operands, and nothing of the task counts but
    its dense target and the weights of its labels.
    """
    products = label_products(operands, wanted, plan, wide_weight=wide_weight)
    rows, labels = products.hidden.shape[0], operands.weight.shape[0]
    true = None
    if ordered is not None:
        true = TrueLabels(ordered, task, products.dtype, scale, row_scale, native)
        ordered.cut(plan.columns)
    sums = torch.zeros(rows, dtype=torch.float64, device=products.hidden.device)
    bad = 0
    for first in range(0, labels, plan.columns):
        part = range(first, min(first + plan.columns, labels))
        scores = LabelScores(task, part, native)
        products.begin(part, scores.weight)
        for top in range(0, rows, plan.rows):
            block = range(top, min(top + plan.rows, rows))
            z, flat = products.logits(block)
            if true is not None:
                true.take(flat, block, part)
            bad += scores.score_(
                z,
                sums[block.start : block.stop],
                scores.targets(block, kept),
                scale,
                None if row_scale is None else row_scale[block.start : block.stop],
                want_gradient=any(wanted),
            )
            if any(wanted):
                if true is not None:
                    true.put(flat)
                products.add(z, block)
        products.end()
    if true is not None:
        sums.index_add_(0, true.row, true.losses())
    return Labelled(sums, products.finished() if any(wanted) else None, bad)
