"""Linear softmax cross-entropy, eager: a plan, a walk over its blocks, a reduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from xent.errors import XentValueError
from xent.torch._checks import raise_bad_target
from xent.torch._linear.autograd import Gradients
from xent.torch._linear.plan import Need, plan_blocks, rows_at_once
from xent.torch._linear.products import Operands, Wanted
from xent.torch._linear.softmax import formulas
from xent.torch._linear.softmax.columns import walk_columns
from xent.torch._linear.softmax.rows import Walked, walk_rows
from xent.torch._linear.softmax.tall import walk_tall
from xent.torch._linear.softmax.tall_plan import plan_tall
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._ops.results import Statistics, computed_in, count_of, mean_of
from xent.torch._ops.route import Route

__all__ = ["LinearSoftmax", "check_targets", "is_captured"]

_ABOUT = 256  # rows that a plan is rounded up to
# of the size of a block of float32 that live at once in the second order of the formulas
_ARRAYS = 15
_ARRAYS_OF_SOFTCAP = 21


class LinearSoftmax:
    """One call; `value`, `weight`, `count` and `statistics` are there after `evaluate`.

    Parameters
    ----------
    task : LinearTask
    how : {"mean", "sum", "rows"}
    path : Route
        What serves the blocks.
    memory : int or None
        Budget in bytes.
    torch_mean : bool
        Whether a mean divides as torch's does.
    statistics : bool
    main_grad : Tensor or None
        What the gradient of the weight is added to, instead of being returned.
    filter_tolerance : float or None
        Relative error that gradients in the forward pass may have; `gradient_error` says
        what they have at most.
    """

    def __init__(
        self,
        task: LinearTask,
        how: str,
        path: Route,
        *,
        memory: int | None = None,
        torch_mean: bool = False,
        statistics: bool = False,
        main_grad: Tensor | None = None,
        filter_tolerance: float | None = None,
    ) -> None:
        self.task = task
        self.how = how
        self.path = path
        self.memory = memory
        self.torch_mean = torch_mean
        self.wants_statistics = statistics
        self.main_grad = main_grad
        self.filter_tolerance = filter_tolerance
        self.gradient_error = 0.0
        self.late = how == "rows"
        self.later: Sequence[bool] = ()
        self.looked = False
        self.weight: Any = 0.0
        self.count: Any = 0
        self.statistics: Statistics | None = None

    def evaluate(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> tuple[Tensor, Gradients | None]:
        own = _detached(operands)
        kept = self._kept(own)
        self._look(own, self.task.kept() if self.wants_statistics else kept)
        self._weigh(own)
        found = self._walk(
            own,
            kept,
            Wanted(*wanted),
            scale=1 / self._divisor(),
            rows=self.how == "rows",
            statistics=self.wants_statistics,
            filter_tolerance=self.filter_tolerance,
        )
        if found.gradients is not None and Wanted(*wanted).weight:
            found = self._with_weight(found, own, kept)
        self.gradient_error = found.gradient_error
        self.statistics = found.statistics
        compute = computed_in(own.hidden.dtype)
        if self.how == "rows":
            assert found.rows is not None
            return found.rows, found.gradients
        total = torch.as_tensor(found.sum, dtype=torch.float64, device=own.hidden.device)
        if self.how == "mean":
            divisor = torch.as_tensor(self.weight, dtype=total.dtype, device=total.device)
            total = mean_of(total, divisor)
        return total.to(compute), found.gradients

    def _with_weight(self, found: Walked, own: Operands, kept: Tensor | None) -> Walked:
        """Return it with the gradient of the weight, if a filter could not certify that."""
        assert found.gradients is not None
        if found.gradients.weight is not None:
            return found
        again = self._walk(own, kept, Wanted(False, True, False), scale=1 / self._divisor())
        assert again.gradients is not None
        return found._replace(gradients=found.gradients._replace(weight=again.gradients.weight))

    def others(self) -> Mapping[str, Tensor | None]:
        return self.task.tensors()

    def gradients(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        own = _detached(operands)
        by_row = self.how == "rows"
        found = self._walk(
            own,
            self._kept(own, statistics=False),
            Wanted(*wanted),
            scale=1.0 if by_row else upstream.double() / self._divisor(),
            row_scale=upstream if by_row else None,
        )
        assert found.gradients is not None
        return found.gradients

    def formula(
        self, operands: Sequence[Tensor | None], wanted: Sequence[bool], upstream: Tensor
    ) -> Gradients:
        hidden, weight, bias = operands
        assert hidden is not None
        assert weight is not None
        if self.main_grad is not None:
            raise XentValueError(
                "main_grad is for first derivatives: a gradient in a buffer has no graph. Leave "
                "it out where the backward pass is differentiated.",
                value="create_graph",
            )
        if self.how != "rows":
            upstream = (upstream / self._divisor()).expand(hidden.shape[0])
        block = self.block_of(operands)
        return formulas.gradients(hidden, weight, bias, self.task, upstream, block, Wanted(*wanted))

    def block_of(self, operands: Sequence[Tensor | None]) -> int:
        """Return how many rows a block has where derivatives of any order are wanted."""
        hidden, weight, _ = operands
        assert hidden is not None
        assert weight is not None
        # that many short rows, so that a small batch is not cut into single ones
        arrays = _ARRAYS if self.task.softmax.softcap is None else _ARRAYS_OF_SOFTCAP
        rows = len(hidden) * arrays
        need = need_of(rows, hidden, weight, self.task, Wanted(True, True, False))
        return max(1, rows_at_once(need, self.memory) // arrays)

    def deliver(self, gradients: Gradients) -> Gradients:
        """Return the gradients to hand over; that of the weight may have a place of its own."""
        hidden, weight, bias = gradients
        if self.main_grad is None or weight is None:
            return gradients
        self.main_grad.add_(weight)
        return hidden, None, bias

    def _divisor(self) -> Any:
        if self.how != "mean":
            return 1.0
        if isinstance(self.weight, Tensor):
            return torch.where(self.weight == 0, 1.0, self.weight)
        return self.weight or 1.0

    def _kept(self, own: Operands, *, statistics: bool | None = None) -> Tensor | None:
        """Return the rows to compute; all of them where the device cannot be asked."""
        if _is_silent(own.hidden):
            return None
        wanted = self.wants_statistics if statistics is None else statistics
        return self.task.kept(statistics=wanted)

    def _look(self, own: Operands, kept: Tensor | None) -> None:
        """Look at class targets: a bad one raises D01, from a device as soon as it is heard of."""
        if self.path != "triton":
            if own.hidden.is_cpu:
                check_targets(self.task, own, kept)
            return
        from xent.kernels.triton import elementwise, faults  # loads triton

        faults.raise_pending(own.hidden.device)
        task = self.task.softmax
        if task.target is not None and not self.looked:
            elementwise.look_at_targets(
                "linear_softmax_cross_entropy", task.target, own.weight.shape[0],
                sample_weight=task.sample_weight, ignore_index=task.ignore_index,
            )  # fmt: skip
        self.looked = True

    def _weigh(self, own: Operands) -> None:
        task = self.task
        with torch.no_grad():
            weight = (task.torch_mass() if self.torch_mean else task.mass()).sum()
        self.weight = float(weight) if own.hidden.is_cpu else weight
        count = count_of(task.softmax, len(own.hidden))
        self.count = int(count) if own.hidden.is_cpu else count

    def _walk(
        self,
        own: Operands,
        kept: Tensor | None,
        wanted: Wanted,
        *,
        filter_tolerance: float | None = None,
        **options: Any,
    ) -> Walked:
        rows = own.hidden.shape[0] if kept is None else len(kept)
        if _is_silent(own.hidden):
            told = options.get("statistics", False)
            options["counts"] = self.task.counted() if told else self.task.with_loss()
        wide = self.main_grad is not None
        options |= {"kept": kept, "wanted": wanted}
        if self.path == "triton" and own.weight.dtype.itemsize == 2:
            if kept is not None:
                # a plan is kept for the next step; still fewer rows than there are
                rows = min(-(-rows // _ABOUT) * _ABOUT, own.hidden.shape[0] - 1)
            need = need_of(rows, own.hidden, own.weight, self.task, wanted)
            if self.later:
                later = replace(need, hidden=self.later[0], weight=self.later[1])
                plan_tall(later, self.memory, "wide" if wide else "narrow")
            tall = plan_tall(need, self.memory, "wide" if wide else "narrow")
            return walk_tall(own, self.task, tall, self.path, **options)
        need = need_of(rows, own.hidden, own.weight, self.task, wanted)
        options["wide_weight"] = wide
        if filter_tolerance is not None and (wanted.hidden or wanted.weight):
            plan = plan_blocks(replace(need, filtered=True), self.memory, columns=False)
            return walk_rows(
                own, self.task, plan, self.path, filter_tolerance=filter_tolerance, **options
            )
        columns = self.path == "cpu"
        if self.later:  # found out now, and not in the backward pass
            later = replace(need, hidden=self.later[0], weight=self.later[1])
            plan_blocks(later, self.memory, columns=columns)
        plan = plan_blocks(need, self.memory, columns=columns)
        walk = walk_rows if plan.kind == "rows" else walk_columns
        return walk(own, self.task, plan, self.path, **options)


def is_captured(tensor: Tensor) -> bool:
    """Return whether a CUDA graph is recorded, in which nothing can be asked of the device."""
    return tensor.is_cuda and bool(torch.cuda.is_current_stream_capturing())


def _is_silent(tensor: Tensor) -> bool:
    """Return whether the rows that count cannot be asked for: shapes are fixed, or all there is."""
    return tensor.is_meta or is_captured(tensor)


def need_of(rows: int, hidden: Tensor, weight: Tensor, task: LinearTask, wanted: Wanted) -> Need:
    """Return what a walk asks of its plan."""
    soft = task.softmax.soft_target
    gathers = rows < len(hidden)
    copies = soft is not None and (gathers or soft.dtype is not computed_in(hidden.dtype))
    return Need(
        rows=rows,
        features=weight.shape[1],
        classes=weight.shape[0],
        dtype=weight.dtype,
        device=hidden.device.type,
        hidden=wanted.hidden,
        weight=wanted.weight,
        buffers=1 if task.classes is None and not copies else 2,
        gathers=gathers,
    )


def _detached(operands: Sequence[Tensor | None]) -> Operands:
    hidden, weight, bias = (None if each is None else each.detach() for each in operands)
    assert hidden is not None
    assert weight is not None
    return Operands(hidden, weight, bias)


def check_targets(task: LinearTask, own: Operands, kept: Tensor | None) -> None:
    """Raise D01 before anything is computed."""
    target = task.softmax.target
    if target is None:
        return
    some = target if kept is None else target[kept]
    num_classes = own.weight.shape[0]
    mask = task.softmax.class_mask
    bad = len(some) > 0 and bool((some.min() < 0) | (some.max() >= num_classes))
    if not bad and mask is not None and len(some):
        if mask.dim() == 1 or mask.shape[0] == 1:
            bad = not bool(mask.reshape(-1)[some].all())
        else:
            rows = mask if kept is None else mask[kept]
            bad = not bool(rows.gather(1, some[:, None]).all())
    if bad:
        shape = (len(target), num_classes)
        raise_bad_target(task.softmax, own.hidden.new_zeros(()).expand(shape))
