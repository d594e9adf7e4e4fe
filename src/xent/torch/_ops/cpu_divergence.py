"""Divergence between the softmaxes of a student and a teacher on a CPU, by the native kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xent.kernels.cpu import softmax_divergence as kernel
from xent.torch._ops.autograd import times
from xent.torch._ops.cpu_softmax import adjacent
from xent.torch._ops.memory import array_of, doubles_of, tensor_of
from xent.torch._ops.results import for_each_row
from xent.torch.formulas._closed_form import ClosedForm, gradients_of
from xent.torch.formulas._precision import own_dtype
from xent.torch.formulas.js_divergence import JensenShannon
from xent.torch.formulas.kl_divergence import KLDivergence

__all__ = ["CpuDivergence", "Divergence", "native_divergences"]


@dataclass(frozen=True)
class Divergence:
    """What is asked of a student and a teacher.

    Attributes
    ----------
    direction : {"forward", "reverse", "js"}
    temperature : float
    factor : float
        Of each divergence.
    """

    direction: str = "forward"
    temperature: float = 1.0
    factor: float = 1.0

    @property
    def form(self) -> ClosedForm:
        kind = JensenShannon if self.direction == "js" else KLDivergence
        return kind(self.temperature)

    @property
    def student_is_first(self) -> bool:
        """Whether the student's is the first distribution of the divergence."""
        return self.direction == "reverse"

    def ordered(self, student: Any, teacher: Any) -> tuple[Any, Any]:
        return (student, teacher) if self.student_is_first else (teacher, student)


def native_divergences(
    student: Tensor,  # contiguous, without a graph
    teacher: Tensor,  # of the same shape, dtype and layout
    task: Divergence,
    *,
    axis: int = 1,
    want_gradient: bool = False,  # by the student
    in_place: bool = False,  # the gradient overwrites the student's logits
    gradient_scale: float = 1.0,  # beside the task's factor and the weights of the rows
    **wanted: Any,
) -> kernel.Divergences:
    """Hand two tensors of logits to the native kernel."""
    of_student = array_of(student)
    x, y = task.ordered(of_student, array_of(teacher))
    by = "x" if task.student_is_first else "y"
    return kernel.score(
        x,
        y,
        bfloat16=student.dtype is torch.bfloat16,
        axis=axis,
        jensen_shannon=task.direction == "js",
        temperature=task.temperature,
        loss_scale=task.factor,
        gradient_scale=task.factor * gradient_scale,
        gradient_by=by if want_gradient else None,
        out=of_student if in_place and want_gradient else None,
        threads=torch.get_num_threads(),
        **wanted,
    )


class CpuDivergence:
    """One loss of the student's logits; `weight` and `count` are known from the start."""

    def __init__(
        self,
        teacher: Tensor,
        task: Divergence,
        how: str,  # "rows", "sum" or "mean"
        axis: int,
        sample_weight: Tensor | None,
    ) -> None:
        self.teacher = teacher
        self.task = task
        self.how = how
        self.axis = axis
        self.sample_weight = sample_weight
        if sample_weight is None:
            self.count = teacher.numel() // teacher.shape[axis]
            self.weight = float(self.count)
        else:
            self.count = int(sample_weight.count_nonzero())
            self.weight = float(sample_weight.sum(dtype=torch.float64))

    def evaluate(self, logits: Tensor, *, want_gradient: bool) -> tuple[Tensor, Tensor | None]:
        student, axis, back = adjacent(logits.detach(), self.axis)
        teacher = self.teacher.detach()
        if back is not None:
            teacher = teacher.movedim(self.axis, axis)
        compute = torch.promote_types(own_dtype(student.dtype), own_dtype(teacher.dtype))
        if student.dtype is not teacher.dtype:
            student, teacher = student.to(compute), teacher.to(compute)
        found = native_divergences(
            student,
            teacher.contiguous(),
            self.task,
            axis=axis,
            row_weight=doubles_of(self.sample_weight),
            want_rows=self.how == "rows",
            want_gradient=want_gradient,
            gradient_scale=1 / self._divisor(),
        )
        if self.how == "rows":
            value = torch.from_numpy(found.rows)
        else:
            total = found.sum / self.weight if self._divides() else found.sum
            if self.how == "mean" and not self.weight:
                total = torch.nan
            value = torch.scalar_tensor(total, dtype=compute, device=student.device)
        gradient = None
        if want_gradient:
            gradient = tensor_of(found.gradient, student.dtype).to(logits.dtype)
            gradient = gradient if back is None else gradient.permute(back)
        return value, gradient

    def _divides(self) -> bool:
        return self.how == "mean" and self.weight != 0

    def _divisor(self) -> float:
        return self.weight if self._divides() else 1.0

    def _for_rows(self, logits: Tensor, upstream: Tensor) -> Tensor:
        """Return what each row's weighted loss is multiplied by."""
        if self.how == "rows":
            return upstream
        return for_each_row(upstream.double() / self._divisor(), logits, self.axis)

    def others(self) -> Mapping[str, Tensor | None]:
        return {"teacher_logits": self.teacher, "sample_weight": self.sample_weight}

    def gradient(self, logits: Tensor, upstream: Tensor) -> Tensor:
        weight = self._for_rows(logits, upstream)
        if self.sample_weight is not None:
            weight = weight * self.sample_weight
        call = CpuDivergence(self.teacher, self.task, "rows", self.axis, weight)
        gradient = call.evaluate(logits, want_gradient=True)[1]
        assert gradient is not None
        return gradient

    def is_one(self, upstream: Tensor) -> bool:
        return self.how != "rows" and upstream.item() == 1

    def scaled(self, gradient: Tensor, upstream: Tensor, *, in_place: bool) -> Tensor:
        if self.how == "rows":
            upstream = upstream.unsqueeze(self.axis)
        return times(gradient, upstream, in_place=in_place)

    def formula(self, logits: Tensor, upstream: Tensor) -> Tensor:
        scale = self._for_rows(logits, upstream) * self.task.factor
        pair = [each.movedim(self.axis, -1) for each in (logits, self.teacher)]
        if self.sample_weight is not None:
            scale = scale * self.sample_weight
            kept = (self.sample_weight != 0).unsqueeze(-1)
            pair = [torch.where(kept, each, 0.0) for each in pair]
        shape = pair[0].shape
        flat = [each.reshape(-1, shape[-1]) for each in pair]
        found = gradients_of(
            self.task.form,
            self.task.ordered(*flat),
            scale.reshape(-1),
            self.task.ordered(True, False),
        )
        gradient: Tensor = self.task.ordered(*found)[0]
        return gradient.reshape(shape).movedim(-1, self.axis)
