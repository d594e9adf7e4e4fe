"""Losses of a vocabulary that several processes share, over `torch.distributed`.

Each rank of a group holds some of the classes, as many as it likes: rank 0 the first ones,
rank 1 those that follow, and so on. Every rank gets the loss of all of them.

>>> from xent.torch import parallel
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.errors import UnavailableError, XentTypeError, XentValueError
from xent.torch._arguments import check_logits, check_tensor, softmax_task
from xent.torch._checks import warn_negative
from xent.torch._linear import autograd
from xent.torch._linear.arguments import check_operands, flat, logits_of
from xent.torch._linear.operands import autocast
from xent.torch._linear.plan import bytes_of
from xent.torch._linear.products import Operands
from xent.torch._linear.ranks.call import ParallelLinear, ParallelLogits
from xent.torch._linear.ranks.exchange import Ranks, checksum, code_of, ranks_of
from xent.torch._linear.softmax.task import LinearTask, indices_of
from xent.torch._ops.results import Reduced, computed_in
from xent.torch._ops.route import is_eager, is_plain
from xent.torch._reduction import finish, how_of, reduction_of

__all__ = ["vocab_parallel_cross_entropy", "vocab_parallel_linear_softmax_cross_entropy"]


@torch.compiler.disable
def vocab_parallel_linear_softmax_cross_entropy(
    hidden: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    group: Any = None,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    class_mask: Tensor | None = None,
    reduction: str = "mean",
    on_empty: str = "nan",
    memory: int | str | None = None,
    reduce_hidden_grad: bool = True,
) -> Any:
    r"""Return `linear_softmax_cross_entropy` of a weight whose rows are spread over ranks.

    With :math:`W_r` the classes of rank :math:`r` and :math:`x = (W_0 h, W_1 h, \dots)`, the
    loss of a row :math:`h` with target distribution :math:`t` is

    .. math::
        \ell(h, t) = -\sum_j w_j t_j \log \operatorname{softmax}(x)_j
        + z \Bigl(\log \sum_k e^{x_k}\Bigr)^2 .

    No rank holds the logits of all rows, nor those of another rank's classes.

    Parameters
    ----------
    hidden : Tensor, shape ``(..., D)``
        float16, bfloat16, float32 or float64; the same on every rank of `group`.
    linear_weight : Tensor, shape ``(V_r, D)``
        The classes of this rank. The slices may differ in size, and a rank may have none.
    target : Tensor
        Class indices that count the classes of all ranks, the shape of `hidden` without its
        last axis, the same on every rank; or ``(..., V_r)``, this rank's columns of a
        distribution for each row.
    group : ProcessGroup, optional
        The ranks that share the vocabulary, in the order of their classes. All of them must
        call. Default all ranks.
    linear_bias : Tensor, shape ``(V_r,)``, optional
    weight : Tensor, shape ``(V_r,)``, optional
        Weight of each class of this rank, :math:`w` above.
    sample_weight : Tensor, shape of the rows, optional
        Weight of each row, the same on every rank. Nothing is computed for a row of weight 0.
    ignore_index : int, optional
        Nothing is computed for rows with this class index, and they do not count.
    label_smoothing, z_loss, softcap, temperature
        As `linear_softmax_cross_entropy` takes them; smoothing spreads over the classes of
        all ranks.
    class_mask : Tensor of bool, shape ``(V_r,)``, or ``(N, V_r)`` for rows of one axis, optional
        True where a class of this rank may be chosen, as for the padding of a vocabulary.
    reduction, on_empty
        As `linear_softmax_cross_entropy` takes them.
    memory : int or str, optional
        What a rank may use beside operands, gradients and losses, the same on every rank.
    reduce_hidden_grad : bool, default True
        Whether the gradient of `hidden` is summed over `group`. False leaves each rank with
        its own part, for those who add the parts up themselves: with sequence parallelism, a
        reduce-scatter does it at half the traffic.

    Returns
    -------
    loss : Tensor or Total
        float32, float64 for float64: the same bits on every rank. A `Total` is that of the
        rows, and counts them once: merge it over data-parallel ranks, not over `group`.

    Raises
    ------
    XentTypeError, XentValueError
        As `linear_softmax_cross_entropy`. On every rank: D01 for a target that is no class of
        any (on a CPU; on a device the row is nan), and where hidden's shape, the targets, the
        sample weights or the options differ between ranks. An error that only one rank can
        see leaves the others waiting for their timeout, as with every collective.
    UnavailableError
        In a transform of `torch.func`; at a second derivative.

    Notes
    -----
    *Gradients.* Every rank calls ``backward`` on its loss, or whatever it made of it, in the
    same way. It gets the gradient of its own `linear_weight` and `linear_bias`, and the whole
    gradient of `hidden`, which is the one that a single process would have. Do not average
    over `group`.

    *Communication.* Nine float64 numbers a row and rank, block by block, and one sum of the
    gradient of `hidden`, in float32 for 16-bit operands. The blocks have as many rows on every
    rank. A single small exchange before them, which waits for a device, finds the sizes of the
    slices and whether the calls fit together.

    *Memory.* A block of this rank's logits; see `memory`. On a GPU 160 MiB more, and for 16-bit
    operands the gradient of `hidden` in float32.

    *Precision.* That of `linear_softmax_cross_entropy`: the states that are merged leave no
    difference of near equal numbers, so a row that is sure by 80 nats keeps its loss and its
    gradient, wherever its classes are.

    *Compilation.* `torch.compile` leaves the graph here.

    See Also
    --------
    vocab_parallel_cross_entropy : of logits that exist.
    linear_softmax_cross_entropy : on one device.
    Total.all_reduce : the mean over data-parallel ranks.

    References
    ----------
    .. [1] Shoeybi et al., "Megatron-LM: training multi-billion parameter language models
       using model parallelism", 2019, arXiv:1909.08053, on sharing a vocabulary.

    Examples
    --------
    Without `torch.distributed` a process is a group of its own:

    >>> import torch
    >>> from xent.torch.parallel import vocab_parallel_linear_softmax_cross_entropy
    >>> hidden, head = torch.eye(2), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> vocab_parallel_linear_softmax_cross_entropy(hidden, head, torch.tensor([0, 0]))
    tensor(0.7201)

    With it, a model that is tensor-parallel in `tp` and data-parallel in `dp` trains on ::

        total = vocab_parallel_linear_softmax_cross_entropy(
            hidden, my_rows_of_the_head, tokens, group=tp, reduction="total"
        )
        total.all_reduce(dp).mean().backward()
    """
    how = how_of(reduction_of(reduction, on_empty, None, None))
    operands = Operands(hidden, linear_weight, linear_bias)
    _check_plain(hidden=hidden, linear_weight=linear_weight, linear_bias=linear_bias)
    _check_operands(operands)
    shape = hidden.shape[:-1]
    operands = autocast(operands._replace(hidden=flat(hidden)))
    task = _task(
        logits_of(operands), shape, target, weight, sample_weight, ignore_index, label_smoothing,
        z_loss, softcap, temperature, class_mask,
    )  # fmt: skip
    sends = hidden.requires_grad and torch.is_grad_enabled() and reduce_hidden_grad
    settings = (reduction, on_empty, bytes_of(memory), sends)
    ranks = _ranks(group, linear_weight.shape[0], operands.hidden, task, settings)
    call = ParallelLinear(task, how, ranks, bytes_of(memory), reduce_hidden=reduce_hidden_grad)
    return _finished(call, operands, reduction, on_empty, shape, task)


@torch.compiler.disable
def vocab_parallel_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    group: Any = None,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    class_mask: Tensor | None = None,
    reduction: str = "mean",
    on_empty: str = "nan",
) -> Any:
    r"""Return the cross-entropy of the softmax of logits whose classes are spread over ranks.

    With :math:`x` the logits of all ranks, one after the other,

    .. math::
        \ell(x, t) = -\sum_j w_j t_j \log \operatorname{softmax}(x)_j .

    Parameters
    ----------
    logits : Tensor, shape ``(..., V_r)``
        Those of this rank's classes; float16, bfloat16, float32 or float64.
    target, group, weight, sample_weight, ignore_index, label_smoothing, z_loss
        As `vocab_parallel_linear_softmax_cross_entropy` takes them.
    softcap, temperature, class_mask, reduction, on_empty
        Likewise.

    Returns
    -------
    loss : Tensor or Total
        float32, float64 for float64: the same bits on every rank.

    Raises
    ------
    XentTypeError, XentValueError, UnavailableError
        As `vocab_parallel_linear_softmax_cross_entropy`.

    Notes
    -----
    *Gradients.* Every rank gets that of its own logits; nothing is sent in the backward pass.

    *Communication.* Nine float64 numbers a row and rank.

    See Also
    --------
    vocab_parallel_linear_softmax_cross_entropy : of ``hidden @ linear_weight.T``, in blocks.

    Examples
    --------
    >>> import torch
    >>> from xent.torch.parallel import vocab_parallel_cross_entropy
    >>> vocab_parallel_cross_entropy(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0]))
    tensor(0.7201)
    """
    how = how_of(reduction_of(reduction, on_empty, None, None))
    check_logits(logits, "logits")
    _check_plain(logits=logits)
    if logits.dim() == 0:
        raise XentValueError("logits must have their classes last, got a single number", code="D14")
    shape = logits.shape[:-1]
    rows = logits.reshape(shape.numel(), logits.shape[-1])
    task = _task(
        rows, shape, target, weight, sample_weight, ignore_index, label_smoothing, z_loss, softcap,
        temperature, class_mask,
    )  # fmt: skip
    ranks = _ranks(group, rows.shape[1], rows, task, (reduction, on_empty))
    return _finished(ParallelLogits(task, how, ranks), (rows,), reduction, on_empty, shape, task)


def _finished(
    call: ParallelLinear | ParallelLogits,
    operands: tuple[Tensor | None, ...],
    reduction: str,
    on_empty: str,
    shape: torch.Size,
    task: LinearTask,
) -> Any:
    rows, first = shape.numel(), operands[0]
    assert first is not None
    value: Any = autograd.apply(call, *operands)
    found = Reduced(value, call.weight, call.count)
    ignored = task.softmax.ignore_index
    loss = finish(
        found, reduction, on_empty, computed_in(first.dtype), rows=rows, ignore_index=ignored
    )
    return loss.reshape(shape) if reduction == "none" else loss


def _ranks(
    group: Any, size: int, rows: Tensor, task: LinearTask, settings: tuple[Any, ...]
) -> Ranks:
    """Return the ranks, once their calls are known to fit together."""
    if not is_eager():
        raise UnavailableError(
            "a loss whose vocabulary is shared is computed in eager mode alone, and not in a "
            "transform of torch.func: the other ranks would not know of it"
        )
    softmax, kept = task.softmax, indices_of(task.counted())
    mask = None if softmax.class_mask is None else softmax.class_mask.shape[:-1]
    options = (
        softmax.ignore_index, softmax.label_smoothing, softmax.z_loss, softmax.softcap,
        softmax.temperature, softmax.class_weight is None, mask, rows.dtype, *settings,
    )  # fmt: skip
    facts = {
        "the number of rows": len(rows),
        "the kind of targets": 0 if softmax.target is None else 1,
        "target": checksum(softmax.target),
        "sample_weight": checksum(softmax.sample_weight),
        "the number of rows that count": len(rows) if kept is None else len(kept),
        "whatever else the call is told (dtype, options, reduction, memory, class_mask or not, "
        "weight or not, whether hidden needs a gradient)": code_of(*options),
    }
    return ranks_of(group, size, facts, rows)


def _task(
    logits: Tensor,
    shape: torch.Size,
    target: Tensor,
    weight: Tensor | None,
    sample_weight: Tensor | None,
    ignore_index: int | None,
    label_smoothing: float,
    z_loss: float,
    softcap: float | None,
    temperature: float,
    class_mask: Tensor | None,
) -> LinearTask:
    """Return the task of this rank's logits (N, V_r), its targets counting all classes."""
    check_tensor(target, "target")
    if target.shape == (*shape, logits.shape[1]) and target.is_floating_point():
        target = target.reshape(logits.shape)
    elif target.shape != shape:
        raise XentValueError(
            f"target must have the shape of the rows, {tuple(shape)}, for class indices, or "
            f"{(*shape, logits.shape[1])} for this rank's columns of distributions; got "
            f"{tuple(target.shape)}",
            code="D14",
            value=tuple(target.shape),
        )
    else:
        target = target.reshape(-1)
    if sample_weight is not None:
        check_tensor(sample_weight, "sample_weight")
        if sample_weight.shape == shape:
            sample_weight = sample_weight.reshape(-1)
    for name, each in (("target", target), ("weight", weight), ("sample_weight", sample_weight)):
        if each is not None and each.requires_grad and torch.is_grad_enabled():
            raise XentValueError(
                f"{name} must not need a gradient where ranks share the vocabulary: none is "
                f"computed. Pass {name}.detach().",
                value=name,
            )
    softmax = softmax_task(
        logits, target, 1, weight=weight, sample_weight=sample_weight,
        # distributions have none, and a negative one says so
        ignore_index=-1 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing, z_loss=z_loss, softcap=softcap, temperature=temperature,
        class_mask=class_mask,
    )  # fmt: skip
    if ignore_index is None:
        softmax.ignore_index = None
    if weight is not None:
        warn_negative(weight, "weight")
    return LinearTask(softmax)


def _check_operands(operands: Operands) -> None:
    """Raise unless the operands fit; a rank without classes is fine."""
    _, weight, bias = operands
    if weight.dim() == 2 and weight.shape[0] == 0:
        one = weight.new_zeros((1, weight.shape[1]))
        bias = one[:, 0] if bias is not None and bias.shape == (0,) else bias
        operands = operands._replace(weight=one, bias=bias)
    check_operands(operands)


def _check_plain(**tensors: Tensor | None) -> None:
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        check_tensor(tensor, name)
        if not is_plain(tensor):
            kind = type(tensor).__name__
            fix = f" Pass {name}.to_local()." if kind == "DTensor" else ""
            raise XentTypeError(
                f"{name} must be this rank's own tensor, got a {kind}.{fix}", value=kind
            )
