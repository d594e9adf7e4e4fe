"""Cross-entropy of the softmax of ``hidden @ linear_weight.T``, which is never built."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.torch._arguments import softmax_task
from xent.torch._checks import look_at_distributions, warn_negative
from xent.torch._linear.arguments import (
    check_filter,
    check_main_grad,
    check_operands,
    flat,
    logits_of,
)
from xent.torch._linear.operands import autocast, route_of_operands
from xent.torch._linear.plan import bytes_of
from xent.torch._linear.products import Operands
from xent.torch._linear.softmax.reduced import reduced
from xent.torch._linear.softmax.task import LinearTask
from xent.torch._linear.softmax.truth import Target, truth_of
from xent.torch._ops.results import Reduced, Statistics, computed_in
from xent.torch._ops.route import is_eager
from xent.torch._reduction import finish, how_of, reduction_of
from xent.torch._tasks import SoftmaxTask
from xent.torch.functional._linear_cross_entropy_stats import LinearCrossEntropyStats

__all__ = ["linear_softmax_cross_entropy", "linear_softmax_cross_entropy_with_stats"]


def linear_softmax_cross_entropy(
    hidden: Tensor,
    linear_weight: Tensor,
    target: Target,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    class_mask: Tensor | None = None,
    shift: int = 0,
    reduction: str = "mean",
    on_empty: str = "nan",
    memory: int | str | None = None,
    main_grad: Tensor | None = None,
    filter_tolerance: float | None = None,
    implementation: str | None = None,
) -> Any:
    r"""Return the cross-entropy of the softmax of ``hidden @ linear_weight.T``, in nats.

    The logits are made block by block, and each block becomes its own gradient and is
    multiplied away before the next one. For a row :math:`h` with :math:`x = W h + b`, soft
    cap, temperature and mask applied, and a target distribution :math:`t`,

    .. math::
        \ell(h, t) = -\sum_j w_j t_j \log \operatorname{softmax}(x)_j
        + z \Bigl(\log \sum_k e^{x_k}\Bigr)^2 .

    Parameters
    ----------
    hidden : Tensor, shape ``(..., D)``
        float16, bfloat16, float32 or float64, like `linear_weight` and `linear_bias`.
    linear_weight : Tensor, shape ``(V, D)``
        As `torch.nn.Linear` has it.
    target : Tensor, or a pair of them
        Class indices, the shape of `hidden` without its last axis; or ``(..., V)``, a
        distribution for each row; or ``(classes, probs)``, each ``(..., K)``, a distribution
        with mass on K classes only, such as the top of a teacher's. A class below 0 is no
        entry, and every class is named at most once.
    linear_bias : Tensor, shape ``(V,)``, optional
    weight : Tensor, shape ``(V,)``, optional
        Weight of each class, :math:`w` above.
    sample_weight : Tensor, shape of the rows, optional
        Weight of each row. Nothing is computed for a row of weight 0, whatever it holds.
    ignore_index : int, optional
        Nothing is computed for rows with this class index, and they do not count.
    label_smoothing : float in [0, 1], default 0
        Mixes the target with the uniform distribution over the classes that may be chosen.
    z_loss : float, default 0
        :math:`z` above.
    softcap : float, optional
        Replaces the logits by ``softcap * tanh(logits / softcap)`` first.
    temperature : float, default 1
        Divides the logits, after `softcap`.
    class_mask : Tensor of bool, shape ``(V,)``, or ``(rows, V)``, optional
        True where a class may be chosen.
    shift : int, default 0
        Position t is asked for ``target[..., t + shift]``: 1 for the next token, where
        `target` holds the tokens themselves. Class indices only.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides by the sum of the weights of the rows that count: of `sample_weight`
        times :math:`\sum_j w_j t_j`, which is :math:`w_y` for a class and 1 without class
        weights. "total" returns a `Total`, which adds over micro-batches and ranks.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing; its gradient is 0.
    memory : int or str, optional
        What may be used beside operands, gradients and losses: bytes, or "256MiB". By
        default 56 MiB of logits on a CPU and 512 on a GPU, and, for 16-bit operands, the
        sums of their gradients; on a GPU no more than such a sum takes, where that is more.
        `xent.kernels.explain` prints the plan.
    main_grad : Tensor, shape ``(V, D)``, float32 (float64 for float64), optional
        The gradient of `linear_weight` is added to it in the backward pass, unrounded, and
        ``linear_weight.grad`` is left alone.
    filter_tolerance : float in (0, 1), optional
        Leaves classes out of the gradient products of a block while a bound on what that
        changes certifies that the gradients of `hidden` and `linear_weight` are each off by
        at most this, relative to their Frobenius norm. For trained models; see Notes.
    implementation : {"cpu", "triton", "formulas"}, optional
        Used or refused, never replaced.

    Returns
    -------
    loss : Tensor or Total
        float32, float64 for float64. For "none" of the shape of the rows, without the last
        `shift` positions.

    Raises
    ------
    XentTypeError
        If a tensor is none, or of a dtype without a meaning here.
    XentValueError
        D01: a target is no class. D02: nothing to average, with ``on_empty="raise"``.
        D14: the shapes do not fit. A `memory` that no plan fits into says what would.
    UnavailableError
        If the named `implementation` does not serve this call.

    Warns
    -----
    MisuseWarning
        D08: rows of a distribution do not sum to one; negative class weights.

    Notes
    -----
    *Precision.* A logit is a product summed in float32 (float64 for float64), also of 16-bit
    operands; from there on it is `cross_entropy`, within 4 ulp. Gradients are summed in at
    least float32 and rounded once. The blocks do not change a row's loss but through the
    order in which a product of another height sums, which is at most ``D`` roundings of
    float32; the weight's gradient is summed in one float32 array, at most ``N`` roundings.
    On a GPU, 16-bit operands have one rounding more: of the gradient of the logits, for the
    units that multiply it.

    *Time.* Three matrix products for a training step, two where `hidden` or `linear_weight`
    is frozen, one without gradients. With ``reduction="none"`` and for float16 the logits
    are made again in the backward pass: one more.

    *Filter.* `filter_tolerance` changes neither loss, statistics nor the gradient of
    `linear_bias`. What cannot be certified is computed after all; a model that predicts little
    yet has nothing to leave out. `linear_softmax_cross_entropy_with_stats` returns the bound.
    Second derivatives, and gradients under `saved_tensors_hooks`, are unfiltered.

    *Memory.* One block of logits; see `memory`. The gradients are taken in the forward pass
    and held until the backward pass.

    *Derivatives* of any order, forward mode and `torch.func` work block by block, and
    `torch.compile` sees one operator.

    See Also
    --------
    linear_softmax_cross_entropy_with_stats : log-sum-exp, entropy and hits from the same pass.
    linear_cross_entropy : torch's signature.
    linear_sigmoid_cross_entropy : each label is true or false by itself.
    cross_entropy : of logits that exist.

    References
    ----------
    .. [1] Wijmans et al., "Cut your losses in large-vocabulary language models", 2024,
       arXiv:2411.09009, on what the logits cost.

    Examples
    --------
    The next token of a text of five, by a model with a vocabulary of a thousand:

    >>> import torch
    >>> from xent.torch import functional as F
    >>> _ = torch.manual_seed(0)
    >>> hidden = torch.randn(1, 5, 16, requires_grad=True)
    >>> head = torch.nn.Linear(16, 1000, bias=False)
    >>> tokens = torch.tensor([[5, 6, 7, 8, 9]])
    >>> loss = F.linear_softmax_cross_entropy(hidden, head.weight, tokens, shift=1)
    >>> loss.backward()
    >>> logits = head(hidden[:, :-1]).flatten(0, 1)
    >>> torch.testing.assert_close(loss, F.cross_entropy(logits, tokens[0, 1:]))
    """
    loss, _ = _loss_and_sums(
        hidden, linear_weight, target, linear_bias, weight, sample_weight, ignore_index,
        label_smoothing, z_loss, softcap, temperature, class_mask, shift, reduction, on_empty,
        memory, main_grad, filter_tolerance, implementation, statistics=False,
    )  # fmt: skip
    return loss


def linear_softmax_cross_entropy_with_stats(
    hidden: Tensor,
    linear_weight: Tensor,
    target: Target,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    class_mask: Tensor | None = None,
    shift: int = 0,
    reduction: str = "mean",
    on_empty: str = "nan",
    memory: int | str | None = None,
    main_grad: Tensor | None = None,
    filter_tolerance: float | None = None,
    implementation: str | None = None,
) -> LinearCrossEntropyStats:
    """Return `linear_softmax_cross_entropy` with log-sum-exp, entropy, hits and a filter's error.

    Parameters
    ----------
    hidden, linear_weight, target, linear_bias, weight, sample_weight, ignore_index, \
