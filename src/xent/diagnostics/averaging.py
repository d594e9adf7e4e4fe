"""Nothing, or next to nothing, to average: D02, D03, D20."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xent.diagnostics import policy
from xent.diagnostics.warn import note_once
from xent.errors import XentValueError

__all__ = ["ON_EMPTY", "forget", "nearly_empty", "nothing_to_average", "weights_cancel"]

ON_EMPTY = ("raise", "nan", "zero")

_NEARLY_EMPTY_SHARE = 0.01
_NEARLY_EMPTY_CALLS = 20
_nearly_empty_calls: dict[str, int] = {}


def nothing_to_average(
    *,
    rows: int,
    ignored: int = 0,
    ignore_index: int | None = None,
    zero_weight: int = 0,
    on_empty: str = "raise",
) -> float:
    """Return the mean of no rows by the policy `on_empty`, or raise D02.

    Parameters
    ----------
    rows : int
        Number of rows of the batch.
    ignored : int
        How many of them have the target `ignore_index`.
    ignore_index : int, optional
    zero_weight : int
        How many of the others have weight 0.
    on_empty : {"raise", "nan", "zero"}

    Returns
    -------
    float
        nan for "nan", 0.0 for "zero".

    Raises
    ------
    XentValueError
        D02 for "raise", with the number of rows as its value; and for another `on_empty`.

    Examples
    --------
    >>> nothing_to_average(rows=0, on_empty="nan")
    nan
    >>> nothing_to_average(rows=512, ignored=512, ignore_index=-100)
    Traceback (most recent call last):
        ...
    xent.errors.XentValueError: D02: all 512 targets equal ignore_index=-100, so there is
    nothing to average. If such batches are expected (check how prompts are cut), pass
    on_empty="zero" or "nan", or reduction="total" and merge the totals.
    """
    if on_empty == "nan":
        return math.nan
    if on_empty == "zero":
        return 0.0
    if on_empty != "raise":
        raise XentValueError(
            f"on_empty must be one of {ON_EMPTY}, got {on_empty!r}", value=on_empty
        )
    hint = "If such batches are expected"
    if not rows:
        found = "the batch has 0 rows"
    elif ignored >= rows:
        found = f"all {rows:,} targets equal ignore_index={ignore_index}"
        hint += " (check how prompts are cut)"
    elif ignored:
        found = (
            f"{ignored:,} of {rows:,} targets equal ignore_index={ignore_index} and the others "
            "have weight 0"
        )
    else:
        found = f"the weights of all {rows:,} rows sum to 0"
    raise XentValueError(
        f'{found}, so there is nothing to average. {hint}, pass on_empty="zero" or "nan", '
        'or reduction="total" and merge the totals.',
        code="D02",
        value=rows,
    )


def nearly_empty(*, kept: int, rows: int, loss: str, calls: int = _NEARLY_EMPTY_CALLS) -> None:
    """Note D03 when under 1 % of the rows count, in `calls` calls of `loss` in a row.

    Training on answers after long prompts looks so and is right: hence a note.
    """
    if not 0 < kept < _NEARLY_EMPTY_SHARE * rows:
        _nearly_empty_calls.pop(loss, None)
        return
    seen = _nearly_empty_calls.get(loss, 0) + 1
    _nearly_empty_calls[loss] = seen
    if seen >= calls:
        where = f"in each of the last {seen} calls (now " if calls > 1 else "here ("
        note_once(
            f"under 1 % of the targets count {where}{kept:,} of "
            f"{rows:,}), so the loss is noisy and most of the work is thrown away; check "
            "ignore_index, or pack the rows that count.",
            code="D03",
            value=kept / rows,
        )


def weights_cancel(target: Any, *, ignore_index: int | None = None) -> None:
    """Note D20 when a weighted mean has one class only, so that its weight cancels.

    To be called where class weights are given and the mean divides by their sum.

    Parameters
    ----------
    target : integer array
    ignore_index : int, optional
    """
    if policy.active() != "full":
        return
    target = np.asarray(target)
    if ignore_index is not None:
        target = target[target != ignore_index]
    if not target.size or target.min() != target.max():
        return
    rows = (
        "the only row of this batch has"
        if target.size == 1
        else (f"all {target.size:,} rows of this batch have")
    )
    note_once(
        f"{rows} class {int(target.flat[0])}, and the mean divides by the sum "
        "of the weights, so weight cancels and has no effect here. To keep it, use "
        'reduction="total", merge the totals of several batches and take the mean once.',
        code="D20",
        value=int(target.flat[0]),
    )


def forget() -> None:
    """Start counting again (for tests)."""
    _nearly_empty_calls.clear()
