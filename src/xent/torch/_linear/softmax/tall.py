"""Linear softmax cross-entropy on a device with matrix units of 16 bits.

As rows.py, but a block of rows has two arrays: the float32 logits of some of its rows at a
time, and the gradients of all of them in the 16 bits that the units multiply. `tall_plan.py`
says why. No logit is rounded to 16 bits, and no sum but where a plan says so. The host waits
for nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.torch._linear.mixed import product
from xent.torch._linear.products import OperandGradients, Operands, Wanted
from xent.torch._linear.softmax.rows import Walked, no_statistics
from xent.torch._linear.softmax.scores import score_
from xent.torch._linear.softmax.tall_plan import DOWN, TallPlan
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._linear.softmax.weight_sums import WeightSum, scale_sum
from xent.torch._ops.route import Route

__all__ = ["walk_tall"]


def walk_tall(
    operands: Operands,
    task: LinearTask,
    plan: TallPlan,
    path: Route,
    *,
    kept: Tensor | None,  # the rows that count, as indices; None: all are walked
    counts: Tensor | None = None,  # where all are walked: which of them count
    wanted: Wanted,
    scale: Any = 1.0,  # of the gradients
    row_scale: Tensor | None = None,  # likewise, one for each row
    rows: bool = False,
    statistics: bool = False,
    given: Tensor | None = None,  # what the gradient of the weight is added to
) -> Walked:
    """Score all blocks and, where wanted, add up their gradients."""
    hidden, weight, _ = operands
    gradient = any(wanted)
    scored_by, summed_by = scale, 1.0
    if weight.dtype is torch.float16 and given is None:
        # below 6e-8 there is nothing in float16: what a mean divides by waits for the sums
        scored_by, summed_by = 1.0, scale
    walk = _Walk(operands, plan, wanted, summed_by, given)
    losses = hidden.new_zeros(hidden.shape[:1], dtype=torch.float32) if rows else None
    stats = no_statistics(hidden, torch.float32) if statistics else None
    lossless = task.without_loss() if statistics and gradient else None
    total: Any = 0.0
    for begin, end in plan.blocks_of(hidden.shape[0] if kept is None else len(kept)):
        block: Any = slice(begin, end) if kept is None else kept[begin:end]
        part = hidden[block]
        if counts is not None:
            # 0 times what a row that does not count may hold is not 0
            part = part.masked_fill(~counts[block, None], 0.0)
        for first in range(0, end - begin, plan.scored):
            last = min(first + plan.scored, end - begin)
            some: Any = slice(begin + first, begin + last)
            some = some if kept is None else kept[some]
            out = None if walk.block is None else walk.block[first:last]
            scored = score_(
                walk.logits(part[first:last]),
                task.of_rows(some, weight.shape[0], torch.float32),
                path,
                gradient=gradient,
                scale=scored_by,
                row_scale=None if row_scale is None else row_scale[some],
                statistics=statistics,
                out=out,
            )
            total = total + scored.sum
            if losses is not None:
                losses[some] = scored.rows
            if stats is not None:
                assert scored.statistics is not None
                for all_rows, found in zip(stats, scored.statistics, strict=True):
                    all_rows[some] = found
            del out  # a view, which would keep the block
        if gradient:
            if lossless is not None:
                # read for its statistics, and of no weight in a product
                part = part.masked_fill(lossless[block, None], 0.0)
            walk.add(block, part)
        del part
    gradients = walk.finish(kept) if gradient else None
    return Walked(total, losses, gradients, stats)


class _Walk:
    """The two arrays of a block, and the sums of the gradients."""

    def __init__(
        self, operands: Operands, plan: TallPlan, wanted: Wanted, scale: Any, given: Tensor | None
    ) -> None:
        hidden, self.weight, self.bias = operands
        self.scale = scale
        classes = self.weight.shape[0]
        new = self.weight.new_empty
        self.wide = new((plan.scored, classes), dtype=torch.float32)
        self.block = new((plan.rows, classes)) if any(wanted) else None
        self.down = None
        self.d_hidden = None
        if wanted.hidden:
            self.down = new((min(plan.rows, DOWN), self.weight.shape[1]), dtype=torch.float32)
            # every row is written, but those that were left out
            self.d_hidden = torch.zeros_like(hidden)
        self.d_weight = WeightSum(self.weight, plan, given) if wanted.weight else None
        self.d_bias = new((classes,), dtype=torch.float64).zero_() if wanted.bias else None

    def logits(self, hidden: Tensor) -> Tensor:
        found = product(hidden, self.weight.t(), self.wide[: hidden.shape[0]])
        if self.bias is not None:
            found += self.bias
        return found

    def add(self, rows: Any, hidden: Tensor) -> None:
        """Add the gradients of the block, whose rows have these hidden states."""
        assert self.block is not None
        block = self.block[: hidden.shape[0]]
        if self.d_weight is not None:
            self.d_weight.add(block, hidden)
        if self.d_bias is not None:
            self.d_bias += block.sum(dim=0, dtype=torch.float32)
        if self.d_hidden is None:
            return
        assert self.down is not None
        for begin in range(0, len(block), len(self.down)):
            part = block[begin : begin + len(self.down)]
            # in float32 first: the shares of a long sum are not rounded before they are added
            found = product(part, self.weight, self.down[: len(part)])
            scale_sum(found, self.scale)
            if isinstance(rows, slice):
                at = rows.start + begin
                self.d_hidden[at : at + len(part)] = found
            else:
                self.d_hidden[rows[begin : begin + len(part)]] = found.to(self.d_hidden.dtype)

    def finish(self, kept: Tensor | None) -> OperandGradients:
        """Return the gradients; the arrays of the block make room for that of the weight."""
        del self.wide, self.block, self.down
        d_weight = None if self.d_weight is None else self.d_weight.finish(self.scale)
        d_bias = None
        if self.d_bias is not None and self.bias is not None:
            d_bias = (self.d_bias * self.scale).to(self.bias.dtype)
        return OperandGradients(self.d_hidden, d_weight, d_bias)