label_smoothing, z_loss, softcap, temperature, class_mask, shift, reduction, on_empty, memory, \
main_grad, filter_tolerance, implementation
        As `linear_softmax_cross_entropy` takes them.

    Returns
    -------
    LinearCrossEntropyStats
        ``(loss, nll, lse, entropy, hit, gradient_error)``, the middle four of the shape of the
        rows. Only the loss has a graph. A row that does not count has 0 everywhere and no hit.

    See Also
    --------
    cross_entropy_with_stats : the same of logits that exist.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> hidden, head = torch.eye(2), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> stats = F.linear_softmax_cross_entropy_with_stats(hidden, head, torch.tensor([0, 0]))
    >>> stats.hit.tolist(), stats.entropy
    ([True, False], tensor([0.3653, 0.5822]))
    """
    loss, found = _loss_and_sums(
        hidden, linear_weight, target, linear_bias, weight, sample_weight, ignore_index,
        label_smoothing, z_loss, softcap, temperature, class_mask, shift, reduction, on_empty,
        memory, main_grad, filter_tolerance, implementation, statistics=True,
    )  # fmt: skip
    assert found.statistics is not None
    statistics = Statistics(*(_rows(each, hidden, shift) for each in found.statistics))
    return LinearCrossEntropyStats(loss, *statistics, found.gradient_error)


def _loss_and_sums(
    hidden: Tensor,
    linear_weight: Tensor,
    target: Target,
    linear_bias: Tensor | None,
    weight: Tensor | None,
    sample_weight: Tensor | None,
    ignore_index: int | None,
    label_smoothing: float,
    z_loss: float,
    softcap: float | None,
    temperature: float,
    class_mask: Tensor | None,
    shift: int,
    reduction: str,
    on_empty: str,
    memory: int | str | None,
    main_grad: Tensor | None,
    filter_tolerance: float | None,
    implementation: str | None,
    *,
    statistics: bool,
) -> tuple[Tensor, Reduced]:
    """Return the loss as it was asked for, and what it was reduced from."""
    reduction_of(reduction, on_empty, None, None)
    operands = Operands(hidden, linear_weight, linear_bias)
    check_operands(operands)
    check_main_grad(main_grad, linear_weight)
    check_filter(filter_tolerance, operands, reduction)
    shape = hidden.shape[:-1]
    operands = operands._replace(hidden=flat(hidden))
    logits = logits_of(operands)
    truth = truth_of(target, shape, shift, ignore_index, logits)
    softmax = softmax_task(
        logits,
        truth.dense,
        1,
        weight=weight,
        # distributions have none, and a negative one says so
        ignore_index=-1 if truth.ignore_index is None else truth.ignore_index,
        label_smoothing=label_smoothing,
        sample_weight=None if sample_weight is None else _per_row(sample_weight, shape),
        class_mask=class_mask,
        z_loss=z_loss,
        softcap=softcap,
        temperature=temperature,
    )
    if truth.ignore_index is None:
        softmax.ignore_index = None
    if truth.classes is not None:
        softmax.target = softmax.ignore_index = None
    operands = autocast(operands)
    path = route_of_operands(
        operands, softmax.target, softmax.soft_target, truth.probs, weight, sample_weight,
        asked=implementation,
    )  # fmt: skip
    if path == "cpu" or (path == "formulas" and is_eager()):
        _look(softmax, weight)
    found = reduced(
        operands,
        LinearTask(softmax, truth.classes, truth.probs),
        path,
        how_of(reduction),
        memory=bytes_of(memory),
        statistics=statistics,
        main_grad=main_grad,
        filter_tolerance=filter_tolerance,
    )
    loss = finish(
        found, reduction, on_empty, computed_in(hidden.dtype), rows=len(logits),
        ignore_index=ignore_index,
    )  # fmt: skip
    return (_rows(loss, hidden, shift) if reduction == "none" else loss), found


def _look(softmax: SoftmaxTask, weight: Tensor | None) -> None:
    """Warn of distributions that are none, and of negative weights."""
    if softmax.soft_target is not None:
        look_at_distributions(
            softmax.soft_target,
            1,
            loss="linear_softmax_cross_entropy",
            sample_weight=softmax.sample_weight,
        )
    if weight is not None:
        warn_negative(weight, "weight")


def _per_row(sample_weight: Any, shape: torch.Size) -> Any:
    if isinstance(sample_weight, Tensor) and sample_weight.shape == shape:
        return sample_weight.reshape(-1)
    return sample_weight  # refused where it is looked at


def _rows(rows: Tensor, hidden: Tensor, shift: int) -> Tensor:
    """Return a number a row in the shape of the rows, without those that have no next one."""
    rows = rows.reshape(hidden.shape[:-1])
    return rows[..., :-shift] if shift else rows
