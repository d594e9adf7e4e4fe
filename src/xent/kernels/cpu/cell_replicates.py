"""Random counts of cells, and what calibration scores become with them, on the CPU."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import xent._native as _native

__all__ = ["Replicates", "cell_draws", "cell_replicates"]

Array = npt.NDArray[np.float64]


class Replicates(NamedTuple):
    """Sums over the cells of every group and replicate, (G, R) each."""

    weight: Array
    ones: Array
    forecast_loss: Array  # of the cells' own forecasts
    isotonic_loss: Array  # of the isotonic regression of the drawn outcomes


def cell_replicates(
    zeros: Array,
    ones: Array,
    *,
    loss_zero: Array,
    loss_one: Array,
    odds: Array,
    scale: Array,
    seeds: npt.NDArray[np.uint64],
    replicates: int,
    calibrated: bool,
) -> Replicates:
    """Draw the outcomes of cells (G, C) again, `replicates` times, and score each.

    Calibrated: the rows of a cell are kept, and each is a one with the cell's odds; else
    zeros and ones are Poisson counts with the observed ones as means, a bootstrap. The
    losses of a zero and of a one, and the odds, are of the cells, (C,). `scale` (G,) turns
    weight into a number of rows. Draws depend on the seed of the group (G,), the cell and
    the replicate alone.
    """
    numbers = _native.cell_replicates(
        *(np.ascontiguousarray(a, dtype=np.float64) for a in (zeros, ones)),
        *(np.ascontiguousarray(a, dtype=np.float64) for a in (loss_zero, loss_one, odds, scale)),
        np.ascontiguousarray(seeds, dtype=np.uint64),
        replicates,
        calibrated,
    )
    return Replicates(*np.moveaxis(numbers, -1, 0))


def cell_draws(weights: Array, odds: Array, *, scale: float, seed: int, replicates: int) -> Array:
    """Return weights of ones (R, C) that calibrated forecasts would find in cells (C,).

    They are the draws of `cell_replicates` with the same seed.

    Examples
    --------
    >>> cell_draws(np.array([4.0, 0.0]), np.array([1e9, 1.0]), scale=1, seed=0, replicates=2)
    array([[4., 0.],
           [4., 0.]])
    """
    draws: Array = _native.cell_draws(
        np.ascontiguousarray(weights, dtype=np.float64),
        np.ascontiguousarray(odds, dtype=np.float64),
        scale,
        seed,
        replicates,
    )
    return draws
