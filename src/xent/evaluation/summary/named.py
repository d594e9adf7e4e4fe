"""The rows that a summary keeps, where rows are known by an id rather than by number."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.reading.batches import is_arrow
from xent.evaluation.summary.kept import Surprise
from xent.evaluation.summary.rows import Row, first_rows, shortened
from xent.evaluation.summary.summary import KEPT_ROWS, KEPT_WORST
from xent.kernels.cpu.log_loss import IGNORED

__all__ = ["NamedRows"]


class NamedRows:
    """The most surprising rows, and the first impossible and missing ones, by their ids.

    The kernel breaks ties by number; by id they are broken here, so that the rows that are
    kept are the same on an engine that has no numbers.
    """

    def __init__(self) -> None:
        self.worst: list[Surprise] = []
        self.impossible: tuple[Row, ...] = ()
        self.missing: tuple[Row, ...] = ()

    def add(
        self,
        ids: Any,
        nll: npt.NDArray[np.float64],  # inf: impossible; nan: not scored
        target: npt.NDArray[np.int64] | None,  # of classes
        predicted: npt.NDArray[np.int32] | None,
        weight: npt.NDArray[np.float64] | None,
    ) -> None:
        """Add a batch that was scored; `ids` is its column."""
        impossible = np.flatnonzero(np.isinf(nll))
        unscored = np.isnan(nll) if target is None else np.isnan(nll) & (target != IGNORED)
        missing = np.flatnonzero(unscored)
        self.impossible = first_rows((*self.impossible, *_named(ids, impossible)), KEPT_ROWS)
        self.missing = first_rows((*self.missing, *_named(ids, missing)), KEPT_ROWS)
        rows = np.flatnonzero(
            np.isfinite(nll) if weight is None else np.isfinite(nll) & (weight > 0)
        )
        if len(self.worst) == KEPT_WORST:
            rows = rows[nll[rows] >= self.worst[-1].nll]
        # classes by position; rows of labels and of log-probabilities have none
        nothing = np.full(len(nll), -1, dtype=np.int64)
        target = nothing if target is None else target
        likeliest = nothing if predicted is None else predicted.astype(np.int64)
        rows = _worst(rows, nll, target, likeliest)
        found = [
            Surprise(float(nll[i]) + 0.0, name, int(target[i]), int(likeliest[i]))
            for i, name in zip(rows, _named(ids, rows), strict=True)
        ]
        self.worst = heapq.nsmallest(KEPT_WORST, self.worst + found, key=lambda s: s.order)


def _worst(
    rows: npt.NDArray[np.intp],
    nll: npt.NDArray[np.float64],
    target: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
) -> npt.NDArray[np.intp]:
    """The rows that may be among the kept ones: ids decide among the last that are equal."""
    if len(rows) <= KEPT_WORST:
        return rows
    order = rows[np.lexsort((predicted[rows], target[rows], -nll[rows]))]
    last = order[KEPT_WORST - 1]
    rest = order[KEPT_WORST:]
    equal = nll[rest] == nll[last]
    equal &= (target[rest] == target[last]) & (predicted[rest] == predicted[last])
    return np.concatenate([order[:KEPT_WORST], rest[equal]])


def _named(ids: Any, rows: npt.NDArray[np.intp]) -> list[Row]:
    if not len(rows):
        return []
    values = ids.take(rows).to_pylist() if is_arrow(ids) else ids[rows].tolist()
    return [None if v is None or v != v else shortened(_text(v)) for v in values]


def _text(value: Any) -> str:
    # whole numbers with missing ones among them come as floats
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
