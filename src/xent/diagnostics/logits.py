"""Logits that are something else: softmaxed (D04, D05), squashed or cut off (D06)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics import sampling
from xent.diagnostics.policy import active
from xent.diagnostics.tolerance import tolerance
from xent.diagnostics.warn import note_once, warn_once
from xent.diagnostics.where import number

__all__ = [
    "Evidence",
    "double_softmax_floor",
    "evidence_of",
    "forget",
    "look",
    "look_at_logits",
    "note_half_precision",
]

_ROWS_NEEDED = 4  # one row of real logits sums to one in up to 2.6 % of trials, four never did
_VALUES_NEEDED = 256
_MAX_VALUES = 1024
_DISTINCT_NEEDED = 8  # a layer that starts at zero gives one value, and is no evidence
_RELU_ZEROS = 0.1
_OF_ARRAYS = ("softmax_cross_entropy", "categorical_cross_entropy")
_LOSSES_OF_LABELS = ("sigmoid", "binary_cross_entropy_with_logits")


class Evidence:
    """What samples of earlier calls have shown: small batches add up.

    One counter-example clears it.
    """

    def __init__(self) -> None:
        self.rows: set[int] = set()  # hashes of different rows that sum to one
        self.values: list[NDArray[Any]] = []  # none negative


_evidence: dict[str, Evidence] = {}


def look_at_logits(logits: Any, axis: int | None = -1, *, loss: str) -> None:
    """Look at a sample of the logits, and warn if they are no logits.

    Looks in calls 1 to 20 of each loss and in every 1000th after ("full": every call), at
    64 rows or 1024 values at most. Real logits are left at the first row, or the first
    negative value. Never raises, and never changes anything.

    ====  =======  ==========================================================================
    D04   softmax  4 different rows or more, each in [0, 1] and summing to one: a warning
    D05   softmax  the same for log-probabilities: a note, since softmax leaves them as they
                   are
    D06   sigmoid  256 values or more in [0, 1], not all 0 or 1: a warning
    D17   softmax  a single class: a warning
    D06   sigmoid  256 values or more, none negative, 10 % exactly 0, some above 1, as after
                   a ReLU: a warning
    ====  =======  ==========================================================================

    Parameters
    ----------
    logits : array, floating
    axis : int or None
        The class axis; the sigmoid rules do not use it.
    loss : str
        Name of the loss that was called: a loss of labels (one that starts with "sigmoid",
        or binary_cross_entropy_with_logits) gets the sigmoid rules, others the softmax rules.
    """
    if sampling.due(loss):
        look(logits, axis, loss=loss, evidence=evidence_of(loss))


def evidence_of(loss: str) -> Evidence:
    """Return what the calls of this loss have shown so far."""
    return _evidence.setdefault(loss, Evidence())


def look(
    logits: Any, axis: int | None, *, loss: str, evidence: Evidence, dtype: Any = None
) -> None:
    """Look at a sample now, on top of this evidence; see `look_at_logits`.

    `dtype` is the one that the logits had, where NumPy has none for it (bfloat16).
    """
    logits = np.asarray(logits)
    if not logits.size or not logits.ndim:
        return
    with np.errstate(invalid="ignore"):  # infinite logits of both signs sum to nan
        if loss.startswith(_LOSSES_OF_LABELS):
            _look_for_probabilities_of_labels(logits, loss, evidence)
        else:
            off = tolerance(logits.dtype if dtype is None else dtype)
            _look_for_distributions(logits, -1 if axis is None else axis, loss, evidence, off)


def note_half_precision(logits: NDArray[Any], dtype: str | None = None) -> None:
    """Note D18 for logits of 16 bits: what a loss kept in their dtype would lose."""
    if dtype is None and (logits.dtype.itemsize != 2 or logits.dtype.kind in "iu"):
        return
    name = dtype or logits.dtype.name
    step = 2.0 ** (3 - (10 if name == "float16" else 7))
    note_once(
        f"the logits are {name}. xent computes in float32; a loss that is kept in {name} "
        f"moves in steps of {step:g} between 8 and 16, and a float16 sum overflows at 65504. Keep "
        "losses in float32 when you add them up.",
        code="D18",
        value=name,
    )


def forget() -> None:
    """Drop the evidence of earlier calls, and start counting them again (for tests)."""
    _evidence.clear()
    sampling.forget()


def double_softmax_floor(num_classes: int) -> float:
    """Return the least loss that a softmax of probabilities can have: ln(1 + (K-1)/e).

    >>> round(double_softmax_floor(10), 3)
    1.461
    """
    return math.log1p((num_classes - 1) / math.e)


def _look_for_distributions(
    logits: NDArray[Any], axis: int, loss: str, evidence: Evidence, off: float
) -> None:
    num_classes = logits.shape[axis]
    if num_classes < 2:
        _warn_one_class(loss)
        return
    row = _row_zero(logits, axis)
    if _are_distributions(row, off):
        rows = sampling.sample_rows(logits, axis)
        if not _are_distributions(rows, off):
            evidence.rows.clear()
            return
        evidence.rows.update(hash(r.tobytes()) for r in rows)
        if len(evidence.rows) >= _ROWS_NEEDED:
            evidence.rows.clear()
            _warn_softmaxed(rows, num_classes, loss)
        return
    evidence.rows.clear()
    if active() == "full" and _are_log_distributions(row, off):
        rows = sampling.sample_rows(logits, axis)
        if len(rows) >= _ROWS_NEEDED and _are_log_distributions(rows, off):
            note_once(
                f"each of the {len(rows)} sampled rows of logits holds log-probabilities already "
                "(their exp sums to one). That is harmless, a softmax leaves them as they are; "
                "the log_softmax before this loss is work done twice.",
                code="D05",
            )


def _warn_one_class(loss: str) -> None:
    of_labels = (
        "sigmoid_cross_entropy" if loss in _OF_ARRAYS else "binary_cross_entropy_with_logits"
    )
    warn_once(
        "the logits have one class. The softmax of one number is 1, so the loss is 0 and the "
        f"gradient too, whatever the model says. For two outcomes from one logit call {of_labels}; "
        "for a softmax give each outcome a logit.",
        code="D17",
        value=1,
    )


def _row_zero(logits: NDArray[Any], axis: int) -> NDArray[Any]:
    moved = np.moveaxis(logits, axis, -1)
    row: NDArray[Any] = moved[(0,) * (moved.ndim - 1)][None]
    return row


def _are_distributions(rows: NDArray[Any], off: float) -> bool:
    sums = rows.sum(axis=-1, dtype=np.promote_types(rows.dtype, np.float32))
    if not (np.abs(sums - 1) <= off).all():
        return False
    return bool(rows.min() >= -off and rows.max() <= 1 + off)


def _are_log_distributions(rows: NDArray[Any], off: float) -> bool:
    if not rows.max() <= off:
        return False
    rows = rows.astype(np.float64)
    return bool((np.abs(np.logaddexp.reduce(rows, axis=-1)) <= off).all())


def _warn_softmaxed(rows: NDArray[Any], num_classes: int, loss: str) -> None:
    sums = rows.sum(axis=-1, dtype=np.float64)
    worst = float(np.abs(sums - 1).max())
    warn_once(
        f"the {len(rows)} sampled rows of logits are non-negative and sum to one (to within "
        f"{worst:.1g}): these look like probabilities, but {loss} expects logits. With "
        f"{num_classes} classes the loss cannot go below {double_softmax_floor(num_classes):.4g}, "
        f"and the first gradients are about {num_classes:,} times too small. Remove the softmax, "
        f"or {_takes_probabilities(loss)}.",
        code="D04",
        value=worst,
    )


def _takes_probabilities(loss: str) -> str:
    if loss == "cross_entropy":  # of tensors
        return "give nll_loss the logarithm of these"
    return "call categorical_cross_entropy, which takes probabilities"


def _look_for_probabilities_of_labels(logits: NDArray[Any], loss: str, evidence: Evidence) -> None:
    # real logits have a negative value among the first few
    if not logits.flat[: min(8, logits.size)].min() >= 0:
        evidence.values.clear()
        return
    sample = sampling.sample_values(logits, _MAX_VALUES)
    if not sample.min() >= 0:
        evidence.values.clear()
        return
    evidence.values.append(sample)
    if sum(part.size for part in evidence.values) < _VALUES_NEEDED:
        return
    values = np.concatenate(evidence.values)
    evidence.values.clear()
    if len(np.unique(values)) < _DISTINCT_NEEDED:
        return
    if values.max() <= 1:
        warn_once(
            f"the {values.size:,} sampled logits are all in [0, 1] (from {number(values.min())} to "
            f"{number(values.max())}): these look like probabilities, but {loss} expects logits. "
            "A label that is false then costs 0.6931 at least, and one that is true 0.3133. "
            "Remove the sigmoid, or call binary_cross_entropy, which takes probabilities.",
            code="D06",
            value=float(values.max()),
        )
        return
    zeros = float((values == 0).mean())
    if zeros >= _RELU_ZEROS:
        warn_once(
            f"none of the {values.size:,} sampled logits is negative and {zeros:.0%} are exactly "
            "0, as after a ReLU: a probability can then never go below one half, and a label that "
            "is false costs 0.6931 at least. Remove the activation before the loss.",
            code="D06",
            value=zeros,
        )
