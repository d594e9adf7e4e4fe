"""The reliability curve: how often the outcome came where the forecast said so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.evaluation.calibration.grid import Grid
from xent.evaluation.calibration.null import num_replicates, seed_of
from xent.evaluation.calibration.special import clopper_pearson
from xent.kernels.cpu.cell_replicates import cell_draws
from xent.kernels.cpu.isotonic import isotonic_binary

__all__ = ["Bin", "Curve", "Reliability", "reliability"]

Array = npt.NDArray[np.float64]

BINS = 20
STEPS = 40  # of the histogram
FEWEST_ROWS = 10  # of a bin: an interval from fewer says nothing
TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Bin:
    """Neighbouring forecasts together.

    Parameters
    ----------
    forecast : float
        Their mean.
    frequency : float
        How often the outcome came.
    count : float
        Their weight.
    low, high : float
        Interval of the frequency that covers at 95 % at least (Clopper and Pearson), of rows
        that are independent.
    null_low, null_high : float
        Where 95 % of the frequencies of a calibrated model of this size are.
    least, most : float
        Between which forecasts the bin is.
    """

    forecast: float
    frequency: float
    count: float
    low: float
    high: float
    null_low: float
    null_high: float
    least: float
    most: float


@dataclass(frozen=True)
class Curve:
    """The isotonic regression of the outcome on the forecast: one number a cell with rows.

    `forecast`, `weight` and `frequency` (the fitted one) have shape (M,), and so have
    `null_low` and `null_high`: where 95 % of the curves of a calibrated model of this size
    are, at each forecast by itself.
    """

    forecast: Array
    weight: Array
    frequency: Array
    null_low: Array
    null_high: Array


@dataclass(frozen=True)
class Reliability:
    """Where forecasts of one outcome can be relied on.

    Parameters
    ----------
    name : str
        The outcome.
    bins : list of Bin
        About equally heavy, in the order of the forecasts.
    curve : Curve
        Isotonic regression (CORP), which has no bins to choose.
    edges, counts : float64 arrays, shape (B + 1,) and (B,)
        A histogram of the forecasts in equal steps of the probability; a cell is where the
        probability is that stands for it.
    """

    name: str
    bins: list[Bin]
    curve: Curve
    edges: Array
    counts: Array

    def to_dict(self) -> dict[str, Any]:
        """Return every number, for machines."""
        return {
            "name": self.name,
            "bins": [dict(vars(b)) for b in self.bins],
            "curve": {name: values.tolist() for name, values in vars(self.curve).items()},
            "edges": self.edges.tolist(),
            "counts": self.counts.tolist(),
        }


def reliability(
    zeros: npt.ArrayLike,
    ones: npt.ArrayLike,
    grid: Grid,
    *,
    name: str = "",
    scale: float = 1.0,
    bins: int = BINS,
    replicates: int | None = None,
) -> Reliability:
    """Return the reliability of forecasts, from weights of zeros and ones in cells.

    Parameters
    ----------
    zeros, ones : array, shape (C,)
    grid : Grid
        A cell's forecast is the probability that stands for it.
    name : str
    scale : float
        Rows for each unit of weight; intervals are those of that many rows.
    bins : int
        At most so many, of whole cells, with 10 rows at least where there are as many.
    replicates : int, optional
        Draws behind the bands of a calibrated model.

    Notes
    -----
    The bands depend on the forecasts alone, which are taken as given: outcomes are drawn
    from them.

    References
    ----------
    .. [1] Dimitriadis, Gneiting and Jordan, "Stable reliability diagrams for probabilistic
       classifiers", PNAS 118, 2021.

    Examples
    --------
    >>> grid = Grid([0.0, 0.5, 2.0, 8.0], [-np.log(3), 0.0, np.log(3)])
    >>> r = reliability([30, 0, 5], [10, 0, 15], grid, bins=2)
    >>> [(round(b.forecast, 2), b.frequency, b.count) for b in r.bins]
    [(0.25, 0.25, 40.0), (0.75, 0.75, 20.0)]
    """
    z, o = (np.asarray(a, dtype=np.float64) for a in (zeros, ones))
    kept = np.flatnonzero(z + o > 0)
    weight = z + o
    count = num_replicates(z, o) if replicates is None else replicates
    # a calibrated model's ones, as many as the null test draws, and the same
    drawn = cell_draws(
        weight, grid.odds, scale=scale, seed=seed_of(z, o, "calibrated"), replicates=count
    )[:, kept]
    z, o, weight = z[kept], o[kept], weight[kept]
    forecast = grid.probabilities[kept]
    edges = np.linspace(0, 1, STEPS + 1)
    return Reliability(
        name,
        [
            _bin(z, o, forecast, drawn, part, scale, (grid.edges[kept], grid.edges[kept + 1]))
            for part in _parts(weight, scale, bins)
        ],
        _curve(z, o, forecast, drawn),
        edges,
        np.histogram(forecast, edges, weights=weight)[0],
    )


def _parts(weight: Array, scale: float, bins: int) -> list[slice]:
    """Return neighbouring cells together, about equally heavy."""
    if len(weight) == 0:
        return []
    total = float(weight.sum())
    wanted = max(1, min(bins, int(total * scale) // FEWEST_ROWS))
    # where the middle of a cell is in the whole
    middle = (np.cumsum(weight) - weight / 2) / total
    part = np.minimum((middle * wanted).astype(int), wanted - 1)
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(weight)], strict=True)]


def _bin(
    zeros: Array,
    ones: Array,
    forecast: Array,
    drawn: Array,
    part: slice,
    scale: float,
    edges: tuple[Array, Array],
) -> Bin:
    z, o = float(zeros[part].sum()), float(ones[part].sum())
    weight = z + o
    low, high = clopper_pearson(o * scale, weight * scale)
    null = np.quantile(drawn[:, part].sum(1) / weight, TAILS) if len(drawn) else (0.0, 1.0)
    least, most = float(edges[0][part][0]), float(edges[1][part][-1])
    return Bin(
        forecast=float((forecast[part] * (zeros + ones)[part]).sum() / weight),
        frequency=o / weight,
        count=weight,
        low=low,
        high=high,
        null_low=float(null[0]),
        null_high=float(null[1]),
        least=least / (1 + least),
        most=1.0 if most == np.inf else most / (1 + most),
    )


def _curve(zeros: Array, ones: Array, forecast: Array, drawn: Array) -> Curve:
    weight = zeros + ones
    fitted = isotonic_binary(zeros, ones).fitted[0]
    if len(drawn) and len(weight):
        low, high = np.quantile(isotonic_binary(weight - drawn, drawn).fitted, TAILS, axis=0)
    else:
        low, high = np.zeros_like(weight), np.ones_like(weight)
    return Curve(forecast, weight, fitted, low, high)
