"""Cross-entropy of the softmax of logits, as torch.nn.functional has it, and with more."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from xent.torch._arguments import check_logits, class_axis, softmax_task
from xent.torch._checks import (
    look_at_distributions,
    look_at_logits,
    note_weights_cancel,
    warn_negative,
    warn_nothing_ignored,
)
from xent.torch._ops.everyday import everyday, is_everyday
from xent.torch._ops.results import Reduced
from xent.torch._ops.route import is_eager, route_of
from xent.torch._ops.softmax import reduced
from xent.torch._reduction import finish, how_of, reduction_of, result_dtype

__all__ = ["CrossEntropyStats", "cross_entropy", "cross_entropy_with_stats"]

_DEFAULTS = ("mean", 0.0, 0.0, 1.0, "nan")  # of the options that are not None


class CrossEntropyStats(NamedTuple):
    """A loss and what its rows say, from one pass over the logits.

    Attributes
    ----------
    loss : Tensor
        As `cross_entropy` returns it; differentiable, as the only one.
    nll : Tensor
        Cross-entropy of each row in nats, before any weight; the shape of the rows. A row
        whose class weighs 0 has one, too, and a hit; what does not count is told by
        `ignore_index` and `sample_weight`.
    lse : Tensor
        Log of the sum of the exponentials of the row's logits.
    entropy : Tensor
        Entropy of the prediction in nats.
    hit : Tensor
        bool: the target is the most likely class. Their mean over the rows that count is
        the accuracy.
    """

    loss: Any
    nll: Tensor
    lse: Tensor
    entropy: Tensor
    hit: Tensor


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    *,
    sample_weight: Tensor | None = None,
    class_mask: Tensor | None = None,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    on_empty: str = "nan",
    implementation: str | None = None,
) -> Any:
    r"""Return the cross-entropy between targets and the softmax of logits, in nats.

    A drop-in for `torch.nn.functional.cross_entropy`. For a row of logits :math:`x` and a
    target distribution :math:`t` (one-hot for a class index),

    .. math::
        \ell(x, t) = -\sum_j w_j t_j \log \operatorname{softmax}(x)_j ,
        \qquad
        \ell(x, y) = w_y \Bigl(\log \sum_k e^{x_k} - x_y\Bigr) .

    Parameters
    ----------
    input : Tensor, shape ``(C,)``, ``(N, C)`` or ``(N, C, d1, ...)``
        Logits: unnormalised log-probabilities; float16, bfloat16, float32 or float64.
        ``-inf`` is a class that cannot happen.
    target : Tensor
        Class indices of any integer dtype, the shape of `input` without its class axis; or
        the shape of `input`, a distribution over the classes for each row.
    weight : Tensor, shape ``(C,)``, optional
        Weight of each class, :math:`w` above. A row whose class index weighs 0 has no loss and
        is not read, whatever it holds, but by its statistics; `label_smoothing` and `z_loss`
        give it a loss all the same. It counts in a `Total`. Of a distribution a weight of 0
        takes the class and not the row.
    size_average, reduce : bool, optional
        Torch's arguments of old, with torch's meaning.
    ignore_index : int, default -100
        Rows with this class index have loss 0 and gradient 0, and do not count.
    reduction : {"mean", "sum", "none", "total"}, default "mean"
        "mean" divides as torch does: by :math:`\sum_i w_{y_i}` for class indices and by the
        number of rows for distributions; each times its `sample_weight`. "total" returns a
        `Total`: sum and denominator, which add over micro-batches and ranks.
    label_smoothing : float in [0, 1], default 0
        Mixes the target with the uniform distribution: :math:`(1-\varepsilon)t +
        \varepsilon/C`.
    sample_weight : Tensor, shape of the rows, optional
        Weight of each row. A row of weight 0 is skipped, whatever it holds. The derivative by
        a weight that is 0, of a row or a class, is the loss that it would weigh, where that is
        finite, and else 0.
    class_mask : Tensor of bool, shape ``(C,)`` or that of `input`, optional
        True where a class may be chosen. The others leave the softmax and the smoothing,
        and get gradient 0, whatever their logit holds.
    z_loss : float, default 0
        Adds ``z_loss * lse**2`` to the loss of each row, which keeps the log-sum-exp near 0
        [2]_. Class weights do not touch it.
    softcap : float, optional
        Replaces the logits by ``softcap * tanh(input / softcap)`` first [3]_.
    temperature : float, default 1
        Divides the logits, after `softcap`.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" over nothing. Torch's is nan, with gradient 0. "raise" waits for the
        device. A `Total` of nothing is no mean yet, and has its own.
    implementation : {"cpu", "triton", "formulas"}, optional
        Used or refused, never replaced. By default `xent.kernels.explain` says which.

    Returns
    -------
    loss : Tensor or Total
        In the dtype of `input`, or float32 under autocast, as torch has it. The sums are
        taken in float64. A `Total` holds float32 (float64 for float64 logits).

    Raises
    ------
    XentTypeError
        If a tensor is none, or of a dtype without a meaning here.
    XentValueError
        D01: a target is no class; on a CPU before anything is returned, on CUDA at a later
        call, once its work is done. D02: nothing to average, with ``on_empty="raise"``.
        D14: the shapes do not fit.
    UnavailableError
        If the named `implementation` does not serve this call.

    Warns
    -----
    MisuseWarning
        D04: the logits look like probabilities. D08: rows of a distribution do not sum to
        one or are negative, which torch accepts; negative class weights. Once a call site;
        `xent.checks` silences them, and none costs a wait for a device.

    Notes
    -----
    *Precision.* Value and gradient are within 4 ulp over the whole range of the dtype (5 where
    the formulas compute float64): a row that is right by 80 nats has a loss of 1.8e-35 and a
    gradient like it, where torch's float32 loss is 17 % off at 15 nats, and from 17 on exactly
    0, as is its gradient at the target. bfloat16 and float16 are computed in float32. Every
    gradient row sums to 0 within 8 ulp of its largest entry.

    *Derivatives* of any order, forward mode, `torch.func` and `torch.compile` work. On a CPU
    and on CUDA the gradient is taken in the forward pass, once, when it is needed.

    *Memory.* One gradient; a second only where the graph is kept and the upstream gradient is
    not 1. Without a gradient nothing of the size of the logits is allocated.

    See Also
    --------
    cross_entropy_with_stats : log-sum-exp, entropy and hits from the same pass.
    next_token_cross_entropy, token_cross_entropy : classes last, for language models.
    binary_cross_entropy_with_logits : each label is true or false by itself.
    xent.softmax_cross_entropy : the same loss of arrays.

    References
    ----------
    .. [1] Prieto et al., "Grokking at the edge of numerical stability", 2025,
       arXiv:2501.04697, on what a loss that rounds to 0 does to training.
    .. [2] Chowdhery et al., "PaLM: scaling language modeling with pathways", 2022,
       arXiv:2204.02311, section 5, on the z-loss.
    .. [3] Gemma Team, "Gemma 2: improving open language models at a practical size", 2024,
       arXiv:2408.00118, on the soft cap.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> logits = torch.tensor([[40.0, 0.0], [0.0, 0.0]], requires_grad=True)
    >>> loss = F.cross_entropy(logits, torch.tensor([0, 0]), reduction="none")
    >>> loss.tolist()
    [4.24835413113866e-18, 0.6931471824645996]

    The row that is sure still pulls its target up, which torch's does not:

    >>> loss.sum().backward()
    >>> logits.grad[0].tolist()
    [-4.24835413113866e-18, 4.24835413113866e-18]
    >>> theirs = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 0]), reduction="none")
    >>> theirs[0].item(), torch.autograd.grad(theirs.sum(), logits)[0][0, 0].item()
    (-0.0, 0.0)
    """
    usual = (reduction, label_smoothing, z_loss, temperature, on_empty) == _DEFAULTS
    if usual and is_everyday(
        input, target, ignore_index, weight, size_average, reduce, sample_weight, class_mask,
        softcap, implementation,
    ):  # fmt: skip
        look_at_logits(input, 1, loss="cross_entropy")
        return everyday(input, target, ignore_index)
    reduction = reduction_of(reduction, on_empty, size_average, reduce)
    found, axis = _found(
        input, target, weight, ignore_index, label_smoothing, sample_weight, class_mask, z_loss,
        softcap, temperature, reduction, implementation, statistics=False,
    )  # fmt: skip
    return finish(
        found,
        reduction,
        on_empty,
        result_dtype(input),
        rows=input.numel() // input.shape[axis],
        ignore_index=ignore_index,
    )


def cross_entropy_with_stats(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    *,
    sample_weight: Tensor | None = None,
    class_mask: Tensor | None = None,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    on_empty: str = "nan",
    implementation: str | None = None,
) -> CrossEntropyStats:
    """Return `cross_entropy` with log-sum-exp, entropy and hits, from the same pass.

    Parameters
    ----------
    input, target, weight, ignore_index, reduction, label_smoothing, sample_weight, \
