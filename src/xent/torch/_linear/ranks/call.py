"""Softmax cross-entropy of classes that several processes share.

Each rank sees its own classes of every row, and of these a state of nine numbers; the states
of a block of rows are gathered and merged while its logits are still there, so a training
step takes the three matrix products that it takes on one device. What is sent are 72 bytes a
row and rank, and once the gradient of the hidden states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from xent.diagnostics.targets import raise_target_out_of_range
from xent.errors import UnavailableError
from xent.torch._linear.autograd import Gradients
from xent.torch._linear.plan import Need, Plan, plan_blocks, row_blocks
from xent.torch._linear.products import Operands, Wanted, products_for
from xent.torch._linear.ranks.exchange import Ranks
from xent.torch._linear.softmax.task import LinearTask, indices_of, products_of_rows
from xent.torch._ops import cpu_slices
from xent.torch._ops.results import computed_in, count_of, mean_of
from xent.torch.formulas import softmax_slices as formulas
from xent.torch.formulas._rows import skips_classes
from xent.torch.formulas.softmax_slices import SliceState, SoftmaxSlice, rows_of

__all__ = ["ParallelLinear", "ParallelLogits"]


class _Parallel:
    """What the two calls share; `weight` and `count` are there after `evaluate`.

    Parameters
    ----------
    task : LinearTask
        Its `target` counts the classes of all ranks; `soft_target`, `class_weight` and
        `class_mask` are those of this rank.
    how : {"mean", "sum", "rows"}
    ranks : Ranks
    """

    def __init__(self, task: LinearTask, how: str, ranks: Ranks) -> None:
        self.task = task
        self.how = how
        self.ranks = ranks
        self.late = how == "rows"
        self.later: Sequence[bool] = ()  # needs no plan of its own: blocks do not depend on it
        self.choices: int | Tensor = ranks.num_classes
        mask = task.softmax.class_mask
        if mask is not None and task.softmax.label_smoothing:
            of_rows = mask if mask.dim() == 2 else mask[None]
            self.choices = ranks.total(of_rows.sum(dim=-1, keepdim=True)).clamp(min=1)
        self.weight: Any = 0.0
        self.count: Any = 0
        self.weighs: Tensor | None = None  # rows whose class does; a rank has not all weights

    def _with_loss(self) -> Tensor | None:
        """Return which rows have a loss, as `formulas._rows` says of rows with all classes."""
        counted = self.task.counted()
        if counted is None or self.weighs is None:
            return self.weighs if counted is None else counted
        return counted & self.weighs

    def others(self) -> Mapping[str, Tensor | None]:
        return self.task.tensors()

    def formula(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        raise UnavailableError(
            "second derivatives of a loss whose vocabulary is shared are not computed: call "
            "backward without create_graph=True, or take them on one device"
        )

    def deliver(self, gradients: Gradients) -> Gradients:
        return gradients

    def _weigh(self, num_rows: int) -> None:
        """Find what a mean divides by, once the targets are checked."""
        task, target = self.task.softmax, self.task.softmax.target
        if target is not None and target.is_cpu:
            bad = (target < 0) | (target >= self.ranks.num_classes)
            if task.ignore_index is not None:
                bad &= target != task.ignore_index
            if bool(bad.any()):
                raise_target_out_of_range(target.numpy(), self.ranks.num_classes, task.ignore_index)
        of_rows = self._row_weights(num_rows)
        if task.class_weight is not None:
            mass = self.ranks.total(self._mass(num_rows))
            of_rows = of_rows * mass
            if skips_classes(task):
                self.weighs = mass != 0
        weight = of_rows.sum()
        count = count_of(task, num_rows)
        self.weight = float(weight) if weight.is_cpu else weight
        self.count = int(count) if weight.is_cpu else count

    def _row_weights(self, num_rows: int) -> Tensor:
        """Return what each row counts before any class weight, float64; 0 where skipped."""
        task = self.task.softmax
        some = task.target if task.target is not None else task.soft_target
        assert some is not None
        weight = torch.ones(num_rows, dtype=torch.float64, device=some.device)
        if task.sample_weight is not None:
            weight = task.sample_weight.detach().to(torch.float64)
        if task.target is not None and task.ignore_index is not None:
            weight = torch.where(task.target == task.ignore_index, 0.0, weight)
        return weight

    def _mass(self, num_rows: int) -> Tensor:
        """Return ``sum_j w_j t_j`` over the classes of this rank, float64."""
        task, first = self.task.softmax, self.ranks.first
        assert task.class_weight is not None
        weight = task.class_weight.detach().to(torch.float64)
        if task.target is None:
            assert task.soft_target is not None
            mass = products_of_rows(task.soft_target.detach(), weight)
        else:
            padded = torch.cat([weight, weight.new_zeros(1)])
            here = task.target - first
            none = (here < 0) | (here >= len(weight))
            mass = padded[torch.where(none, len(weight), here)]
        if task.label_smoothing:
            mask = task.class_mask
            allowed = weight if mask is None else torch.where(mask, weight, 0.0)
            share = allowed.sum(dim=-1, keepdim=True) / self.choices
            mass = (1 - task.label_smoothing) * mass
            mass = mass + task.label_smoothing * share.reshape(-1)
        return mass

    def _scale(self, num_rows: int, upstream: Tensor | None) -> Tensor:
        """Return what the gradient of each row is multiplied with, float64."""
        weights = self._row_weights(num_rows)
        scale: Any = 1.0 if upstream is None else upstream.double()
        if self.how == "mean":
            empty = self.weight == 0
            divisor = torch.where(empty, 1.0, self.weight) if isinstance(self.weight, Tensor) else (
                1.0 if empty else self.weight
            )  # fmt: skip
            scale = scale / divisor
        return scale * weights

    def _slice(self, rows: slice | Tensor, dtype: torch.dtype) -> SoftmaxSlice:
        choices = self.choices
        if isinstance(choices, Tensor) and len(choices) > 1:
            choices = choices[rows]
        part = self.task.of_rows(rows, self.ranks.sizes[self.ranks.rank], dtype)
        if self.weighs is not None:
            with_loss = self._with_loss()
            assert with_loss is not None
            part = replace(part, sample_weight=with_loss[rows].double())
        return SoftmaxSlice(part, self.ranks.first, self.ranks.num_classes, choices)

    def _reduced(self, rows: Tensor, dtype: torch.dtype) -> Tensor:
        if self.how == "rows":
            return rows.to(computed_in(dtype))
        total = rows.sum()
        if self.how == "mean":
            divisor = torch.as_tensor(self.weight, dtype=total.dtype, device=total.device)
            total = mean_of(total, divisor)
        return total.to(computed_in(dtype))


class ParallelLogits(_Parallel):
    """The loss of logits (N, n), of which every rank has some columns."""

    def evaluate(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> tuple[Tensor, Gradients | None]:
        logits = _given(operands[0])
        self._weigh(len(logits))
        part = self._slice(slice(None), computed_in(logits.dtype))
        self.state = self.ranks.whole(_scan(logits, part))
        rows = rows_of(self.state, part).nll * self._row_weights(len(logits))
        gradients = [self._gradient(logits, None)] if wanted[0] else None
        return self._reduced(rows, logits.dtype), gradients

    def gradients(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        return [self._gradient(_given(operands[0]), upstream)]

    def _gradient(self, logits: Tensor, upstream: Tensor | None) -> Tensor:
        out = logits.clone(memory_format=torch.contiguous_format)
        part = self._slice(slice(None), computed_in(logits.dtype))
        _gradient_(out, part, self.state, self._scale(len(logits), upstream))
        return out


class ParallelLinear(_Parallel):
    """The loss of ``hidden @ linear_weight.T``, of which every rank has some rows.

    Parameters
    ----------
    memory : int or None
        Budget in bytes, the same on every rank.
    reduce_hidden : bool
        Whether the gradient of `hidden` is summed over the ranks.
    """

    def __init__(
        self, task: LinearTask, how: str, ranks: Ranks, memory: int | None, *, reduce_hidden: bool
    ) -> None:
        super().__init__(task, how, ranks)
        self.memory = memory
        self.reduce_hidden = reduce_hidden
        self.states: list[SliceState] = []  # of the blocks, once they were gathered

    def evaluate(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> tuple[Tensor, Gradients | None]:
        own = _operands(operands)
        self._weigh(len(own.hidden))
        rows, gradients = self._walk(own, Wanted(*wanted), None)
        return self._reduced(rows, own.hidden.dtype), gradients

    def gradients(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        found = self._walk(_operands(operands), Wanted(*wanted), upstream)[1]
        assert found is not None
        return found

    def _walk(
        self, own: Operands, wanted: Wanted, upstream: Tensor | None
    ) -> tuple[Tensor, Gradients | None]:
        """Return the weighted losses, float64, and the gradients that are wanted."""
        hidden, num_rows = own.hidden, len(own.hidden)
        compute = computed_in(hidden.dtype)
        kept = indices_of(self._with_loss())
        plan = self._plan(own, num_rows if kept is None else len(kept))
        products = products_for(own, wanted, plan)
        scale = self._scale(num_rows, upstream)
        weights = self._row_weights(num_rows)
        losses = torch.zeros_like(weights)
        d_hidden = torch.zeros_like(hidden, dtype=compute) if wanted.hidden else None
        known = iter(list(self.states))
        for block in row_blocks(num_rows, kept, plan.rows):
            rows = hidden[block]
            logits = products.logits(rows)
            part = self._slice(block, compute)
            state = next(known, None)
            if state is None:  # a later pass over the same operands has nothing to ask
                state = self.ranks.whole(_scan(logits, part))
                self.states.append(state)
            losses[block] = rows_of(state, part).nll * weights[block]
            if any(wanted):
                _gradient_(logits, part, state, scale[block])
                found = products.add(logits, rows)
                if d_hidden is not None:
                    assert found is not None
                    d_hidden[block] = found.to(compute)
        if not any(wanted):
            return losses, None
        if d_hidden is not None:
            if self.reduce_hidden:
                self.ranks.add_(d_hidden)
            d_hidden = d_hidden.to(hidden.dtype)
        return losses, [d_hidden, *products.finish()]

    def _plan(self, own: Operands, num_rows: int) -> Plan:
        """Return blocks of as many rows on every rank, or their states would not fit."""
        need = Need(
            rows=num_rows,
            features=own.weight.shape[1],
            classes=self.ranks.largest,
            dtype=own.weight.dtype,
            device=own.weight.device.type,
        )
        plan = plan_blocks(need, self.memory, columns=False)
        return replace(plan, columns=own.weight.shape[0])


def _scan(block: Tensor, part: SoftmaxSlice) -> SliceState:
    if _is_native(block):
        return cpu_slices.scan(block, part, want_terms=False)
    return formulas.scan(block, part)


def _gradient_(block: Tensor, part: SoftmaxSlice, state: SliceState, row_scale: Tensor) -> None:
    operation = cpu_slices.gradient_ if _is_native(block) else formulas.gradient_
    operation(block, part, state, row_scale)


def _is_native(block: Tensor) -> bool:
    """Return whether the kernels of a CPU serve this block: numbers of 32 or 64 bits in rows."""
    adjacent = block.shape[1] <= 1 or block.stride(1) == 1
    wide = block.dtype in (torch.float32, torch.float64)
    return bool(block.is_cpu and wide and adjacent and block.numel() > 0)


def _given(operand: Tensor | None) -> Tensor:
    assert operand is not None
    return operand.detach()


def _operands(operands: Sequence[Tensor | None]) -> Operands:
    hidden, weight, bias = operands
    return Operands(_given(hidden), _given(weight), None if bias is None else bias.detach())
