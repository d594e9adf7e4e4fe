"""Learning from the distribution of another model."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from xent.diagnostics.shapes import check_same_shape
from xent.errors import XentValueError
from xent.torch._arguments import check_logits, check_number
from xent.torch._checks import look_at_logits
from xent.torch._ops.autograd import differentiable
from xent.torch._ops.cpu_divergence import CpuDivergence, Divergence
from xent.torch._ops.results import Reduced
from xent.torch._ops.route import is_eager, route_of
from xent.torch._reduction import finish, how_of, reduction_of
from xent.torch.functional._closed_form import axis_of, check_sample_weight, closed_form_loss

__all__ = ["DIRECTIONS", "SCALES", "distillation_loss"]

DIRECTIONS = ("forward", "reverse", "js")
SCALES = ("T2", None)


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    *,
    temperature: float = 1.0,
    direction: str = "forward",
    scale: str | None = "T2",
    sample_weight: Tensor | None = None,
    axis: int = -1,
    reduction: str = "mean",
    on_empty: str = "nan",
) -> Any:
    r"""Return how far the student's distribution is from the teacher's, in nats.

    With :math:`p = \operatorname{softmax}(\text{teacher} / T)` and :math:`q =
    \operatorname{softmax}(\text{student} / T)`, each row costs

    .. math::
        \ell = T^2 \operatorname{KL}(p \,\|\, q) = T^2 \sum_j p_j \log \frac{p_j}{q_j} ,
        \qquad
        \frac{\partial \ell}{\partial\, \text{student}_j} = T (q_j - p_j) .

    The :math:`T^2` is that of Hinton et al. [1]_: the gradient of the divergence alone shrinks
    like :math:`1/T^2` as the temperature grows, and with it the size of the gradient, hence
    its balance with a loss of the labels, hardly depends on :math:`T`. ``scale=None`` leaves
    it out.

    Parameters
    ----------
    student_logits : Tensor, floating, shape ``(..., C, ...)``
        Unnormalised log-probabilities of the model that learns, the classes along `axis`.
    teacher_logits : Tensor, floating, the same shape
        Those of the model to learn from. It gets a gradient where it requires one: compute it
        under `torch.no_grad`, or detach it.
    temperature : float, default 1
        :math:`T`, which divides both. Above 1 it shows more of what the teacher finds
        unlikely.
    direction : {"forward", "reverse", "js"}, default "forward"
        "forward" is :math:`\operatorname{KL}(p \,\|\, q)`: the student is to cover whatever the
        teacher finds likely. "reverse" is :math:`\operatorname{KL}(q \,\|\, p)`: it is to
        do only what the teacher finds likely [2]_. "js" is the Jensen-Shannon divergence,
        the mean of the divergences of both from :math:`(p + q) / 2`: at most log 2, whatever
        the two have in common.
    scale : {"T2", None}, default "T2"
        Whether each row is multiplied by :math:`T^2`.
    sample_weight : Tensor, the shape of the logits without `axis`, optional
        Weight of each row, or bool: which rows count, such as the tokens that are no padding.
        A row of weight 0 is skipped, whatever it holds.
    axis : int, default -1
        The class axis.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        Over the rows; the classes are always summed. "mean" divides by the sum of the weights
        of the rows, hence by every position of a sequence. "total" returns a `Total`.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing.

    Returns
    -------
    loss : Tensor or Total
        Never negative; float64 where the logits are, else float32.

    Raises
    ------
    XentTypeError
        If a tensor is none, or of a dtype without a meaning here.
    XentValueError
        D15: the shapes differ, or a weight does not fit. D14: there is no such axis. D02:
        nothing to average, with ``on_empty="raise"``.

    Warns
    -----
    MisuseWarning
        D04: logits look like probabilities or log-probabilities already.

    Notes
    -----
    *Precision.* Nearly equal rows are where a student ends, and where the difference of two
    logarithms is rounding. Here every term is non-negative and comes from the differences of
    the logits: the value is within 2e-7 of itself in float32 and 1e-13 in float64, however
    small it is, and the gradient to the student likewise, of its largest entry. Torch's
    `kl_div` in float32 is up to 83 % off at divergences of 5e-7 and of either sign from 5e-9
    down; its gradient is 2 % off at 5e-11 and 16 % at 5e-13 (100 classes, measured).

    *Edges.* A class of logit ``-inf`` in both is no class. One that only the first
    distribution of the divergence has costs inf; one that only the second has does not. "js"
    is never infinite.

    *Neighbours.* `torch.nn.functional.kl_div` takes log-probabilities, the student's first,
    averages over the classes too by default ("mean" is C times too small), divides a sequence's
    sum by the batch only ("batchmean"), and knows no temperature.

    *Derivatives* of any order, by both inputs; forward mode, `torch.func` and `torch.compile`
    work. Many rows are computed a block at a time: what is held is the logits and a gradient.

    See Also
    --------
    kl_div : torch's function, of log-probabilities.
    cross_entropy : with the teacher's probabilities as the target: the same gradient to the
        student at ``temperature=1``, and H(p) more.
    xent.kl_divergence : the measure of distributions, in arrays.

    References
    ----------
    .. [1] Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015,
       arXiv:1503.02531, section 2.
    .. [2] Gu et al., "MiniLLM: knowledge distillation of large language models", 2023,
       arXiv:2306.08543, on the reverse direction.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> teacher = torch.tensor([[2.0, 0.0, -1.0]])
    >>> student = torch.zeros(1, 3, requires_grad=True)
    >>> for temperature in (1.0, 4.0):
    ...     loss = F.distillation_loss(student, teacher, temperature=temperature)
    ...     (gradient,) = torch.autograd.grad(loss, student)
    ...     print(round(loss.item(), 4), [round(g, 4) for g in gradient[0].tolist()])
    0.5743 [-0.5105, 0.2191, 0.2913]
    0.8077 [-0.5908, 0.1663, 0.4245]

    A student that is nearly there, in float32; the truth is 4.6e-15:

    >>> close = teacher + torch.tensor([[0.0, 0.0, 5e-7]])
    >>> print(f"{F.distillation_loss(close, teacher).item():.1e}")
    4.6e-15
    >>> log_q, log_p = close.log_softmax(-1), teacher.log_softmax(-1)
    >>> torch_loss = torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="sum")
    >>> print(f"{torch_loss.item():.1e}")
    -2.0e-08
    """
    check_logits(student_logits, "student_logits")
    check_logits(teacher_logits, "teacher_logits")
    check_same_shape(
        "student_logits",
        tuple(student_logits.shape),
        "teacher_logits",
        tuple(teacher_logits.shape),
    )
    if student_logits.device != teacher_logits.device:
        raise XentValueError(
            f"teacher_logits must be on the device of student_logits, {student_logits.device}, "
            f"got {teacher_logits.device}",
            value=str(teacher_logits.device),
        )
    at = axis_of(student_logits, axis, "student_logits")
    check_sample_weight(sample_weight, student_logits, at)
    check_number(temperature, "temperature", above=0.0)
    for name, value, choices in (("direction", direction, DIRECTIONS), ("scale", scale, SCALES)):
        if value not in choices:
            raise XentValueError(f"{name} must be one of {choices}, got {value!r}", value=value)
    reduction = reduction_of(reduction, on_empty, None, None)
    if is_eager():
        look_at_logits(student_logits, at, loss="distillation_loss")
        look_at_logits(teacher_logits, at, loss="distillation_loss")
    factor = float(temperature) ** 2 if scale == "T2" else 1.0
    task = Divergence(direction, float(temperature), factor)
    if route_of(student_logits, teacher_logits, sample_weight) == "cpu":
        call = CpuDivergence(teacher_logits, task, how_of(reduction), at, sample_weight)
        value = differentiable(student_logits, call)
        found = Reduced(value, call.weight, call.count)
        rows = student_logits.numel() // student_logits.shape[at]
        return finish(found, reduction, on_empty, value.dtype, rows=rows)
    return closed_form_loss(
        task.form,
        task.ordered(student_logits, teacher_logits),
        at,
        sample_weight=sample_weight,
        factor=factor,
        reduction=reduction,
        on_empty=on_empty,
    )
