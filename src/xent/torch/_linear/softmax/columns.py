"""Linear softmax cross-entropy by slices of the classes: each block has all rows.

A row's softmax is known when all of its classes were seen, so the slices are walked twice.
The first walk keeps nine numbers of each row, from which its loss follows; the second makes
the logits again, turns them into their gradient, and multiplies them away. It begins with
the slice that the first ended with, whose logits are still there. Four products, of which a
single slice needs three; but each part of the weight's gradient is written once, and a block
may be as narrow as the memory asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from xent.torch._linear.plan import Plan
from xent.torch._linear.products import OperandGradients, Operands, Wanted
from xent.torch._linear.softmax.rows import Walked
from xent.torch._linear.softmax.slice_products import SliceProducts
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._ops import cpu_slices
from xent.torch._ops.results import Statistics, computed_in
from xent.torch._ops.route import Route
from xent.torch.formulas import softmax_slices as formulas
from xent.torch.formulas.softmax_slices import SliceState, SoftmaxSlice, rows_of

__all__ = ["walk_columns"]


def walk_columns(
    operands: Operands,
    task: LinearTask,
    plan: Plan,
    path: Route,
    *,
    kept: Tensor | None,  # the rows that count; None: all
    wanted: Wanted,
    scale: Any = 1.0,  # of the gradients
    row_scale: Tensor | None = None,  # likewise, one for each row
    rows: bool = False,
    statistics: bool = False,
    wide_weight: bool = False,  # the gradient of the weight stays as it was summed
) -> Walked:
    """Score all slices and, where wanted, walk them again for their gradients."""
    hidden, num_classes = operands.hidden, len(operands.weight)
    compute = computed_in(hidden.dtype)
    counting = _Counting(task, kept, num_classes, compute, statistics=statistics)
    products = SliceProducts(
        counting.of(hidden), operands, wanted, plan.columns, wide_weight=wide_weight
    )
    slices = [
        (first, min(first + plan.columns, num_classes))
        for first in range(0, num_classes, plan.columns)
    ]
    # statistics are about the target as it came
    apart = statistics and counting.changes_target
    state = plain = block = None
    for first, stop in slices:
        block = products.logits(first, stop)
        state = _scan(path, block, counting.part(first, stop), state, statistics and not apart)
        if apart:
            plain = _scan(path, block, counting.plain_part(first, stop), plain, True)
    assert state is not None
    losses = rows_of(state, counting.part(0, 0)).nll * counting.weights
    if counting.lossless is not None:
        losses = losses.masked_fill(counting.lossless, 0.0)
    total = losses.sum()

    stats = None
    if statistics:
        about = rows_of(state if plain is None else plain, counting.plain_part(0, 0))
        nll, lse, entropy = (counting.spread(each.to(compute), hidden) for each in about[:3])
        stats = Statistics(nll, lse, entropy, counting.spread(about.hit, hidden))
    gradients = None
    if any(wanted):
        if counting.lossless is not None:
            products.leave_out(counting.lossless)
        scales = counting.weights * scale
        if row_scale is not None:
            scales = scales * counting.of(row_scale)
        for first, stop in reversed(slices):
            if stop < num_classes:
                block = products.logits(first, stop)
            assert block is not None
            part = counting.part(first, stop)
            _gradient_(path)(block, part, state, scales)
            products.add(block, first, stop)
        d_hidden = products.d_hidden
        if d_hidden is not None:
            d_hidden = counting.spread(d_hidden.to(hidden.dtype), hidden)
        gradients = OperandGradients(d_hidden, products.d_weight, products.d_bias)
    return Walked(
        total.item() if total.is_cpu else total,
        counting.spread(losses.to(compute), hidden) if rows else None,
        gradients,
        stats,
    )


def _scan(
    path: Route, block: Tensor, part: SoftmaxSlice, state: SliceState | None, want_terms: bool
) -> SliceState:
    if path == "cpu":
        return cpu_slices.scan(block, part, state, want_terms=want_terms)
    return formulas.scan(block, part, state)


def _gradient_(path: Route) -> Callable[[Tensor, SoftmaxSlice, SliceState, Tensor], None]:
    return cpu_slices.gradient_ if path == "cpu" else formulas.gradient_


class _Counting:
    """The rows that count, and what each slice of them is asked for.

    `weights` are those of their losses, float64; `lossless` says which have none.
    """

    def __init__(
        self,
        task: LinearTask,
        kept: Tensor | None,
        num_classes: int,
        compute: torch.dtype,
        *,
        statistics: bool,
    ) -> None:
        self.task = task
        self.softmax = task.softmax
        self.kept = kept
        self.num_classes = num_classes
        self.compute = compute
        told = next(
            each
            for each in (task.softmax.target, task.softmax.soft_target, task.classes)
            if each is not None
        )
        rows = len(told) if kept is None else len(kept)
        self.weights = torch.ones(rows, dtype=torch.float64, device=told.device)
        if task.softmax.sample_weight is not None:
            self.weights = self.of(task.softmax.sample_weight.detach()).double()
        # rows that are here for their statistics alone
        self.lossless = task.without_loss() if statistics else None
        if self.lossless is not None:
            self.lossless = self.of(self.lossless)
            self.weights = self.weights.masked_fill(self.lossless, 0.0)
        self.target = None if task.softmax.target is None else self.of(task.softmax.target)
        self.choices: int | Tensor = num_classes
        mask = task.softmax.class_mask
        if mask is not None and task.softmax.label_smoothing:
            choices = mask.sum(dim=-1, keepdim=True).clamp(min=1)
            self.choices = self._of_mask(choices)

    @property
    def changes_target(self) -> bool:
        return bool(self.softmax.label_smoothing) or self.softmax.class_weight is not None

    def of(self, rows: Tensor) -> Tensor:
        """Return the rows that count."""
        return rows if self.kept is None else rows[self.kept]

    def _of_mask(self, mask: Tensor) -> Tensor:
        # one row may stand for all
        return self.of(mask) if mask.dim() == 2 and len(mask) > 1 else mask

    def spread(self, found: Tensor, hidden: Tensor) -> Tensor:
        """Return what was found of the rows that count among all of `hidden`: 0 in others."""
        if self.kept is None:
            return found
        return found.new_zeros((len(hidden), *found.shape[1:])).index_copy_(0, self.kept, found)

    def part(self, first: int, stop: int) -> SoftmaxSlice:
        """Return what classes [first, stop) are asked for."""
        task = self.softmax
        mask, weight = task.class_mask, task.class_weight
        if mask is not None:
            mask = self._of_mask(mask[..., first:stop])
        part = replace(
            task,
            target=self.target,
            soft_target=self._soft_target(first, stop),
            class_weight=None if weight is None else weight.detach()[first:stop],
            class_mask=mask,
            sample_weight=None,
            ignore_index=None,
        )
        return SoftmaxSlice(part, first, self.num_classes, self.choices)

    def plain_part(self, first: int, stop: int) -> SoftmaxSlice:
        """Return the same about the target as it came, and no more than -log p of it."""
        part = self.part(first, stop)
        task = replace(part.task, class_weight=None, label_smoothing=0.0, z_loss=0.0)
        return replace(part, task=task)

    def _soft_target(self, first: int, stop: int) -> Tensor | None:
        # columns first: the rows that count are copied
        if self.task.classes is None:
            soft = self.softmax.soft_target
            return None if soft is None else self.of(soft.detach()[:, first:stop])
        assert self.task.probs is not None
        classes, probs = self.of(self.task.classes), self.of(self.task.probs.detach())
        here = (classes >= first) & (classes < stop)
        dense = probs.new_zeros((len(classes), stop - first), dtype=self.compute)
        if stop > first:
            places = torch.where(here, classes - first, 0)
            dense.scatter_add_(1, places, torch.where(here, probs.to(self.compute), 0.0))
        return dense
