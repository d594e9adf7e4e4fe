"""Targets: class indices (D01, D16) and one-hot rows (D17).

The other rules about targets are found here too, and written in `soft_targets` (a value
for every class) and in `averaging` (nothing left to average).
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from xent.diagnostics import policy
from xent.diagnostics.averaging import nearly_empty, nothing_to_average, weights_cancel
from xent.diagnostics.dtypes import check_numbers
from xent.diagnostics.soft_targets import (
    check_distribution_target,
    check_unit_interval,
    hint_single_label,
)
from xent.diagnostics.sums import row_sums
from xent.diagnostics.where import at, first, row_index, row_name, share
from xent.errors import XentTypeError, XentValueError

__all__ = [
    "check_distribution_target",
    "check_index_dtype",
    "check_one_hot",
    "check_unit_interval",
    "hint_single_label",
    "nearly_empty",
    "nothing_to_average",
    "one_hot_to_float",
    "raise_target_out_of_range",
    "weights_cancel",
]


def raise_target_out_of_range(
    target: Any, num_classes: int, ignore_index: int | None = None, *, name: str = "target"
) -> NoReturn:
    """Raise D01 for class indices of which some are outside [0, num_classes).

    To be called once a kernel has found one; looks for all of them, and for the pattern.

    Parameters
    ----------
    target : integer array of any shape
    num_classes : int
    ignore_index : int, optional
        Targets of this value do not count.

    Raises
    ------
    XentValueError
        Always, with the first place as `index` and what is there as `value`.

    Examples
    --------
    >>> raise_target_out_of_range(np.array([3, 1, 2, 3]), 3)
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D01: target must be in [0, 3) (there are 3 classes), but 2
    of 4 are not; first: target[0] = 3. The values run from 1 to 3: labels that start at
    one? Subtract 1.
    """
    target = np.asarray(target)
    kept = np.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    wrong = kept & ((target < 0) | (target >= num_classes))
    index = first(wrong)
    value = int(target[index])
    hint = _range_hint(target[kept], target[wrong], num_classes, ignore_index)
    ignored = "" if ignore_index is None else f" or ignore_index={ignore_index}"
    raise XentValueError(
        f"{name} must be in [0, {num_classes}){ignored} (there are {num_classes:,} "
        f"class{'es' * (num_classes != 1)}), but {share(int(wrong.sum()), target.size)} are not; "
        f"first: {at(name, index)} = {value}. {hint}".rstrip(),
        code="D01",
        index=row_index(index),
        value=value,
    )


def _range_hint(
    kept: NDArray[Any], wrong: NDArray[Any], num_classes: int, ignore_index: int | None
) -> str:
    if not wrong.size:
        return ""
    if not num_classes:
        return "An array of logits without classes has no valid target: look at its shape."
    values = {int(v) for v in np.unique(wrong)}
    low, high = int(kept.min()), int(kept.max())
    if num_classes == 1 and low >= 0 and high == 1:
        return "For two outcomes from one logit, use sigmoid_cross_entropy."
    if values == {255} and np.isin(kept, (0, 255)).all():
        return "The only values are 0 and 255: a mask of grey levels? Divide by 255."
    if values == {255}:
        return '255 is a common "void" label: pass ignore_index=255.'
    if values == {-100}:
        return "-100 is the label that PyTorch ignores: pass ignore_index=-100."
    if values == {-1}:
        if low == -1 and high == 1 and not (kept == 0).any():
            return "The only values are -1 and 1: map them to 0 and 1 with (y + 1) // 2."
        return "Is -1 the label of rows to ignore? Pass ignore_index=-1."
    if low == 1 and high == num_classes:
        return f"The values run from 1 to {num_classes}: labels that start at one? Subtract 1."
    if len(values) == 1 and (only := next(iter(values))) < 0:
        return f"If {only} marks rows to ignore, pass ignore_index={only}."
    if low >= 0:
        return f"The largest is {high}: are there {high + 1:,} classes?"
    return f"The values run from {low} to {high}."


def check_index_dtype(target: ArrayLike, num_classes: int, *, name: str = "target") -> NDArray[Any]:
    """Return `target` as an array of class indices, or raise D16 for its dtype.

    Every integer dtype and bool are accepted as they are; an array of no elements too,
    whatever its dtype, because `np.asarray([])` is a float.

    Raises
    ------
    XentTypeError
        For floats (whole or not), text and everything else.

    Examples
    --------
    >>> check_index_dtype(np.array([0.0, 3.0]), 10)
    Traceback (most recent call last):
        ...
    xent.errors.XentTypeError: D16: target must be integers in [0, 10), got float64 with
    whole values [0., 3.]. Pass target.astype(int) for class indices, or rows of
    shape (..., 10) for probabilities.
    """
    target = np.asarray(target)
    if target.dtype.kind in "iub":
        return target
    if not target.size and target.dtype.kind == "f":
        return target.astype(np.intp)
    requirement = f"{name} must be integers in [0, {num_classes})"
    index = (0,) * target.ndim
    if target.dtype.kind == "f":
        wrong = ~np.isfinite(target)
        if wrong.any():
            index = first(wrong)
            raise XentTypeError(
                f"{requirement}, got {target.dtype} with {share(int(wrong.sum()), target.size)} "
                f"values missing or infinite; first: {at(name, index)} = {target[index]}. Drop "
                "those rows, or give them a number and pass it as ignore_index.",
                code="D16",
                index=row_index(index),
                value=float(target[index]),
            )
        shown = np.array2string(target.ravel()[:4], threshold=4, precision=4, separator=", ")
        shown = shown if target.size <= 4 else shown[:-1] + ", ...]"
        if (target == np.floor(target)).all():
            raise XentTypeError(
                f"{requirement}, got {target.dtype} with whole values {shown}. Pass "
                f"{name}.astype(int) for class indices, or rows of shape (..., {num_classes}) "
                "for probabilities.",
                code="D16",
                index=row_index(index),
                value=float(target[index]),
            )
        raise XentTypeError(
            f"{requirement}, got {target.dtype} {shown} of shape {target.shape}. A distribution "
            f"over the classes has one entry for each of the {num_classes} classes.",
            code="D16",
            index=row_index(index),
            value=float(target[index]),
        )
    got = f"{target.dtype}" if target.dtype.kind not in "OUST" else "names or objects"
    value = target[index] if target.size else None
    raise XentTypeError(
        f"{requirement}, got {got}"
        + (f" such as {value!r}" if target.size else "")
        + ". Number the classes: classes, target = np.unique(target, return_inverse=True).",
        code="D16",
        index=row_index(index),
        value=value,
    )


def check_one_hot(target: Any, axis: int = -1, *, name: str = "target") -> None:
    """Raise unless every row of an integer or bool target has exactly one 1.

    D16 for values other than 0 and 1, D17 for rows with none or several. Does nothing at
    the level "off".

    Examples
    --------
    >>> check_one_hot(np.array([[0, 1, 0], [1, 0, 1]]))
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D17: row target[1] has 2 positive labels (1 of 2 rows do not
    have one); softmax needs exactly one. Use sigmoid_cross_entropy for multi-label.
    """
    target = np.asarray(target)
    check_numbers(target, name=name, code="D16")
    if policy.active() == "off":
        return
    if not target.size:
        return
    if target.dtype.kind != "b":
        wrong = (target < 0) | (target > 1)
        if wrong.any():
            index = first(wrong)
            raise XentValueError(
                f"an integer {name} of the logits' shape must be one-hot, 0 or 1, but "
                f"{share(int(wrong.sum()), target.size)} entries are not; first: "
                f"{at(name, index)} = {target[index]}. Pass floats that sum to one for a "
                "distribution, or class indices without the class axis.",
                code="D16",
                index=row_index(index),
                value=int(target[index]),
            )
    positives = row_sums(target, axis)
    wrong = np.asarray(positives != 1)
    if not wrong.any():
        return
    row = first(wrong)
    count = int(positives[row])
    labels = "no positive label" if not count else f"{count} positive labels"
    # all-zero rows among one-hot rows are padding, others are a multi-label task
    fix = (
        "Use sigmoid_cross_entropy for multi-label."
        if positives.max() > 1
        else "If such rows are padding, give them sample_weight 0 or drop them."
    )
    raise XentValueError(
        f"row {row_name(name, row, axis, target.ndim)} has {labels} "
        f"({share(int(wrong.sum()), wrong.size, 'rows')} do not have one); softmax needs "
        f"exactly one. {fix}",
        code="D17",
        index=row_index(row),
        value=count,
    )


def one_hot_to_float(
    target: ArrayLike, axis: int = -1, *, dtype: DTypeLike = np.float64, name: str = "target"
) -> NDArray[Any]:
    """Return an integer or bool one-hot target as floats, after `check_one_hot`."""
    target = np.asarray(target)
    check_one_hot(target, axis, name=name)
    return target.astype(dtype)
