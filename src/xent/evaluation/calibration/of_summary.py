"""Calibration of a summary: which numbers there are, from what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xent.errors import XentValueError
from xent.evaluation.calibration.grid import Grid, default_grid, weights_of
from xent.evaluation.calibration.reliability import Reliability, reliability
from xent.evaluation.calibration.shift import Shift, best_shift
from xent.evaluation.calibration.temperature import Temperature, best_temperature
from xent.evaluation.exact import ONE, ratio

if TYPE_CHECKING:
    from xent.evaluation.summary import Summary

__all__ = [
    "cells_of",
    "has_cells",
    "reliability_of",
    "rows_for_weight",
    "shift_of",
    "temperature_of",
]


def cells_of(summary: Summary) -> Any:
    """Return the cells of a summary; None where they were not asked for."""
    return getattr(summary, "cells", None)


def has_cells(summary: Summary) -> bool:
    """Return whether a summary can say how its forecasts came true."""
    return cells_of(summary) is not None and bool(summary.sum_weight)


def rows_for_weight(summary: Summary) -> float:
    """Return how many rows of equal weight a unit of weight stands for: 1 without weights."""
    if summary.sum_weight == summary.sum_weight_squared == summary.num_rows * ONE:
        return 1.0
    return ratio(summary.sum_weight, summary.sum_weight_squared)


def temperature_of(summary: Summary) -> Temperature | None:
    """Return the best temperature of a summary, in nats; None where there is nothing to scale.

    Rows that are impossible are left out: no temperature repairs them.
    """
    tempering = getattr(summary, "tempering", None)
    if tempering is None or not summary.sum_weight:
        return None
    # of labels every decision counts as a row
    return best_temperature(tempering, num_rows=tempering.weight * rows_for_weight(summary))


def shift_of(summary: Summary, grid: Grid | None = None) -> Shift | None:
    """Return what re-balancing two classes would gain, in nats; None for other tasks."""
    if not has_cells(summary) or summary.kind != "classes" or summary.num_classes != 2:
        return None
    zeros, ones = weights_of(cells_of(summary))
    return best_shift(zeros[0], ones[0], grid or default_grid(), scale=rows_for_weight(summary))


def reliability_of(
    summary: Summary, group: str | int | None = None, grid: Grid | None = None, **options: Any
) -> Reliability:
    """Return the reliability of the forecasts of one class or label, by name or position.

    By default of class 1 of two; of the predicted class, whichever it is, of more; of the
    first label.

    Raises
    ------
    XentValueError
        If the summary has no cells, or no such group.
    """
    if not has_cells(summary):
        raise XentValueError(
            "reliability needs predictions of classes or labels, got a summary without them; "
            "evaluate with calibration=True",
            value=group,
        )
    groups = cells_of(summary).groups
    if group is None:
        several = summary.kind == "classes" and summary.num_classes > 2
        found = len(groups) - 1 if several else 0
    elif isinstance(group, int):
        found = group if -len(groups) <= group < len(groups) else -1 - len(groups)
    else:
        found = groups.index(group) if group in groups else -1 - len(groups)
    if found < -len(groups):
        names = ", ".join(map(repr, groups[:8])) + (", ..." if len(groups) > 8 else "")
        raise XentValueError(
            f"group must be one of {names}, or its position, got {group!r}", value=group
        )
    zeros, ones = weights_of(cells_of(summary))
    return reliability(
        zeros[found], ones[found], grid or default_grid(),
        name=groups[found], scale=rows_for_weight(summary), **options,
    )  # fmt: skip
