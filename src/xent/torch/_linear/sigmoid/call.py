"""Linear sigmoid cross-entropy, eager: a plan, a walk over its blocks, a reduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.diagnostics.soft_targets import check_unit_interval
from xent.torch._checks import numpy_of
from xent.torch._linear.autograd import Gradients
from xent.torch._linear.plan import Plan
from xent.torch._linear.products import Operands, Wanted
from xent.torch._linear.sigmoid.faults import faulty_rows, refuse_faults
from xent.torch._linear.sigmoid.labels import Labelled, walk_labels
from xent.torch._linear.sigmoid.plan import LabelNeed, plan_labels
from xent.torch._linear.sigmoid.positives import Ordered
from xent.torch._linear.sigmoid.task import LabelTask
from xent.torch._ops.results import computed_in, mean_of
from xent.torch._ops.route import is_eager, is_plain

__all__ = ["LinearSigmoid", "denominator", "plan_for"]


class _Rows(NamedTuple):
    """The rows that are computed."""

    hidden: Tensor
    ordered: Ordered | None
    weight: Tensor | None  # float64: their sample weights
    kept: Tensor | None  # which of all they are; None: all
    faulty: Tensor | None  # bool: rows whose labels cannot be; None: there are none


class LinearSigmoid:
    """One call of the blocks, for the eager autograd of linear losses.

    Parameters
    ----------
    task : LabelTask
    how : {"mean", "sum", "rows"}
    native : bool
        Whether the native kernel scores the blocks, or torch operations.
    memory : int or None
        Budget in bytes.
    main_grad : Tensor or None
        What the gradient of the weight is added to, instead of being returned.
    """

    def __init__(
        self,
        task: LabelTask,
        how: str,
        *,
        native: bool,
        memory: int | None = None,
        main_grad: Tensor | None = None,
    ) -> None:
        self.task = task
        self.how = how
        self.native = native
        self.late = how == "rows"
        self.later: Sequence[bool] = ()
        self.memory = memory
        self.main_grad = main_grad

    def evaluate(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> tuple[Tensor, Gradients | None]:
        found, rows = self._walk(operands, Wanted(*wanted), None)
        hidden, weight = operands[:2]
        assert hidden is not None
        assert weight is not None
        sums = found.rows
        if rows.weight is not None:
            # where rows are only passed over, what they hold comes out as well
            sums = torch.where(rows.weight == 0, 0.0, sums * rows.weight)
        if rows.faulty is not None:
            sums = torch.where(rows.faulty, torch.nan, sums)
        compute = computed_in(hidden.dtype)
        if self.how == "rows":
            return _spread(sums, rows.kept, hidden.shape[0]).to(compute), found.gradients
        value = sums.sum()
        if self.how == "mean":
            over = denominator(self.task, hidden, weight)
            value = mean_of(value, torch.as_tensor(over, dtype=value.dtype, device=value.device))
        return value.to(compute), found.gradients

    def others(self) -> Mapping[str, Tensor | None]:
        return self.task.tensors()

    def gradients(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        gradients = self._walk(operands, Wanted(*wanted), upstream.detach())[0].gradients
        assert gradients is not None
        return gradients

    def formula(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        from xent.torch._linear.sigmoid import formulas

        hidden, weight, bias = operands
        assert hidden is not None
        assert weight is not None
        if self.how == "mean":
            over = denominator(self.task, hidden, weight)
            upstream = upstream / (torch.where(over == 0, 1, over) if isinstance(over, Tensor)
                                   else over or 1.0)  # fmt: skip
        upstream = upstream.expand(hidden.shape[0])
        return formulas.gradients(hidden, weight, bias, self.task, upstream, wanted, self.memory)

    def deliver(self, gradients: Gradients) -> Gradients:
        """Return the gradients to hand over; that of the weight may have a place of its own."""
        hidden, weight, bias = gradients
        if self.main_grad is None or weight is None:
            return gradients
        self.main_grad.add_(weight)
        return hidden, None, bias

    def _walk(
        self, operands: Sequence[Tensor | None], wanted: Wanted, upstream: Tensor | None
    ) -> tuple[Labelled, _Rows]:
        own = _detached(operands)
        task, hidden = self.task, own.hidden
        rows = _rows_of(task, hidden)
        scale, row_scale = self._scales(own, rows, upstream)
        plan_of = partial(
            plan_for, task, rows.hidden, own.weight, native=self.native, memory=self.memory,
            wide_weight=self.main_grad is not None,
        )  # fmt: skip
        if self.later:  # found out now, and not in the backward pass
            plan_of(Wanted(*self.later))
        plan = plan_of(wanted)
        with torch.no_grad():
            found = walk_labels(
                own._replace(hidden=rows.hidden), task, rows.ordered, plan, native=self.native,
                wanted=wanted, scale=scale, row_scale=row_scale, kept=rows.kept,
                wide_weight=self.main_grad is not None,
            )  # fmt: skip
        if found.bad:
            assert task.target is not None
            check_unit_interval(numpy_of(task.target))
        gradients = found.gradients
        if gradients is not None and gradients.hidden is not None:
            spread = _spread(gradients.hidden, rows.kept, hidden.shape[0])
            found = found._replace(gradients=gradients._replace(hidden=spread))
        return found, rows

    def _scales(
        self, own: Operands, rows: _Rows, upstream: Tensor | None
    ) -> tuple[float, Tensor | None]:
        """Return what the gradient of a node is multiplied by: a number, and one for each row."""
        scale: Any = 1.0
        row_scale = rows.weight
        if upstream is not None:
            upstream = upstream.double()
            if self.how == "rows":
                each = upstream if rows.kept is None else upstream[rows.kept]
                row_scale = each if row_scale is None else row_scale * each
            else:
                scale = upstream
        if self.how == "mean":
            over = denominator(self.task, own.hidden, own.weight)
            over = torch.as_tensor(over, dtype=torch.float64, device=own.hidden.device)
            # over nothing the value is nan, and the gradient is 0 as that of its rows is
            scale = scale / torch.where(over == 0, 1.0, over)
        if rows.faulty is not None:
            row_scale = _ones(rows.hidden) if row_scale is None else row_scale
            row_scale = torch.where(rows.faulty, torch.nan, row_scale)
        if isinstance(scale, Tensor) and not scale.is_cpu:
            # a number would be waited for
            row_scale = (_ones(rows.hidden) if row_scale is None else row_scale) * scale
            scale = 1.0
        return float(scale), None if row_scale is None else row_scale.contiguous()


def plan_for(
    task: LabelTask,
    hidden: Tensor,
    weight: Tensor,
    wanted: Wanted,
    *,
    native: bool,
    memory: int | None,
    late: bool = False,
    wide_weight: bool = False,
) -> Plan:
    """Return the blocks of a call."""
    buffers = 1 if native else 8  # torch operations make new tensors
    if task.target is not None:
        buffers += 1  # a part of the targets may have to be copied
    need = LabelNeed(
        rows=hidden.shape[0],
        features=weight.shape[1],
        labels=weight.shape[0],
        dtype=weight.dtype,
        device=hidden.device.type,
        hidden=wanted.hidden,
        weight=wanted.weight,
        late=late,
        wide_weight=wide_weight,
        skips=task.weight is not None,
        buffers=buffers,
    )
    return plan_labels(need, memory)


def denominator(task: LabelTask, hidden: Tensor, weight: Tensor) -> Any:
    """Return the sum of the weights of all nodes: a number where it may be asked for."""
    over: Any = 1.0
    for each, count in ((task.sample_weight, hidden.shape[0]), (task.weight, weight.shape[0])):
        if each is None:
            over = over * count
        else:
            total = each.sum(dtype=torch.float64)
            is_number = total.is_cpu and is_eager() and is_plain(total)
            if is_number and not (total.requires_grad and torch.is_grad_enabled()):
                total = float(total.detach())
            over = over * total
    return over


def _detached(operands: Sequence[Tensor | None]) -> Operands:
    hidden, weight, bias = (None if each is None else each.detach() for each in operands)
    assert hidden is not None
    assert weight is not None
    return Operands(hidden, weight, bias)


def _ones(hidden: Tensor) -> Tensor:
    return torch.ones(hidden.shape[0], dtype=torch.float64, device=hidden.device)


def _spread(some: Tensor, kept: Tensor | None, rows: int) -> Tensor:
    """Return what belongs to the rows that are kept among zeros for the others."""
    if kept is None:
        return some
    return some.new_zeros((rows, *some.shape[1:])).index_copy_(0, kept, some)


def _rows_of(task: LabelTask, hidden: Tensor) -> _Rows:
    """Leave out the rows of weight 0; where that would wait for a device, their hidden states."""
    positives, weight, kept = task.positives, None, None
    if task.sample_weight is not None:
        weight = task.sample_weight.detach().double()
        counts = weight != 0
        if not hidden.is_cpu:
            hidden = torch.where(counts.unsqueeze(1), hidden, 0.0)
        elif not bool(counts.all()):
            kept = counts.nonzero().squeeze(1)
            hidden, weight = hidden[kept], weight[kept]
    if positives is None:
        return _Rows(hidden, None, weight, kept, None)
    if positives.value is not None:
        positives = replace(positives, value=positives.value.detach())
    whole = positives.ordered()
    faulty = None
    if hidden.is_cpu:
        refuse_faults(positives, whole)
    else:
        faulty = faulty_rows(whole)
    ordered = whole if kept is None else positives.of_rows(kept).ordered()
    return _Rows(hidden, ordered, weight, kept, faulty)
