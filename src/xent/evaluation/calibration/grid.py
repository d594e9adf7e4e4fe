"""The grid of the odds, as the formulas of calibration need it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from xent.evaluation.summary.cells import cell_logits, cell_odds

__all__ = ["Grid", "default_grid", "softplus"]

Array = npt.NDArray[np.float64]

NUDGE = 2.0**-42  # of the odds


class Grid:
    """Cells of the odds r = q / (1 - q): C + 1 edges, and the logit that stands for each cell.

    The first cell also holds all smaller odds, the last all larger.
    """

    def __init__(self, edges: npt.ArrayLike, logits: npt.ArrayLike) -> None:
        self.edges = np.asarray(edges, dtype=np.float64)
        self.logits = np.asarray(logits, dtype=np.float64)

    @cached_property
    def odds(self) -> Array:
        return np.exp(self.logits)

    @cached_property
    def probabilities(self) -> Array:
        return self.odds / (1 + self.odds)

    @cached_property
    def loss_zero(self) -> Array:
        """What a cell's forecast loses on a zero: -log(1 - q), in nats."""
        return softplus(self.logits)

    @cached_property
    def loss_one(self) -> Array:
        """What a cell's forecast loses on a one: -log q, in nats."""
        return softplus(-self.logits)

    @cached_property
    def logit_edges(self) -> tuple[Array, Array]:
        """Between which logits a cell's forecasts are; infinite at both ends.

        Rows that a rounding error parts from a border of cells are in the cell above it.
        """
        inner = np.log(self.edges[1:-1])
        return np.append(-np.inf, inner - NUDGE), np.append(inner, np.inf)


def default_grid() -> Grid:
    """Return the grid of `Summary.cells`."""
    return Grid(cell_odds(), cell_logits())


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x))."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
