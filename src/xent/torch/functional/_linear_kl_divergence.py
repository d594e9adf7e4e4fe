"""Learning from the distribution of another model, where neither model's logits exist."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from xent.errors import XentTypeError, XentValueError
from xent.torch._arguments import check_number
from xent.torch._linear import autograd
from xent.torch._linear.arguments import check_operands, flat
from xent.torch._linear.divergence import formulas as kl_formulas
from xent.torch._linear.divergence.call import LinearDivergence
from xent.torch._linear.divergence.operator import divergence_rows
from xent.torch._linear.operands import autocast, route_of_operands
from xent.torch._linear.plan import bytes_of
from xent.torch._linear.products import Operands
from xent.torch._ops.cpu_divergence import Divergence
from xent.torch._ops.results import Reduced
from xent.torch._reduction import finish, how_of, reduction_of
from xent.torch.functional._closed_form import check_sample_weight, reduce_rows
from xent.torch.functional._distillation import DIRECTIONS, SCALES

__all__ = ["linear_kl_divergence"]

_STUDENT = ("student_hidden", "student_weight", "student_bias")
_TEACHER = ("teacher_hidden", "teacher_weight", "teacher_bias")


def linear_kl_divergence(
    student_hidden: Tensor,
    student_weight: Tensor,
    teacher_hidden: Tensor,
    teacher_weight: Tensor,
    *,
    student_bias: Tensor | None = None,
    teacher_bias: Tensor | None = None,
    direction: str = "forward",
    temperature: float = 1.0,
    scale: str | None = "T2",
    sample_weight: Tensor | None = None,
    reduction: str = "mean",
    on_empty: str = "nan",
    memory: int | str | None = None,
    implementation: str | None = None,
) -> Any:
    r"""Return how far ``student_hidden @ student_weight.T`` is from the teacher's, in nats.

    It is `distillation_loss` of logits that are made block by block: the student's block
    becomes its own gradient and is multiplied away before the next one. With
    :math:`p = \operatorname{softmax}((W_t h_t + b_t) / T)` of the teacher and
    :math:`q = \operatorname{softmax}((W_s h_s + b_s) / T)` of the student, each row costs

    .. math::
        \ell = T^2 \operatorname{KL}(p \,\|\, q) ,
        \qquad
        \frac{\partial \ell}{\partial h_s} = T\, W_s^\top (q - p) .

    Parameters
    ----------
    student_hidden : Tensor, shape ``(..., D)``
        float16, bfloat16, float32 or float64, like `student_weight` and `student_bias`.
    student_weight : Tensor, shape ``(V, D)``
        As `torch.nn.Linear` has it.
    teacher_hidden : Tensor, shape ``(..., E)``
        The same rows; as many features as the teacher has. Its dtype may be another one,
        unless one of the two is float64.
    teacher_weight : Tensor, shape ``(V, E)``
        The same classes. The teacher gets gradients where it requires them, by the formulas,
        which are slower: detach it.
    student_bias, teacher_bias : Tensor, shape ``(V,)``, optional
        ``-inf`` in both takes a class out.
    direction : {"forward", "reverse", "js"}, default "forward"
        :math:`\operatorname{KL}(p \,\|\, q)`, :math:`\operatorname{KL}(q \,\|\, p)`, or the
        Jensen-Shannon divergence, the mean of those of both from :math:`(p + q) / 2`.
    temperature : float, default 1
        :math:`T`.
    scale : {"T2", None}, default "T2"
        Whether each row is multiplied by :math:`T^2`.
    sample_weight : Tensor, shape of the rows, optional
        Weight of each row, or bool: which rows count. Nothing is computed for a row of
        weight 0, whatever it holds.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        Over the rows. "mean" divides by the sum of their weights. "total" returns a `Total`.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing; its gradient is 0.
    memory : int or str, optional
        What may be used beside operands, gradients and losses: bytes, or "256MiB". By
        default 56 MiB for either block of logits on a CPU and, for 16-bit operands, the
        sums of their gradients.
    implementation : {"cpu", "formulas"}, optional
        Used or refused, never replaced.

    Returns
    -------
    loss : Tensor or Total
        Never negative; float64 where the student is, else float32. For "none" of the shape of
        the rows.

    Raises
    ------
    XentTypeError
        If a tensor is none, or of a dtype without a meaning here, or the dtypes do not fit.
    XentValueError
        D02: nothing to average, with ``on_empty="raise"``. D14: the shapes do not fit. D15:
        student and teacher differ in their rows or their classes. A `memory` that no plan
        fits into says what would.
    UnavailableError
        If the named `implementation` does not serve this call.

    Notes
    -----
    *Precision.* A logit is a product summed in float32 (float64 for float64), also of 16-bit
    operands; from there on it is `distillation_loss`, right for a student that is nearly
    there: two equal products give exactly 0, and a gradient of 0. What rounding does to the
    logits themselves is in the result, of course: of two models that differ by less than
    that, only those logits know.

    *Time.* Four matrix products for a training step: the logits of both, and the gradients of
    `student_hidden` and `student_weight`; three where one of them is frozen, two without
    gradients. With ``reduction="none"`` and for float16 the logits are made again in the
    backward pass: two more.

    *Memory.* Two blocks of logits; see `memory`. The gradients are taken in the forward pass
    and held until the backward pass.

    *Edges.* A class of logit ``-inf`` in both is no class. One that only the first
    distribution of the divergence has costs inf; "js" is never infinite.

    *Derivatives* of any order, by both models; forward mode and `torch.func` work block by
    block, and `torch.compile` sees one operator. Off the CPU the formulas serve.

    See Also
    --------
    distillation_loss : of logits that exist.
    linear_softmax_cross_entropy : of targets; ``(classes, probs)`` are a teacher's top classes.

    References
    ----------
    .. [1] Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015,
       arXiv:1503.02531.
    .. [2] Wijmans et al., "Cut your losses in large-vocabulary language models", 2024,
       arXiv:2411.09009, on what the logits cost.

    Examples
    --------
    A student of 8 features learns from a teacher of 16, over a vocabulary of a thousand:

    >>> import torch
    >>> from xent.torch import functional as F
    >>> _ = torch.manual_seed(0)
    >>> student, teacher = torch.nn.Linear(8, 1000), torch.nn.Linear(16, 1000)
    >>> h, g = torch.randn(5, 8), torch.randn(5, 16)
    >>> loss = F.linear_kl_divergence(
    ...     h, student.weight, g, teacher.weight.detach(), student_bias=student.bias,
    ...     teacher_bias=teacher.bias.detach(), temperature=2.0,
    ... )
    >>> loss.backward()
    >>> torch.testing.assert_close(
    ...     loss, F.distillation_loss(student(h), teacher(g).detach(), temperature=2.0)
    ... )
    """
    reduction = reduction_of(reduction, on_empty, None, None)
    student = Operands(student_hidden, student_weight, student_bias)
    teacher = Operands(teacher_hidden, teacher_weight, teacher_bias)
    check_operands(student, names=_STUDENT)
    check_operands(teacher, names=_TEACHER)
    _check_pair(student, teacher)
    check_number(temperature, "temperature", above=0.0)
    for name, value, choices in (("direction", direction, DIRECTIONS), ("scale", scale, SCALES)):
        if value not in choices:
            raise XentValueError(f"{name} must be one of {choices}, got {value!r}", value=value)
    shape = student_hidden.shape[:-1]
    check_sample_weight(sample_weight, student_hidden, len(shape))
    student, teacher = (
        autocast(each._replace(hidden=flat(each.hidden))) for each in (student, teacher)
    )
    weight = None if sample_weight is None else sample_weight.reshape(-1)
    factor = float(temperature) ** 2 if scale == "T2" else 1.0
    task = Divergence(direction, float(temperature), factor)
    budget = bytes_of(memory)
    path = route_of_operands(student, *teacher, weight, asked=implementation)
    if path == "cpu":
        call = LinearDivergence(teacher, task, how_of(reduction), weight, budget)
        value = autograd.apply(call, *student)
        found = Reduced(value, call.weight, call.count)
        loss = finish(found, reduction, on_empty, value.dtype, rows=len(student.hidden))
    else:
        if path == "operators" and student.hidden.is_cpu:
            rows = divergence_rows(student, teacher, task, weight, budget)
        else:
            block = kl_formulas.block_of(student, teacher, budget)
            rows = kl_formulas.rows(student, teacher, task, weight, block)
        loss = reduce_rows(rows, weight, reduction, on_empty)
    return loss.reshape(shape) if reduction == "none" else loss


def _check_pair(student: Operands, teacher: Operands) -> None:
    """Raise unless both have the same rows and classes, on one device, in dtypes that fit."""
    rows, others = tuple(student.hidden.shape[:-1]), tuple(teacher.hidden.shape[:-1])
    if rows != others:
        raise XentValueError(
            f"teacher_hidden must have the rows of student_hidden, {rows}, got {others}; only the "
            "features, on the last axis, may differ",
            code="D15",
            value=others,
        )
    classes, of_teacher = student.weight.shape[0], teacher.weight.shape[0]
    if classes != of_teacher:
        raise XentValueError(
            f"teacher_weight must have the {classes} classes of student_weight on its first axis, "
            f"got {of_teacher}. Where one vocabulary is only padded, cut it: weight[:"
            f"{min(classes, of_teacher)}].",
            code="D15",
            value=tuple(teacher.weight.shape),
        )
    if student.hidden.device != teacher.hidden.device:
        raise XentValueError(
            f"teacher_hidden must be on the device of student_hidden, {student.hidden.device}, "
            f"got {teacher.hidden.device}",
            value=str(teacher.hidden.device),
        )
    dtypes = student.hidden.dtype, teacher.hidden.dtype
    if dtypes[0] is not dtypes[1] and 8 in (each.itemsize for each in dtypes):
        raise XentTypeError(
            f"teacher_hidden and student_hidden must both be float64, or neither; got {dtypes[1]} "
            f"and {dtypes[0]}. Pass .double() of the narrower one, or .float() of the other.",
            value=str(dtypes[1]),
        )
