"""Calibration of a summary: which numbers there are, from what it holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from xent.errors import XentValueError
from xent.evaluation.calibration.grid import Grid, default_grid
from xent.evaluation.calibration.reliability import Reliability, reliability
from xent.evaluation.calibration.shift import LabelShifts, Shift, best_shift
from xent.evaluation.calibration.temperature import Temperature, best_temperature
from xent.evaluation.exact import ONE, ratio, rounded
from xent.evaluation.summary.cells import ALL_LABELS, Cells

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xent.evaluation.summary.summary import Summary
    from xent.evaluation.summary.surprise import SurpriseCells

__all__ = [
    "cells_of",
    "label_shifts_of",
    "left_out",
    "reliability_of",
    "rows_for_weight",
    "shift_of",
    "surprise_cells_of",
    "temperature_of",
]

CELLS_KEEP = 1e-6  # of the weight may be lost in cells, which keep 32 bits of each row's


def rows_for_weight(summary: Summary) -> float:
    """Return how many rows of equal weight a unit of weight stands for: 1 without weights.

    It is sum w / sum w**2 of the rows that are not impossible, whose squares are kept; all rows
    are no more than they are.
    """
    possible = summary.sum_weight - summary.sum_impossible
    if summary.sum_weight == summary.num_rows * ONE and possible == summary.sum_weight_squared:
        return 1.0
    equal = ratio(summary.num_rows * ONE, summary.sum_weight)
    if not summary.sum_weight_squared:
        return equal
    return min(ratio(possible, summary.sum_weight_squared), equal)


def cells_of(summary: Summary) -> Cells | None:
    """Return the cells of a summary; None where it has none, or where they cannot be trusted.

    A weight below 2**-64 or above 2**40 does not fit into a cell. Where that changes the weight
    of all rows, what cells say is of other rows than these.
    """
    cells = summary.cells
    if cells is None or not cells.is_weighted:
        return cells
    decisions = summary.num_classes if cells.groups == (ALL_LABELS,) else 1
    return cells if _keep(cells.tally.values()[-1], decisions * summary.sum_weight) else None


def surprise_cells_of(summary: Summary) -> SurpriseCells | None:
    """Return the cells of the losses of a summary; None as for `cells_of`."""
    cells = summary.surprise
    if cells is None or not cells.tally.is_weighted:
        return cells
    return cells if _keep(cells.tally.values(), summary.sum_weight) else None


def left_out(summary: Summary) -> list[str]:
    """Return what cells do not tell because weights do not fit into them."""
    known = {
        "calibration": (summary.cells, cells_of(summary)),
        "the share of the worst rows": (summary.surprise, surprise_cells_of(summary)),
    }
    return [what for what, (cells, kept) in known.items() if cells is not None and kept is None]


def _keep(weights: NDArray[np.float64], exact: int) -> bool:
    """Whether cells hold the weight of all rows, of which the exact sum is known."""
    right = rounded(exact)
    return abs(float(weights.sum()) - right) <= CELLS_KEEP * right < math.inf


def temperature_of(summary: Summary) -> Temperature | None:
    """Return the best temperature of a summary, in nats; None where there is nothing to scale.

    Rows that are impossible are left out: no temperature repairs them.
    """
    tempering = summary.tempering
    if tempering is None or not summary.sum_weight:
        return None
    # of labels every decision counts as a row
    num_rows = tempering.weight * rows_for_weight(summary)
    return best_temperature(tempering, num_rows=num_rows, at_zero=_equally_likely(summary))


def _equally_likely(summary: Summary) -> float | None:
    """Return the loss at scale 0, or None where the sums do not show every class possible."""
    cells = cells_of(summary)
    labels = summary.kind == "labels"
    if cells is None or len(cells.groups) < (1 if labels else summary.num_classes - 1):
        return None
    zeros, ones = cells.weights()
    # the first cell, and of two classes or labels the last one, is where a probability of 0 is
    seen = zeros[:, 0] + ones[:, 0]
    if labels or summary.num_classes == 2:
        seen = seen + zeros[:, -1] + ones[:, -1]
    return None if seen.any() else math.log(2 if labels else summary.num_classes)


def shift_of(summary: Summary, grid: Grid | None = None, *, level: float = 0.95) -> Shift | None:
    """Return what re-balancing two classes would gain, in nats; None for other tasks.

    Rows that are impossible are left out: no shift repairs them.
    """
    if not summary.sum_weight or summary.kind != "classes" or summary.num_classes != 2:
        return None
    cells = cells_of(summary)
    if cells is None:
        return None
    zeros, ones = cells.possible().weights()
    scale = rows_for_weight(summary)
    return best_shift(zeros[0], ones[0], grid or default_grid(), scale=scale, level=level)


def label_shifts_of(
    summary: Summary, grid: Grid | None = None, *, level: float = 0.95
) -> LabelShifts | None:
    """Return what re-balancing each label would gain, in nats; None for other tasks.

    None too where labels are too many for cells of their own. Rows with an impossible label are
    left out.
    """
    cells = cells_of(summary) if summary.kind == "labels" and summary.sum_weight else None
    if cells is None or cells.groups == (ALL_LABELS,):
        return None
    grid, scale = grid or default_grid(), rows_for_weight(summary)
    zeros, ones = cells.possible().weights()
    found = [
        best_shift(z, o, grid, scale=scale, level=level) for z, o in zip(zeros, ones, strict=True)
    ]
    shifts = tuple(shift for shift in found if shift is not None)
    return LabelShifts(cells.groups, shifts) if len(shifts) == len(found) else None


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
    cells = cells_of(summary)
    if cells is None or not summary.sum_weight:
        raise XentValueError(
            "reliability needs predictions of classes or labels that were scored, got a summary "
            "without their cells",
            value=group,
        )
    groups = cells.groups
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
    zeros, ones = cells.weights()
    return reliability(
        zeros[found], ones[found], grid or default_grid(),
        name=groups[found], scale=rows_for_weight(summary), **options,
    )  # fmt: skip
