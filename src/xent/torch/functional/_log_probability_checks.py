"""What is passed where log-probabilities and probabilities are meant: D07, D09, D10, D33.

Torch accepts all of it, so these warn, once a call site, from samples of CPU tensors.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xent.diagnostics import sampling
from xent.diagnostics.pairs import swapped_arguments
from xent.diagnostics.tolerance import tolerance
from xent.diagnostics.warn import warn_once
from xent.diagnostics.where import number, share
from xent.torch._checks import sample_rows
from xent.torch._ops.route import is_eager, is_plain

__all__ = ["look_at_pair", "look_for_positive", "warn_mean_over_classes"]


def look_for_positive(input: Tensor, axis: int) -> None:
    """Warn D10 if a sample of the log-probabilities of `nll_loss` holds positive ones."""
    if not sampling.due("nll_loss") or not input.numel():
        return
    rows = sample_rows(input, axis)
    positive = rows > tolerance(input.dtype)
    if positive.any():
        _warn_positive(
            rows, positive, "input", "did you forget log_softmax? cross_entropy takes the logits"
        )


def warn_mean_over_classes(shape: torch.Size) -> None:
    """Warn D33 of a mean that divides by the number of classes too.

    Of more than two axes, "batchmean" is no mean of distributions either.
    """
    if torch.compiler.is_compiling():
        return
    if len(shape) > 2:
        warn_once(
            f'reduction="mean" divides by the number of elements, of shape {tuple(shape)}: if the '
            f"classes are on the last axis, the loss and its gradient are {shape[-1]:,} times "
            "smaller than the mean divergence of a distribution. "
            f'"batchmean" divides by the first axis ({shape[0]:,}) only. Pass '
            'reduction="none" and take .sum(-1).mean(), or give distillation_loss the logits.',
            code="D33",
            value=shape[-1],
        )
        return
    num_rows = shape[0] if shape else 1
    times = math.prod(shape) // num_rows if num_rows else 0
    warn_once(
        'reduction="mean" divides by the number of elements, so the loss and its gradient are '
        f"{times:,} times smaller than the mean divergence of a row. Pass "
        'reduction="batchmean"; torch has announced that "mean" will come to mean that.',
        code="D33",
        value=times,
    )


def look_at_pair(input: Tensor, target: Tensor, log_target: bool) -> None:
    """Look at a sample of the arguments of `kl_div`, and warn of what they are instead."""
    if not (is_eager() and is_plain(input) and is_plain(target)):
        return
    if not (input.is_cpu and target.is_cpu and input.numel() and target.numel()):
        return
    if not sampling.due("kl_div"):
        return
    q_fine = _look_at_log_probabilities(input, "input")
    if log_target:
        p_fine = _look_at_log_probabilities(target, "target")
    else:
        p_fine = _look_at_probabilities(target)
    if q_fine and p_fine and input.shape == target.shape and input.dim() > 1:
        q, p = np.exp(sample_rows(input, -1)), sample_rows(target, -1)
        swapped_arguments(np.exp(p) if log_target else p, q, names=("target", "input"))


def _look_at_log_probabilities(log_p: Tensor, name: str) -> bool:
    for axis in _axes(log_p):
        rows = sample_rows(log_p, axis).astype(np.float64)
        off = _log_tolerance(rows, log_p.dtype)
        positive = rows > off
        if positive.any():
            is_linear = rows.min() >= 0 and rows.max() <= 1 + off
            _warn_positive(
                rows,
                positive,
                name,
                f"these look like probabilities: pass {name}.log(), or log_softmax of the logits"
                if is_linear
                else f"these look like logits: pass log_softmax({name}, dim=-1)",
            )
            return False
        with np.errstate(divide="ignore", over="ignore"):
            sums = np.logaddexp.reduce(rows, axis=-1)
        if np.isnan(sums).any() or (np.abs(sums) <= off).all():
            return True
    wrong = np.abs(sums) > off
    worst = float(np.exp(sums[np.argmax(wrong)]))
    _warn_sums(int(wrong.sum()), wrong.size, worst, f"exp({name})", "D10")
    return False


def _look_at_probabilities(p: Tensor) -> bool:
    off = tolerance(p.dtype)
    for axis in _axes(p):
        rows = sample_rows(p, axis).astype(np.float64)
        negative = rows < -off
        if negative.any():
            sums = np.logaddexp.reduce(rows, axis=-1)
            logs = bool(
                (rows <= off).all() and (np.abs(sums) <= _log_tolerance(rows, p.dtype)).all()
            )
            warn_once(
                f"target must hold probabilities, but {share(int(negative.sum()), negative.size)} "
                f"sampled entries are negative; least {number(rows.min())}. "
                + (
                    "These are log-probabilities: pass log_target=True."
                    if logs
                    else "Their logarithm is NaN. If these are logits, take their softmax."
                ),
                code="D10" if logs else "D07",
                value=float(rows.min()),
            )
            return False
        sums = rows.sum(axis=-1)
        if np.isnan(sums).any() or (np.abs(sums - 1) <= off).all():
            return True
    wrong = np.abs(sums - 1) > off
    _warn_sums(int(wrong.sum()), wrong.size, float(sums[np.argmax(wrong)]), "target", "D07")
    return False


def _axes(tensor: Tensor) -> tuple[int, ...]:
    """Return the axes that may be the classes': torch has no argument that says."""
    return (-1,) if tensor.dim() < 3 else (-1, 1)


def _log_tolerance(rows: NDArray[Any], dtype: torch.dtype) -> float:
    # rounding log p moves p by a share of |log p|, whose mean is an entropy
    finite = np.abs(rows[np.isfinite(rows)])
    largest = float(finite.max()) if finite.size else 1.0
    return tolerance(dtype) * max(1.0, min(largest, float(np.log(rows.shape[-1]))))


def _warn_positive(rows: NDArray[Any], positive: NDArray[Any], name: str, hint: str) -> None:
    greatest = float(rows.max())
    warn_once(
        f"{name} must hold log-probabilities, which are never positive, but "
        f"{share(int(positive.sum()), positive.size)} sampled entries are, up to "
        f"{number(greatest)}; {hint}.",
        code="D10",
        value=greatest,
    )


def _warn_sums(wrong: int, rows: int, found: float, what: str, code: str) -> None:
    warn_once(
        f"every row of {what} must sum to one, but {share(wrong, rows, 'sampled rows')} do not; "
        f"the first sums to {number(found)}. The divergence of such rows may be negative, and its "
        "least value is not at equality. Divide each row by its sum (subtract its logsumexp).",
        code=code,
        value=found,
    )
