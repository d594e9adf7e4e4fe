"""Probabilities that are none (D07, D10, D29), in place and by name."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics import policy
from xent.diagnostics.counts import looks_like_counts, raise_counts
from xent.diagnostics.dtypes import check_numbers
from xent.diagnostics.pairs import clip_share, report_no_support, swapped_arguments
from xent.diagnostics.sums import all_near_one, row_sums
from xent.diagnostics.tolerance import tolerance
from xent.diagnostics.where import at, first, number, row_index, row_name, share
from xent.errors import XentValueError

__all__ = [
    "check_log_probabilities",
    "check_probabilities",
    "clip_share",
    "raise_missing",
    "raise_not_probabilities",
    "report_no_support",
    "swapped_arguments",
    "tolerance",
]

_BLOCK = 1 << 20  # elements looked at together: bounds the memory of a check


def check_probabilities(
    p: Any, *, axis: int | None = -1, name: str = "p", dtype: Any = None
) -> None:
    """Raise unless every row of `p` is in [0, 1] and sums to one, to within `tolerance`.

    With ``axis=None`` every entry is a probability by itself, and nothing is summed. One
    pass for the least value and one for the sums: a non-negative row that sums to one has
    nothing above one. Does nothing at the level "off". Kernels that see the values anyway
    check as they go, and call `raise_not_probabilities`. `dtype` is the one that `p` had,
    where NumPy has none for it (bfloat16).

    Raises
    ------
    XentValueError
        D07, D10 or D29, as `raise_not_probabilities` finds.

    Examples
    --------
    >>> check_probabilities(np.array([[0.5, 0.5], [0.6, 0.6]]))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D07: every row of p must sum to one, but 1 of 2 rows do not;
    first: p[1] sums to 1.2. Divide each row by its sum, or pass normalize=True.
    """
    p = np.asarray(p)
    check_numbers(p, name=name, code="D07")
    if policy.active() == "off":
        return
    if not p.size:
        return
    off = tolerance(p.dtype if dtype is None else dtype)
    if axis is None:
        if not (p.min() >= -off and p.max() <= 1 + off):
            raise_not_probabilities(p, axis=None, name=name, dtype=dtype)
        return
    if p.min() >= -off:
        if all_near_one(row_sums(p, axis), off):
            return
        # the sum of a long row in its own precision may be what is off
        if p.dtype.itemsize < 8 and all_near_one(p.sum(axis=axis, dtype=np.float64), off):
            return
    raise_not_probabilities(p, axis=axis, name=name, dtype=dtype)


def check_log_probabilities(log_p: Any, *, axis: int = -1, name: str = "log_p") -> None:
    """Raise D10 unless the exponentials of every row of `log_p` sum to one.

    The tolerance is that of the dtype times max(1, min(max |log p|, ln C)): rounding log p
    moves p by a share of |log p|, and the mean of |log p| is an entropy, ln C at most.
    Does nothing at the level "off".

    Examples
    --------
    >>> check_log_probabilities(np.array([[0.5, 0.5]]))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D10: log_p must hold log-probabilities, which are never
    positive, but 2 of 2 entries are; first: log_p[0, 0] = 0.5. These look like
    probabilities: pass given="probs", or take their log.
    """
    log_p = np.asarray(log_p)
    check_numbers(log_p, name=name, code="D10")
    if policy.active() == "off":
        return
    if not log_p.size:
        return
    rows = np.moveaxis(log_p, axis, -1)
    off = _log_tolerance(log_p, log_p.shape[axis])
    if not log_p.max() <= off or not (np.abs(_log_sums(rows)) <= off).all():
        raise_not_probabilities(log_p, axis=axis, name=name, given="log_probs")


def raise_not_probabilities(
    p: Any,
    *,
    axis: int | None = -1,
    name: str = "p",
    given: str = "probs",
    suggestion: str | None = None,
    dtype: Any = None,
) -> NoReturn:
    """Raise for an array of which some row is no distribution, saying what it may be.

    To be called once a pass has found such a row; works out which rule it breaks.

    Parameters
    ----------
    p : array
    axis : int or None
        The axis along which rows sum to one; None where every entry is a probability by
        itself, that of one label.
    name : str
        The argument.
    given : {"probs", "log_probs"}
        What the caller says it is.
    suggestion : str, optional
        The fix to name instead of the usual one where `p` looks like logits or is not
        normalised.
    dtype : optional
        The one that `p` had, where NumPy has none for it (bfloat16).

    Raises
    ------
    XentValueError
        Always: D07 (missing or infinite values, values outside [0, 1] as logits have, sums
        other than one), D10 (log-probabilities, or what was called so and is not) or D29
        (counts); `index` and `value` are the first offender's.

    Examples
    --------
    >>> raise_not_probabilities(np.array([[2.0, -1.0], [0.5, 0.5]]))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D07: p must be in [0, 1], but 2 of 4 entries are not; first:
    p[0, 0] = 2.0, least -1.0, greatest 2.0. These look like logits: take their softmax, or
    pass given="logits" where the function has it.
    >>> raise_not_probabilities(np.log([[0.25, 0.75]]))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D10: p must hold probabilities, but no entry is positive and
    the exponentials of every row sum to one; p[0, 0] = -1.386. These are log-probabilities:
    take their exp, or pass given="log_probs" where the function has it.
    """
    p = np.asarray(p)
    off = tolerance(p.dtype if dtype is None else dtype)
    missing = np.isnan(p) | np.isposinf(p)
    if missing.any():
        raise_missing(p, missing, axis, name)
    if axis is None:
        _raise_outside(p, (p < -off) | (p > 1 + off), None, name, suggestion)
    if given == "log_probs":
        _raise_not_log_probabilities(p, axis, name, suggestion)
    if (p <= off).all() and (np.abs(_log_sums(np.moveaxis(p, axis, -1))) <= off * 16).all():
        index = (0,) * p.ndim
        raise XentValueError(
            f"{name} must hold probabilities, but no entry is positive and the exponentials of "
            f"every row sum to one; {at(name, index)} = {number(p[index])}. These are "
            'log-probabilities: take their exp, or pass given="log_probs" where the function has '
            "it.",
            code="D10",
            index=row_index(index),
            value=p[index].item(),
        )
    if looks_like_counts(p):
        raise_counts(p, name=name)
    outside = (p < -off) | (p > 1 + off)
    if outside.any() and not _are_percentages(p, axis):
        _raise_outside(p, outside, axis, name, suggestion)
    _raise_sums(p, axis, name, suggestion, off)


def raise_missing(
    p: NDArray[Any],
    missing: NDArray[np.bool_],
    axis: int | None,
    name: str,
    meaning: str = "probabilities",
) -> NoReturn:
    """Raise D07 for entries that are NaN or infinite."""
    rows = missing if axis is None else missing.any(axis=axis)
    index = first(missing)
    raise XentValueError(
        f"{name} must hold {meaning}, but {share(int(rows.sum()), rows.size, 'rows')} hold "
        f"NaN or infinite values; first: {at(name, index)} = {p[index]}. Every sum over such a row "
        "is NaN. Find where they come from (an overflow, 0/0, a missing cell), or drop those rows.",
        code="D07",
        index=row_index(index),
        value=p[index].item(),
    )


def _raise_outside(
    p: NDArray[Any],
    outside: NDArray[np.bool_],
    axis: int | None,
    name: str,
    suggestion: str | None,
) -> NoReturn:
    index = first(outside)
    least = p.min()
    what, link = "logits", "softmax" if axis is not None else "sigmoid"
    if least >= 0:
        what = "logits, or weights that were not normalised"
    elif p.max() <= 0:
        what = "log-probabilities or logits"
    raise XentValueError(
        f"{name} must be in [0, 1], but {share(int(outside.sum()), outside.size)} entries are "
        f"not; first: {at(name, index)} = {number(p[index])}, least {number(least)}, greatest "
        f"{number(p.max())}. These look like {what}: "
        + (suggestion or f'take their {link}, or pass given="logits" where the function has it.'),
        code="D07",
        index=row_index(index),
        value=p[index].item(),
    )


def _are_percentages(p: NDArray[Any], axis: int) -> bool:
    sums = np.asarray(p.sum(axis=axis, dtype=np.float64))
    return bool(p.min() >= 0 and (np.abs(sums - 100) <= 0.5).all())


def _raise_sums(
    p: NDArray[Any], axis: int, name: str, suggestion: str | None, off: float
) -> NoReturn:
    sums = np.asarray(p.sum(axis=axis, dtype=np.float64))
    wrong = ~(np.abs(sums - 1) <= off)
    # a pass in the row's own precision may stop at a row that float64 lets through
    row = first(wrong) if wrong.any() else first(np.abs(sums - 1) == np.abs(sums - 1).max())
    total = float(sums[row])
    raise XentValueError(
        f"every row of {name} must sum to one, but "
        f"{share(max(int(wrong.sum()), 1), wrong.size, 'rows')} do not; first: "
        f"{row_name(name, row, axis, p.ndim)} sums to {number(total)}. "
        + (suggestion or _sum_hint(p, sums, axis, off)),
        code="D07",
        index=row_index(row),
        value=total,
    )


def _sum_hint(p: NDArray[Any], sums: NDArray[Any], axis: int, off: float) -> str:
    for other in range(p.ndim):
        if other != axis % p.ndim and p.shape[other] > 1:
            along = p.sum(axis=other, dtype=np.float64)
            if (np.abs(along - 1) <= off).all():
                return f"Along axis {other} every sum is one: pass axis={other}."
    if _are_percentages(p, axis):
        return "The rows sum to 100, as percentages do: divide by 100."
    return "Divide each row by its sum, or pass normalize=True."


def _raise_not_log_probabilities(
    log_p: NDArray[Any], axis: int, name: str, suggestion: str | None
) -> NoReturn:
    off = _log_tolerance(log_p, log_p.shape[axis])
    positive = log_p > off
    if positive.any():
        index = first(positive)
        is_linear = log_p.min() >= 0 and log_p.max() <= 1 + tolerance(log_p.dtype)
        raise XentValueError(
            f"{name} must hold log-probabilities, which are never positive, but "
            f"{share(int(positive.sum()), positive.size)} entries are; first: {at(name, index)} = "
            f"{number(log_p[index])}. "
            + (
                'These look like probabilities: pass given="probs", or take their log.'
                if is_linear
                else "These look like logits: "
                + (suggestion or 'pass given="logits", or take their log_softmax.')
            ),
            code="D10",
            index=row_index(index),
            value=log_p[index].item(),
        )
    sums = _log_sums(np.moveaxis(log_p, axis, -1))
    wrong = ~(np.abs(sums) <= off)
    row = first(wrong) if wrong.any() else first(np.abs(sums) == np.abs(sums).max())
    total = float(np.exp(sums[row]))
    raise XentValueError(
        f"the exponentials of every row of {name} must sum to one, but "
        f"{share(max(int(wrong.sum()), 1), wrong.size, 'rows')} do not; first: those of "
        f"{row_name(name, row, axis, log_p.ndim)} sum to {number(total)}. "
        + (suggestion or 'Take log_softmax, or pass given="logits".'),
        code="D10",
        index=row_index(row),
        value=total,
    )


def _log_tolerance(log_p: NDArray[Any], num_classes: int) -> float:
    finite = log_p[np.isfinite(log_p)] if not np.isfinite(log_p.min()) else log_p
    largest = float(max(-finite.min(), finite.max())) if finite.size else 1.0
    return tolerance(log_p.dtype) * max(1.0, min(largest, float(np.log(num_classes))))


def _log_sums(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return log(sum(exp(row))) of every row along the last axis, a block at a time."""
    flat = rows.reshape(-1, rows.shape[-1])
    sums = np.empty(len(flat))
    step = max(1, _BLOCK // max(1, rows.shape[-1]))
    for start in range(0, len(flat), step):
        block = flat[start : start + step].astype(np.float64)
        top = block.max(axis=-1, keepdims=True)
        top[~np.isfinite(top)] = 0.0
        with np.errstate(divide="ignore", over="ignore"):
            sums[start : start + step] = np.log(np.exp(block - top).sum(axis=-1)) + top[:, 0]
    return sums.reshape(rows.shape[:-1])
