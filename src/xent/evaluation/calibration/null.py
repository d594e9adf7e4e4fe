"""What chance does to calibration scores: draws of the outcomes, and of the rows."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.calibration.grid import Grid
from xent.kernels.cpu.cell_replicates import Replicates, cell_replicates

__all__ = ["Chance", "chance", "num_replicates", "p_value", "seed_of"]

Array = npt.NDArray[np.float64]

MOST = 1000
FEWEST = 39  # the smallest p-value is 1 / 40
ENOUGH_FOR_INTERVALS = 200
BUDGET = 16_000_000  # draws of one cell: half a second on one core


class Chance(NamedTuple):
    """Scores of drawn outcomes in nats a row, (G, R) each; None where too few were drawn."""

    miscalibration: Array  # of calibrated forecasts
    resolution: Array | None  # of forecasts that know nothing
    rows: Replicates | None  # sums over new rows, for intervals


def num_replicates(zeros: Array, ones: Array) -> int:
    """Return how often to draw so that time stays bounded: 1000, less for many groups.

    >>> num_replicates(np.ones((1, 500)), np.ones((1, 500)))
    1000
    """
    occupied = int(np.count_nonzero(zeros + ones))
    return max(FEWEST, min(MOST, BUDGET // max(occupied, 1)))


def seed_of(zeros: Array, ones: Array, purpose: str) -> int:
    """Return the seed that a state gives to draws: equal states draw equal outcomes.

    >>> seed_of(np.zeros(2), np.ones(2), "null") == seed_of(np.zeros(2), np.ones(2), "null")
    True
    """
    digest = hashlib.blake2b(purpose.encode(), digest_size=8)
    for counts in (zeros, ones):
        digest.update(np.ascontiguousarray(counts, dtype="<f8").tobytes())
    return int.from_bytes(digest.digest(), "little")


def chance(
    zeros: Array, ones: Array, grid: Grid, *, scale: Array, replicates: int | None = None
) -> Chance:
    """Return what chance does to the scores of every group.

    Calibrated outcomes are drawn cell by cell, binomial with the cell's forecast; outcomes
    of forecasts that know nothing have the same frequency in every cell. New rows are
    Poisson counts with the observed counts as means. All draws are inverted from
    counter-based uniform numbers, seeded by the state: the same state gives the same bits.

    Parameters
    ----------
    zeros, ones : float64 arrays, shape (G, C)
    grid : Grid
    scale : float64 array, shape (G,)
        Rows for each unit of weight: 1, or sum w / sum w**2.
    replicates : int, optional
        By default `num_replicates`.
    """
    count = num_replicates(zeros, ones) if replicates is None else replicates

    def draw(odds: Array, purpose: str, *, calibrated: bool = True) -> Replicates:
        seeds = [seed_of(z, o, purpose) for z, o in zip(zeros, ones, strict=True)]
        return cell_replicates(
            zeros,
            ones,
            loss_zero=grid.loss_zero,
            loss_one=grid.loss_one,
            odds=odds,
            scale=scale,
            seeds=np.array(seeds, dtype=np.uint64),
            replicates=count,
            calibrated=calibrated,
        )

    null = draw(grid.odds, "calibrated")
    miscalibration = (null.forecast_loss - null.isotonic_loss) / null.weight
    if count < ENOUGH_FOR_INTERVALS:
        return Chance(miscalibration, None, None)
    rows = draw(grid.odds, "rows", calibrated=False)
    return Chance(miscalibration, _no_information(zeros, ones, grid, scale, count), rows)


def _no_information(zeros: Array, ones: Array, grid: Grid, scale: Array, count: int) -> Array:
    """Return the resolution of outcomes that have one frequency everywhere, (G, R)."""
    drawn = np.zeros((len(zeros), count))
    for i, (z, o) in enumerate(zip(zeros, ones, strict=True)):
        if z.sum() == 0 or o.sum() == 0:
            continue  # one outcome only: nothing to resolve
        flat = cell_replicates(
            z[None],
            o[None],
            loss_zero=grid.loss_zero,
            loss_one=grid.loss_one,
            odds=np.full(len(z), o.sum() / z.sum()),
            scale=scale[i : i + 1],
            seeds=np.array([seed_of(z, o, "no information")], dtype=np.uint64),
            replicates=count,
            calibrated=True,
        )
        uncertainty = binary_entropy(flat.ones[0], flat.weight[0])
        drawn[i] = np.maximum(uncertainty - flat.isotonic_loss[0] / flat.weight[0], 0)
    return drawn


def p_value(drawn: Array, value: float) -> float:
    """Return (1 + how many of the draws reach the value) / (1 + draws).

    Each draw and the value are equally likely to be the largest if nothing is there to find,
    so the p-value is never smaller than it should be.

    >>> p_value(np.array([0.1, 0.2, 0.3]), 0.2)
    0.75
    """
    # one unit in the last place of a sum of losses decides nothing
    reached = np.count_nonzero(drawn >= value - 1e-12 * abs(value))
    return (1 + int(reached)) / (1 + len(drawn))


def binary_entropy(ones: npt.ArrayLike, weight: npt.ArrayLike) -> Array:
    """Return the entropy in nats of outcomes whose ones weigh `ones` out of `weight`."""
    o, w = np.asarray(ones, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = o / w, (w - o) / w
        entropy = np.where(o > 0, -p * np.log(p), 0) + np.where(w > o, -q * np.log(q), 0)
    return np.asarray(entropy)
