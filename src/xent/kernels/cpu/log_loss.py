"""Log loss of batches of predictions into exact sums, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xent._native as _native

__all__ = [
    "CELL_BITS",
    "CELL_LOW",
    "IGNORED",
    "KEPT_ROWS",
    "KEPT_WORST",
    "MISSING",
    "MISSING_LABEL",
    "MOST_GROUPS",
    "NUM_CELLS",
    "NUM_SURPRISES",
    "SURPRISE_BITS",
    "SURPRISE_LOW",
    "TEMPERING_POWERS",
    "LogLoss",
]

# targets that are no class
IGNORED: int = _native.IGNORED
MISSING: int = _native.MISSING
MISSING_LABEL: int = _native.MISSING_LABEL
# how many rows are remembered: those that are impossible or missing, and the worst
KEPT_ROWS: int = _native.KEPT_ROWS
KEPT_WORST: int = _native.KEPT_WORST

# cells of odds and of losses, and powers of tempered probabilities, as
# native/calibration_sums.hpp has them: 2**BITS cells for each factor of 2 from 2**LOW on
NUM_CELLS: int = _native.NUM_CELLS
CELL_LOW: int = _native.CELL_LOW
CELL_BITS: int = _native.CELL_BITS
NUM_SURPRISES: int = _native.NUM_SURPRISES
SURPRISE_LOW: int = _native.SURPRISE_LOW
SURPRISE_BITS: int = _native.SURPRISE_BITS
MOST_GROUPS: int = _native.MOST_GROUPS
TEMPERING_POWERS: tuple[int, ...] = _native.TEMPERING_POWERS


class LogLoss:
    """Exact sums over the rows of every batch that was added.

    `prediction` is "class_probs", "class_logits", "binary_prob", "binary_logit",
    "label_probs", "label_logits" or "log_probs"; `clip` 0 means none. The sums are
    integers in units of 2**-1074, so neither the order of batches, nor their sizes, nor
    the number of threads can be seen in them.

    With `calibration` the sums also hold "cells", the rows by the cell of a predicted
    probability, a line of each group where it did not come true and one where it did;
    "surprise", the rows by the cell of their loss, one line; and, unless predictions are
    log-probabilities, "tempering": see xent.evaluation.summary.cells, surprise and tempering.
    Lines of cells are what `CellRanges` takes.
    """

    def __init__(
        self,
        prediction: str,
        num_classes: int,
        *,
        tolerance: float,
        clip: float = 0.0,
        calibration: bool = False,
    ) -> None:
        self._sums = _native.LogLoss(prediction, num_classes, tolerance, clip, calibration)

    def add(
        self,
        columns: Sequence[Any],
        *,
        target: Any = None,
        labels: Sequence[Any] = (),
        weight: Any = None,
        size: Any = None,
        first_row: int = 0,
        row_nll: Any = None,
        row_predicted: Any = None,
        threads: int = 0,
    ) -> None:
        """Add a batch: one float32 or float64 array a class, or a single (rows, classes) matrix.

        `target` is int64, `labels` are uint8, `weight` and `size` float64; all C-contiguous.
        Where they are given, `row_nll` (float64) and `row_predicted` (int32), arrays of one
        element a row, are written: the row's loss in nats, all its labels together, +inf where
        the outcome was impossible and NaN where the row was not scored; and its likeliest
        class by position, -1 where it was not scored or does not predict one class.
        `threads` is how many may work on it; 0: as many as `num_threads` says.
        """
        outputs = row_nll, row_predicted
        self._sums.add(
            list(columns), target, list(labels), weight, size, first_row, *outputs, threads
        )

    def faults(self) -> dict[str, tuple[int, int, int, float]]:
        """Return what was not scored: name to (count, first row, its column or -1, value)."""
        faults: dict[str, tuple[int, int, int, float]] = self._sums.faults()
        return faults

    def sums(self) -> dict[str, Any]:
        """Return all sums so far."""
        sums: dict[str, Any] = self._sums.sums()
        return sums
