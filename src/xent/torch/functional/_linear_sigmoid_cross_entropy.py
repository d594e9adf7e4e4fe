"""Cross-entropy of the sigmoid of ``hidden @ linear_weight.T``, which is never built."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor

from xent.errors import UnavailableError, XentValueError
from xent.torch._linear.arguments import check_main_grad, check_operands, flat
from xent.torch._linear.autograd import apply
from xent.torch._linear.operands import autocast, route_of_operands
from xent.torch._linear.plan import bytes_of
from xent.torch._linear.products import Operands
from xent.torch._linear.sigmoid.call import LinearSigmoid, denominator
from xent.torch._linear.sigmoid.targets import label_task
from xent.torch._linear.sigmoid.task import LabelTask
from xent.torch._ops.results import Reduced, computed_in, mean_of
from xent.torch._ops.route import is_eager, is_plain
from xent.torch._reduction import finish, how_of, reduction_of

__all__ = ["linear_sigmoid_cross_entropy"]

Target: TypeAlias = Tensor | tuple[Tensor, Tensor]
_IMPLEMENTATIONS = ("cpu", "formulas")


def linear_sigmoid_cross_entropy(
    hidden: Tensor,
    linear_weight: Tensor,
    target: Target,
    *,
    linear_bias: Tensor | None = None,
    pos_weight: Tensor | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    reduction: str = "mean",
    on_empty: str = "nan",
    memory: int | str | None = None,
    main_grad: Tensor | None = None,
    implementation: str | None = None,
) -> Any:
    r"""Return the cross-entropy of the sigmoid of ``hidden @ linear_weight.T``, in nats.

    For a hundred thousand labels or a million, each true or false by itself, of which a row
    has a few: products that are bought together, terms of a medical thesaurus, tags. The
    logits are made block by block, and each block becomes its own gradient and is multiplied
    away before the next one. With :math:`z_{ij} = h_i \cdot W_j + b_j`, labels :math:`y`,
    `pos_weight` :math:`w_+`, `weight` :math:`w` and `sample_weight` :math:`s`, a row costs

    .. math::
        \ell_i = s_i \sum_j w_j \bigl( w_{+j}\, y_{ij} \log(1 + e^{-z_{ij}})
        + (1 - y_{ij}) \log(1 + e^{z_{ij}}) \bigr) .

    Parameters
    ----------
    hidden : Tensor, shape ``(..., D)``
        float16, bfloat16, float32 or float64, like `linear_weight` and `linear_bias`.
    linear_weight : Tensor, shape ``(L, D)``
        One row a label, as `torch.nn.Linear` has it.
    target : Tensor, or a pair of them
        The labels that are true: int64 or int32 of shape ``(..., K)``, those of each row, each
        once, filled up with -1; or ``(crow_indices, col_indices)``, those of all N rows one
        after the other and where each row begins; or a sparse_csr Tensor ``(N, L)``, whose
        values, in [0, 1], are the labels. Or all labels: ``(..., L)`` of bool, uint8 or floats
        in [0, 1], of which a part is read at a time.
    linear_bias : Tensor, shape ``(L,)``, optional
    pos_weight : Tensor, shape ``(L,)``, optional
        Weight of the positive part of each label. Not part of any denominator.
    weight : Tensor, shape ``(L,)``, optional
        Weight of each label. One of weight 0 is skipped, whatever it holds.
    sample_weight : Tensor, shape of the rows, optional
        Weight of each row. Nothing is computed for a row of weight 0, whatever it holds.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" is over the nodes: it divides by the sum of their weights, hence by N times L
        without any. "none" returns the sum of each row, :math:`\ell_i`. "total" returns a
        `Total`, which adds over micro-batches and ranks.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing; its gradient is 0.
    memory : int or str, optional
        What may be used beside operands, gradients, losses and the entries of `target`: bytes,
        or "64MiB". By default 32 MiB on a CPU and 512 on a GPU, and, for 16-bit operands,
        `hidden` and its gradient in float32.
    main_grad : Tensor, shape ``(L, D)``, float32 (float64 for float64), optional
        The gradient of `linear_weight` is added to it in the backward pass, unrounded, and
        ``linear_weight.grad`` is left alone. Eager calls only.
    implementation : {"cpu", "formulas"}, optional
        Used or refused, never replaced: the native kernel between the products, or torch
        operations, which serve every device.

    Returns
    -------
    loss : Tensor or Total
        float32, float64 for float64. For "none" of the shape of the rows.

    Raises
    ------
    XentTypeError
        If a tensor is none, or of a dtype without a meaning here.
    XentValueError
        D01: there is no such label, or a row names one twice; on a GPU its row is nan. D08: a
        number for a label is outside [0, 1]; on a CPU. D02: nothing to average, with
        ``on_empty="raise"``. D14, D15: the shapes do not fit. A `memory` that no plan fits
        into says what would.
    UnavailableError
        If the named `implementation` does not serve this call.

    Notes
    -----
    *Precision.* A logit is a product summed in float32 (float64 for float64), also of 16-bit
    operands; from there on a node and its gradient are within 4 ulp, however sure. The logit
    of a true label is taken out of its block, which then counts it with exactly 0: nothing is
    subtracted. Rows are summed in float64, gradients in at least float32, and rounded once;
    on a GPU those of bfloat16 logits are rounded before they are multiplied, too.
    The blocks change a result by no more than the order of a sum of products does.

    *Edges.* A term whose coefficient is 0 is skipped, so an infinite logit of the right sign
    costs 0. NaN stays in its row; a row without true labels is all false.

    *Time.* No label waits for another, so nothing is made twice: three matrix products for a
    training step, two where `hidden` or `linear_weight` is frozen, one without gradients.
    With ``reduction="none"`` and for float16 the gradients wait for their upstream gradient,
    and the logits are made again: one more.

    *Memory.* One block of logits; see `memory`. The gradients are taken in the forward pass
    and held until the backward pass. Sparse labels stay sparse.

    *Derivatives* of any order, by all that are numbers, forward mode and `torch.func` work
    block by block, and `torch.compile` sees one operator.

    See Also
    --------
    binary_cross_entropy_with_logits : the same of logits that exist.
    linear_softmax_cross_entropy : exactly one class is true.
    xent.sigmoid_cross_entropy : the same loss of arrays.

    References
    ----------
    .. [1] Schultheis and Babbar, "Towards memory-efficient training for extremely large output
       spaces", 2023, arXiv:2306.03725, on what half a million labels cost.

    Examples
    --------
    Two rows, of which the first has two labels of 100,000 and the second none:

    >>> import torch
    >>> from xent.torch import functional as F
    >>> _ = torch.manual_seed(0)
    >>> hidden = torch.randn(2, 8, requires_grad=True)
    >>> head = torch.nn.Linear(8, 100_000)
    >>> target = torch.tensor([[31_415, 92_653], [-1, -1]])
    >>> loss = F.linear_sigmoid_cross_entropy(
    ...     hidden, head.weight, target, linear_bias=head.bias, reduction="none"
    ... )
    >>> dense = torch.zeros(2, 100_000)
    >>> dense[0, target[0]] = 1
    >>> logits = head(hidden)
    >>> right = F.binary_cross_entropy_with_logits(logits, dense, reduction="none").sum(1)
    >>> torch.testing.assert_close(loss, right)
    """
    reduction = reduction_of(reduction, on_empty, None, None)
    budget = bytes_of(memory)
    operands = Operands(hidden, linear_weight, linear_bias)
    check_operands(operands)
    check_main_grad(main_grad, linear_weight)
    if implementation not in (None, *_IMPLEMENTATIONS):
        raise XentValueError(
            f"implementation must be one of {_IMPLEMENTATIONS}, got {implementation!r}",
            value=implementation,
        )
    shape = hidden.shape[:-1]
    task = label_task(
        target,
        hidden,
        linear_weight.shape[0],
        pos_weight=pos_weight,
        weight=weight,
        sample_weight=sample_weight,
    )
    operands = autocast(operands._replace(hidden=flat(hidden)))
    nodes = operands.hidden.shape[0] * linear_weight.shape[0]
    value = _value(operands, task, how_of(reduction), budget, main_grad, implementation)
    found = Reduced(value, denominator(task, operands.hidden, linear_weight), nodes)
    loss = finish(found, reduction, on_empty, computed_in(hidden.dtype), rows=nodes)
    return loss.reshape(shape) if reduction == "none" else loss


def _value(
    operands: Operands,
    task: LabelTask,
    how: str,
    memory: int | None,
    main_grad: Tensor | None,
    asked: str | None,
) -> Tensor:
    others = [task.target, task.pos_weight, task.weight, task.sample_weight]
    if task.positives is not None:
        others += [task.positives.label, task.positives.value]
    path = route_of_operands(operands, *others, asked=asked)
    blocks = path in ("cpu", "triton") or _may_walk(operands, others)
    if blocks:
        call = LinearSigmoid(
            task,
            how,
            native=path == "cpu",
            memory=memory,
            main_grad=main_grad,
        )
        return apply(call, *operands)
    if main_grad is not None:
        raise UnavailableError(
            "main_grad serves eager calls on tensors of numbers, whose targets and weights need "
            "no gradient; leave it out here"
        )
    if path == "operators":
        from xent.torch._linear.sigmoid.operator import loss_of

        return loss_of(operands, task, how, memory=memory)
    from xent.torch._linear.sigmoid import formulas

    rows = formulas.rows(*operands, task, memory)
    if how == "rows":
        return rows
    total = rows.sum(dtype=torch.float32 if rows.device.type == "mps" else torch.float64)
    if how == "mean":
        over = denominator(task, *operands[:2])
        total = mean_of(total, torch.as_tensor(over, dtype=total.dtype, device=total.device))
    return total.to(rows.dtype)


def _may_walk(operands: Operands, others: list[Tensor | None]) -> bool:
    """Return whether the blocks may be walked by torch operations that nothing watches."""
    if not is_eager() or not all(each is None or is_plain(each) for each in (*operands, *others)):
        return False
    needs = any(each is not None and each.requires_grad for each in others)
    return not (needs and torch.is_grad_enabled())