class_mask, z_loss, softcap, temperature, on_empty, implementation
        As `cross_entropy` takes them.

    Returns
    -------
    CrossEntropyStats
        ``(loss, nll, lse, entropy, hit)``. Only the loss has a graph. A row that does not
        count has 0 everywhere and no hit. The first of equal maxima counts as the
        prediction.

    See Also
    --------
    cross_entropy : the loss alone.
    softmax_entropy : an entropy with a gradient, to regularise with.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
    >>> stats = F.cross_entropy_with_stats(logits, torch.tensor([0, 0]))
    >>> round(stats.loss.item(), 4), stats.hit.tolist()
    (0.7201, [True, False])
    >>> stats.entropy
    tensor([0.3653, 0.5822])
    """
    reduction = reduction_of(reduction, on_empty, None, None)
    found, axis = _found(
        input, target, weight, ignore_index, label_smoothing, sample_weight, class_mask, z_loss,
        softcap, temperature, reduction, implementation, statistics=True,
    )  # fmt: skip
    loss = finish(
        found,
        reduction,
        on_empty,
        result_dtype(input),
        rows=input.numel() // input.shape[axis],
        ignore_index=ignore_index,
    )
    assert found.statistics is not None
    return CrossEntropyStats(loss, *found.statistics)


def _found(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    label_smoothing: float,
    sample_weight: Tensor | None,
    class_mask: Tensor | None,
    z_loss: float,
    softcap: float | None,
    temperature: float,
    reduction: str,
    implementation: str | None,
    *,
    statistics: bool,
) -> tuple[Reduced, int]:
    """Return the losses and the class axis, once the arguments are checked."""
    check_logits(input)
    axis = class_axis(input)
    task = softmax_task(
        input,
        target,
        axis,
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        sample_weight=sample_weight,
        class_mask=class_mask,
        z_loss=z_loss,
        softcap=softcap,
        temperature=temperature,
    )
    path = route_of(input, target, weight, sample_weight, asked=implementation)
    if path == "cpu" or (path == "formulas" and is_eager()):
        look_at_logits(input, axis, loss="cross_entropy")
        if task.soft_target is not None:
            look_at_distributions(
                task.soft_target, axis, loss="cross_entropy", sample_weight=sample_weight
            )
            warn_nothing_ignored(ignore_index)
        if weight is not None:
            warn_negative(weight, "weight")
            if reduction == "mean" and task.target is not None and not label_smoothing:
                note_weights_cancel(task.target, weight, ignore_index)
    return reduced(input, task, path, how_of(reduction), statistics=statistics), axis
