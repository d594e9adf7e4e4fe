"""Targets with a value for every class: distributions and independent labels (D08, D17)."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics import policy
from xent.diagnostics.dtypes import check_numbers
from xent.diagnostics.sampling import sample_rows
from xent.diagnostics.sums import all_near_one, row_sums
from xent.diagnostics.tolerance import tolerance
from xent.diagnostics.warn import note_once
from xent.diagnostics.where import at, first, number, row_index, row_name, share
from xent.errors import XentValueError

__all__ = ["check_distribution_target", "check_unit_interval", "hint_single_label"]

_SINGLE_LABEL_ROWS = 256


def check_distribution_target(
    target: Any, axis: int = -1, *, name: str = "target", dtype: Any = None
) -> None:
    """Raise D08 unless every row of a soft target is non-negative and sums to one.

    The tolerance of the sum is that of the target's dtype, or of `dtype`, the one that it
    had where NumPy has none for it (bfloat16). Does nothing at "off".

    Examples
    --------
    >>> check_distribution_target(np.array([[0.5, 0.5], [0.9, 0.9]]))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D08: every row of target must sum to one, but 1 of 2 rows do
    not; first: target[1] sums to 1.8. The loss would be scaled by that sum. Divide each row
    by its sum, or use sigmoid_cross_entropy for independent labels.
    """
    target = np.asarray(target)
    check_numbers(target, name=name, code="D16")
    if policy.active() == "off":
        return
    if not target.size:
        return
    least = target.min()
    if not least >= 0:
        _raise_negative(target, name)
    allowed = tolerance(target.dtype if dtype is None else dtype)
    if all_near_one(row_sums(target, axis), allowed):
        return
    # the sum of a long row in its own precision may be what is off
    sums = np.asarray(target.sum(axis=axis, dtype=np.float64))
    wrong = ~(np.abs(sums - 1) <= allowed)
    if not wrong.any():
        return
    row = first(wrong)
    total = float(sums[row])
    raise XentValueError(
        f"every row of {name} must sum to one, but {share(int(wrong.sum()), wrong.size, 'rows')} "
        f"do not; first: {row_name(name, row, axis, target.ndim)} sums to {number(total)}. The "
        "loss would be scaled by that sum. "
        + (
            "Rows of zeros are padding? Give them sample_weight 0."
            if total == 0
            else "Divide each row by its sum, or use sigmoid_cross_entropy for independent labels."
        ),
        code="D08",
        index=row_index(row),
        value=total,
    )


def _raise_negative(target: NDArray[Any], name: str) -> NoReturn:
    missing = np.isnan(target)
    wrong = missing if missing.any() else target < 0
    index = first(wrong)
    value = float(target[index])
    if missing.any():
        why = "Drop those rows, or give them sample_weight 0."
    elif value == -1 and (target[wrong] == -1).all():
        why = "If -1 marks rows to ignore, give them sample_weight 0."
    else:
        why = (
            "A negative target makes the loss unbounded below. Pass probabilities; if these are "
            "log-probabilities or logits, take exp or softmax first."
        )
    raise XentValueError(
        f"{name} must hold probabilities, but {share(int(wrong.sum()), target.size)} entries are "
        f"{'NaN' if missing.any() else 'negative'}; first: {at(name, index)} = {number(value)}. "
        f"{why}",
        code="D08",
        index=row_index(index),
        value=value,
    )


def check_unit_interval(target: Any, *, name: str = "target") -> None:
    """Raise D08 unless every target of a sigmoid loss is in [0, 1]. Does nothing at "off".

    Examples
    --------
    >>> check_unit_interval(np.array([1, -1, 1]))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D08: target must be in [0, 1], but 1 of 3 entries are not;
    first: target[1] = -1. The loss would have no lower bound. The only values are -1 and 1:
    map them with (y + 1) / 2.
    """
    target = np.asarray(target)
    check_numbers(target, name=name, code="D16")
    if policy.active() == "off":
        return
    if target.dtype.kind == "b" or not target.size:
        return
    # NaN is neither, so it is caught as well
    if target.min() >= 0 and target.max() <= 1:
        return
    wrong = ~((target >= 0) & (target <= 1))
    index = first(wrong)
    value = target[index].item()
    raise XentValueError(
        f"{name} must be in [0, 1], but {share(int(wrong.sum()), target.size)} entries are not; "
        f"first: {at(name, index)} = {number(value)}. {_interval_hint(target)}",
        code="D08",
        index=row_index(index),
        value=value,
    )


def _interval_hint(target: NDArray[Any]) -> str:
    if target.dtype.kind not in "iu" and np.isnan(target).any():
        return "NaN is no target: drop those entries, or give them sample_weight 0."
    unbounded = "The loss would have no lower bound. "
    values = {float(v) for v in np.unique(target)[:300]}
    if values <= {-1.0, 1.0}:
        return f"{unbounded}The only values are -1 and 1: map them with (y + 1) / 2."
    if values == {0.0, 255.0} or values == {255.0}:
        return f"{unbounded}The only values are 0 and 255, grey levels: divide by 255."
    if -1.0 in values and values <= {-1.0, 0.0, 1.0}:
        return f"{unbounded}If -1 marks entries to ignore, give them sample_weight 0."
    if all(v.is_integer() for v in values) and min(values) >= 0:
        top = int(max(values))
        return (
            f"{unbounded}Class labels up to {top}? Exactly one of several classes is the task of "
            "softmax_cross_entropy."
        )
    if min(values) >= 0 and max(values) <= 100:
        return f"{unbounded}If these are percentages, divide by 100."
    return f"{unbounded}If these are logits or scores, take their sigmoid first."


def hint_single_label(target: Any, axis: int = -1) -> None:
    """Note D17 when the labels of a sigmoid loss look like those of a single-label task.

    At least 256 rows, three labels, and exactly one positive in every row. A multi-label
    task may look so; it is a note, at the level "full" only.
    """
    if policy.active() != "full":
        return
    target = np.asarray(target)
    if not target.ndim or target.shape[axis] < 3:
        return
    rows = target.size // target.shape[axis]
    if rows < _SINGLE_LABEL_ROWS or not _single(sample_rows(target, axis)):
        return
    if not _single(np.moveaxis(target, axis, -1)):
        return
    labels = target.shape[axis]
    note_once(
        f"each of the {rows:,} rows has exactly one positive among {labels} labels, as if one "
        f"class were true. If so, softmax_cross_entropy is the loss; with sigmoids, a model that "
        f"always says no is right in {(labels - 1) / labels:.0%} of the labels.",
        code="D17",
        value=rows,
    )


def _single(rows: NDArray[Any]) -> bool:
    positive = rows == 1
    return bool((positive | (rows == 0)).all() and (positive.sum(axis=-1) == 1).all())
