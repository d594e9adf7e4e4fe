"""Losses in cells: how much of the loss the worst rows carry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentValueError
from xent.evaluation.summary.cell_tally import Tally
from xent.kernels.cpu.cell_ranges import of_halves
from xent.kernels.cpu.log_loss import NUM_SURPRISES, SURPRISE_BITS, SURPRISE_LOW

__all__ = ["NUM_SURPRISES", "SurpriseCells", "surprise_edges"]


def surprise_edges() -> npt.NDArray[np.float64]:
    """Return the borders of the cells, ascending losses in nats: an array (409,).

    Each factor of 2 is cut into 8 steps of equal width, from 2**-40 to 2**11; the first and
    the last cell also hold what lies beyond.
    """
    steps = 1 << SURPRISE_BITS
    cells = np.arange(NUM_SURPRISES + 1)
    return np.ldexp(1 + (cells % steps) / steps, SURPRISE_LOW + cells // steps)


@dataclass(frozen=True)
class SurpriseCells:
    """Rows counted by the cell of their loss; rows of labels by that of all labels together.

    Parameters
    ----------
    tally : Tally
        Counts or weights, (NUM_SURPRISES + 1,): the last are impossible rows, of infinite loss.
        A weight below 2**-64 or above 2**40 is cut: `calibration.of_summary.surprise_cells_of`
        is a summary's cells where that changes nothing.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> surprise = evaluate(log_probs=[-0.01] * 99 + [-9.0]).summary.surprise
    >>> low, high = surprise.share_of_worst(0.01)
    >>> low < 9 / 9.99 < high
    True
    """

    tally: Tally

    @property
    def counts(self) -> npt.NDArray[np.float64]:
        """Rows, or their weight, in each cell: (NUM_SURPRISES,), without impossible rows."""
        return self.tally.values()[:-1]

    @property
    def num_impossible(self) -> float:
        """Impossible rows, or their weight."""
        return float(self.tally.values()[-1])

    @staticmethod
    def edges() -> npt.NDArray[np.float64]:
        """Return the borders of the cells; see `surprise_edges`."""
        return surprise_edges()

    def share_of_worst(self, fraction: float, total: float | None = None) -> tuple[float, float]:
        """Return bounds of the share of the finite loss in the worst `fraction` of the rows.

        Parameters
        ----------
        fraction : float
            Part of the rows, or of their weight, that are not impossible; in (0, 1].
        total : float, optional
            Weight times loss of all rows, in nats, which makes the bounds narrower.

        Returns
        -------
        low, high : float
            A cell is 1/8 of a factor of 2 wide, so `high` is at most 1.27 times `low`, and
            1.13 times with a total, unless the loss is in the outermost cells. nan without
            rows or without loss.
        """
        if not 0 < fraction <= 1:
            raise XentValueError(f"fraction must be in (0, 1], got {fraction}", value=fraction)
        counts, edges = self.counts[::-1], surprise_edges()
        weight = math.fsum(counts)
        if weight == 0 or total == 0:
            return math.nan, math.nan
        inside = np.diff(np.minimum(np.cumsum(counts), fraction * weight), prepend=0.0)
        low, high = np.append(0.0, edges[1:-1])[::-1], np.append(edges[1:-1], math.inf)[::-1]

        def bounds(rows: npt.NDArray[np.float64]) -> tuple[float, float]:
            some = rows > 0
            return math.fsum(rows[some] * low[some]), math.fsum(rows[some] * high[some])

        (top, most), (rest, most_rest) = bounds(inside), bounds(counts - inside)
        if total is None:
            highest = most / (most + rest) if most < math.inf else 1.0
            lowest = top / (top + most_rest) if top + most_rest > 0 else 0.0
            return lowest, highest
        return max(top, total - most_rest, 0.0) / total, min(most, total - rest) / total

    @classmethod
    def from_kernel(cls, kept: tuple[Any, ...]) -> SurpriseCells:
        """Return the cells that the kernel counted, in one line."""
        return cls(Tally((NUM_SURPRISES + 1,), of_halves(*kept)))

    def __add__(self, other: object) -> SurpriseCells:
        if not isinstance(other, SurpriseCells):
            return NotImplemented
        return SurpriseCells(self.tally + other.tally)

    def to_state(self) -> dict[str, Any]:
        """Return the cells as what JSON can hold."""
        return {"tally": self.tally.to_state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> SurpriseCells:
        """Return the cells that `to_state` wrote."""
        return cls(Tally.from_state(state["tally"], (NUM_SURPRISES + 1,)))
