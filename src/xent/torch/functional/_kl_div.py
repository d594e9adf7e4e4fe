"""Kullback-Leibler divergence from log-probabilities, as torch has it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.torch._ops.pointwise import Pointwise
from xent.torch._reduction import reduction_of
from xent.torch.functional._elementwise import (
    as_floats,
    broadcast,
    check_numbers,
    dtype_of_loss,
    evaluate,
)
from xent.torch.functional._log_probability_checks import look_at_pair, warn_mean_over_classes

__all__ = ["kl_div"]


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
    *,
    on_empty: str = "nan",
) -> Any:
    r"""Return the Kullback-Leibler divergence KL(target || input), in nats.

    A drop-in for `torch.nn.functional.kl_div`. With the log-probabilities of the model,
    :math:`x = \log q`, and the true probabilities :math:`p`,

    .. math:: \ell(x, p) = \sum_j p_j (\log p_j - x_j) .

    Parameters
    ----------
    input : Tensor, any shape
        Log-probabilities of the model, such as `log_softmax` gives; float16, bfloat16,
        float32 or float64. Comes first, and is the second argument of KL(p || q).
    target : Tensor, same shape
        Probabilities; with ``log_target=True`` their logarithms. Other shapes broadcast,
        with a warning. Floats, integers or bool.
    size_average, reduce : bool, optional
        Torch's arguments of old, with torch's meaning.
    reduction : {"mean", "batchmean", "sum", "none", "total"}, default "mean"
        "batchmean" divides the sum by the length of the first axis, which for rows (N, C) is
        the mean divergence of a row. "mean" divides by the number of elements, N C, as torch
        does. "none" returns the terms, of which some are negative. "total" returns a `Total`:
        the sum, and the denominator of "batchmean".
    log_target : bool, default False
        Whether `target` holds log-probabilities.
    on_empty : {"nan", "zero", "raise"}, default "nan"
        The "mean" or "batchmean" over nothing.

    Returns
    -------
    loss : Tensor or Total
        In the dtype that `input` and `target` promote to, or float32 under autocast.

    Raises
    ------
    XentTypeError
        If a tensor is none, or of complex numbers.
    XentValueError
        If the shapes do not broadcast.

    Warns
    -----
    MisuseWarning
        D33: the default reduction, "mean", divides by the number of classes too. D10: a
        sample of `input` holds no log-probabilities (a missing ``log``, or logits); of
        `target` with ``log_target=True`` likewise. D07: a sample of `target` holds no
        probabilities. D09: the arguments look swapped. D15: the shapes differ. Once a call
        site each; torch accepts all of it.

    Notes
    -----
    *Precision.* Terms and sums are computed in float64, whatever the dtype: torch takes
    ``p log p - p x`` in that of the input, of which nothing is left when p and q are close.
    What rounding `input` and `target` to float32 has lost, about 1e-7 in the sum of a row's
    probabilities, cannot be had back; from logits, `xent.kl_divergence` keeps 1e-13.

    *Edges.* A class with p = 0 has loss 0 and gradient 0, whatever its ``x`` is: with
    ``x = -inf`` torch's is NaN. p > 0 where ``x = -inf`` gives inf.

    *Gradient.* With respect to `input` it is -p; to `target`, ``log p + 1 - x``, and 0 for
    p = 0, so that a softmax behind it gets the right one, where torch's is NaN. Derivatives
    of any order, forward mode, `torch.func` and `torch.compile` work.

    *Memory.* One gradient, made in the backward pass; torch allocates three terms more.

    See Also
    --------
    cross_entropy : KL and the entropy of the target, from logits.
    distillation_loss : KL between two sets of logits, with a temperature.
    xent.kl_divergence : of arrays, the arguments in the order of KL(p || q).

    References
    ----------
    .. [1] Kullback and Leibler, "On information and sufficiency", 1951.

    Examples
    --------
    >>> import torch
    >>> from xent.torch import functional as F
    >>> p = torch.tensor([[0.5, 0.5]])
    >>> q = torch.tensor([[0.9, 0.1]])
    >>> F.kl_div(q.log(), p, reduction="batchmean")
    tensor(0.5108)
    """
    asked_for_mean = reduction == "mean" and size_average is None and reduce is None
    by_row = reduction == "batchmean" and size_average is None and reduce is None
    reduction = reduction_of("mean" if by_row else reduction, on_empty, size_average, reduce)
    check_numbers(input, "input")
    check_numbers(target, "target")
    input, target = as_floats(input), as_floats(target)
    rows = input.shape[0] if input.dim() else 1
    dtype = dtype_of_loss(input, target)
    if asked_for_mean:
        warn_mean_over_classes(input.shape)
    look_at_pair(input, target, log_target)
    input, target = broadcast(input, target)
    return evaluate(
        _LOG_TARGET if log_target else _TARGET,
        input,
        target,
        None,
        reduction,
        on_empty,
        dtype=dtype,
        divide_by=rows if by_row or reduction == "total" else None,
    )


def _is_absent(x: Tensor, p: Tensor) -> Tensor:
    """Where 0 log 0 = 0, also where x is -inf: a class that does not happen. NaN stays NaN."""
    return (p == 0) & ~x.isnan()


def _terms(x: Tensor, p: Tensor) -> Tensor:
    return p.log().sub_(x).mul_(p).masked_fill_(_is_absent(x, p), 0.0)


def _slope(x: Tensor, p: Tensor) -> Tensor:
    return -p


def _differentiable(x: Tensor, p: Tensor) -> Tensor:
    return p * (torch.where(p == 0, 1.0, p).log() - torch.where(_is_absent(x, p), 0.0, x))


def _log_terms(x: Tensor, log_p: Tensor) -> Tensor:
    p = log_p.exp()
    return (log_p - x).mul_(p).masked_fill_(_is_absent(x, p), 0.0)


def _log_slope(x: Tensor, log_p: Tensor) -> Tensor:
    return -log_p.exp()


def _log_differentiable(x: Tensor, log_p: Tensor) -> Tensor:
    p = log_p.exp()
    kept = torch.where(p == 0, 0.0, log_p)
    return p * (kept - torch.where(_is_absent(x, p), 0.0, x))


_TARGET = Pointwise(_terms, _slope, _differentiable, "kl_of_probs")
_LOG_TARGET = Pointwise(_log_terms, _log_slope, _log_differentiable, "kl_of_log_probs")
