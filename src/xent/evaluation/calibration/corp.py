"""Decomposition by isotonic regression (CORP) of outcomes in the cells of a grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.calibration.grid import Grid
from xent.evaluation.calibration.null import binary_entropy, chance, p_value
from xent.evaluation.calibration.special import clopper_pearson, quantile
from xent.evaluation.calibration.terms import Decomposition, Term
from xent.kernels.cpu.isotonic import isotonic_binary

__all__ = ["corp", "corp_pooled", "forecast_bounds", "isotonic_bounds"]

Array = npt.NDArray[np.float64]

FEWEST_ROWS = 10  # an interval from fewer says nothing


def isotonic_bounds(zeros: Array, ones: Array) -> tuple[Array, Array]:
    """Return bounds of the loss of isotonic regression on the rows themselves, (G,) each.

    Sums in nats. Rows of a cell are tied: no order of them is used, so the loss is too
    large. With every zero of a cell below every one of them, in 2 C cells, it is too small:
    whatever the order is, isotonic regression may as well fit better.
    """
    upper = isotonic_binary(zeros, ones).loss
    groups, cells = zeros.shape
    split_zeros, split_ones = np.zeros((2, groups, 2 * cells))
    split_zeros[:, 0::2] = zeros
    split_ones[:, 1::2] = ones
    return isotonic_binary(split_zeros, split_ones).loss, upper


def forecast_bounds(zeros: Array, ones: Array, grid: Grid) -> tuple[Array, Array]:
    """Return bounds of the loss of forecasts of which only the cell is known, (G,) each."""
    low, high = grid.logit_edges

    def total(counts: Array, logit: Array) -> Array:
        # log(1 + exp(inf)) is inf, and no row may be there
        losses = np.logaddexp(0, logit)
        return np.asarray(np.where(counts > 0, counts * np.where(counts > 0, losses, 0), 0).sum(-1))

    return total(zeros, low) + total(ones, -high), total(zeros, high) + total(ones, -low)


def corp(
    zeros: npt.ArrayLike,
    ones: npt.ArrayLike,
    grid: Grid,
    *,
    names: tuple[str, ...],
    log_loss: npt.ArrayLike | None = None,
    scale: npt.ArrayLike = 1.0,
    clip: float = 0.0,
    replicates: int | None = None,
    note: str = "",
    level: float = 0.95,
) -> list[Decomposition]:
    r"""Return log loss = uncertainty - resolution + miscalibration of every group, in nats.

    With :math:`S` the log loss of the forecasts, :math:`\hat S` that of isotonic regression of
    the outcomes on them, and :math:`H` the entropy of the outcomes,

    .. math::
        S = H - (H - \hat S) + (S - \hat S) .

    Parameters
    ----------
    zeros, ones : array, shape (G, C)
        Weight of the outcomes in each cell.
    grid : Grid
    names : tuple of str, length G
    log_loss : array, shape (G,), optional
        Mean losses of the rows; by default those of the cells' own forecasts. Where it is nan
        too, but the least that the forecasts can have cost if no bound is known: if one of 0 or
        1, as far as the grid goes, was wrong. `grid_cost` covers both.
    scale : array, shape (G,) or a number
        Rows for each unit of weight: sum w / sum w**2.
    clip : float, default 0.0
        What smaller probabilities of the truth were raised to in `log_loss`.
    replicates : int, optional
        How often to draw for null values and intervals.
    note : str
    level : float, default 0.95
        Of the terms' intervals. There are none where fewer than one draw would be beyond
        each end: at 0.999 of 1000 draws.

    Returns
    -------
    decompositions : list of Decomposition
        A group without weight is left out.

    Notes
    -----
    *Bias.* A calibrated model shows miscalibration too, about n**(-2/3): its mean over
    draws, `miscalibration.null`, is subtracted in `corrected`, and resolution with it; no
    more than brings resolution to 0. Uncertainty gains (outcomes seen - 1) / 2n, as Miller
    and Madow have it.

    *Intervals* are centred quantiles of the terms of new rows, drawn cell by cell: of rows
    that are independent of each other.

    *Weights.* Chance is that of (sum w)**2 / sum w**2 rows of equal weight.

    *A clip* raises the probability of the truth and leaves that of the other outcome, so that the
    two sum to more than 1. Forecasts between the clip and 1 less it, which sum to 1, cost
    -log(1 - clip) at least: the terms are of those, and what they cost more is `remainder`,
    below 0.

    *Impossible rows* make the loss and the miscalibration infinite. A calibrated model has
    none, so the p-value is 0.

    References
    ----------
    .. [1] Dimitriadis, Gneiting and Jordan, "Stable reliability diagrams for probabilistic
       classifiers", PNAS 118, 2021.

    Examples
    --------
    >>> grid = Grid([0.0, 0.5, 2.0, 8.0], [-1.1, 0.0, 1.1])
    >>> d, = corp([[8, 5, 2]], [[2, 5, 8]], grid, names=("rain",))
    >>> round(d.log_loss, 4), round(d.miscalibration.value, 4), d.miscalibration.p_value > 0.5
    (0.5693, 0.0046, True)
    """
    parts = _parts(zeros, ones, grid, log_loss, scale, clip, replicates)
    return [
        _decomposition(names[group], note, parts.of(itemgetter(i)), level)
        for i, group in enumerate(parts.groups)
    ]


def corp_pooled(
    zeros: npt.ArrayLike,
    ones: npt.ArrayLike,
    grid: Grid,
    *,
    name: str,
    log_loss: npt.ArrayLike,
    scale: npt.ArrayLike = 1.0,
    clip: float = 0.0,
    replicates: int | None = None,
    note: str = "",
    level: float = 0.95,
) -> Decomposition | None:
    """Return the mean over groups of their decompositions; None without weight.

    Every part is the mean of the groups' parts, so that it closes as they do. Draws of the
    groups are independent of each other: labels that are wrong together make the truth
    vary more than the interval says.
    """
    parts = _parts(zeros, ones, grid, log_loss, scale, clip, replicates)
    if len(parts.groups) == 0:
        return None
    return _decomposition(name, note, parts.of(lambda a: a.mean(axis=0)), level)


class _Parts(NamedTuple):
    """What is known of every group that has weight; a row a group."""

    groups: npt.NDArray[np.intp]
    loss: Array
    spared: Array  # what a clip spares that leaves the other outcome's probability
    cell_loss: Array  # with each cell's forecast for those in it, as draws have it
    entropy: Array
    isotonic: Array
    grid_cost: Array
    num_rows: Array
    one_outcome: Array  # 1 where no zero or no one was seen
    null: Array  # (G, R): miscalibration of a calibrated model
    no_information: Array | None  # (G, R): resolution of a model that knows nothing
    new_rows: Array | None  # (G, 3, R): the three terms of other rows

    def of(self, pick: Callable[[Array], Array]) -> _Parts:
        """Return one group of them, or what else `pick` makes of the rows."""
        picked: dict[str, Any] = {
            name: pick(values)
            for name, values in self._asdict().items()
            if values is not None and name != "groups"
        }
        return self._replace(**picked)


def _parts(
    zeros: npt.ArrayLike,
    ones: npt.ArrayLike,
    grid: Grid,
    log_loss: npt.ArrayLike | None,
    scale: npt.ArrayLike,
    clip: float,
    replicates: int | None,
) -> _Parts:
    z, o = (np.atleast_2d(np.asarray(a, dtype=np.float64)) for a in (zeros, ones))
    scales = np.broadcast_to(np.asarray(scale, dtype=np.float64), len(z))
    groups = np.flatnonzero((z + o).sum(1) > 0)
    z, o, scales = z[groups], o[groups], scales[groups]
    weight = (z + o).sum(1)
    lower, upper = (total / weight for total in isotonic_bounds(z, o))
    grid_cost = np.maximum(upper - lower, 0)
    of_cells = (z * grid.loss_zero + o * grid.loss_one).sum(1) / weight
    low, high = (total / weight for total in forecast_bounds(z, o, grid))
    given = np.full(len(scales), np.nan) if log_loss is None else np.atleast_1d(log_loss)[groups]
    unknown = np.isnan(given)
    # a forecast in the first or the last cell that was wrong may have cost any number
    least = of_cells if log_loss is None else np.where(np.isinf(high), low, of_cells)
    loss = np.where(unknown, least, given)
    grid_cost = grid_cost + np.where(unknown, np.maximum(high - least, least - low), 0)
    least = -math.log1p(-clip)
    spared = z * np.maximum(least - grid.loss_zero, 0) + o * np.maximum(least - grid.loss_one, 0)
    drawn = chance(z, o, grid, scale=scales, replicates=replicates)
    new_rows = None
    if drawn.rows is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy = binary_entropy(drawn.rows.ones, drawn.rows.weight)
            recalibrated = drawn.rows.isotonic_loss / drawn.rows.weight
            # the forecasts' own loss, and not that of their cells
            losses = drawn.rows.forecast_loss / drawn.rows.weight + (loss - of_cells)[:, None]
        new_rows = np.stack([entropy, entropy - recalibrated, losses - recalibrated], axis=1)
    return _Parts(
        groups,
        loss,
        spared.sum(1) / weight,
        of_cells,
        binary_entropy(o.sum(1), weight),
        upper,
        grid_cost,
        weight * scales,
        ((z.sum(1) == 0) | (o.sum(1) == 0)).astype(np.float64),
        drawn.miscalibration,
        drawn.resolution,
        new_rows,
    )


def _decomposition(name: str, note: str, parts: _Parts, level: float) -> Decomposition:
    """Return the terms of one group, or of the mean of groups, and what chance does to them."""
    loss, entropy, isotonic = (float(a) for a in (parts.loss, parts.entropy, parts.isotonic))
    spared = float(parts.spared)
    num_rows, null, no_information = float(parts.num_rows), parts.null, parts.no_information
    miscalibration, resolution = loss + spared - isotonic, max(entropy - isotonic, 0.0)
    expected = float(null.mean())
    # corrected or not, no entropy of two outcomes is above log 2
    entropy_bias = (1 - float(parts.one_outcome)) / (2 * num_rows)
    entropy_bias = max(min(entropy_bias, math.log(2) - entropy), 0.0)
    # the recalibrated forecasts are no worse than the frequencies: so much is bias at most
    bias = max(min(expected, resolution + entropy_bias), 0.0)
    spreads: list[tuple[float, float] | None] = [None] * 3
    if parts.new_rows is not None and num_rows >= FEWEST_ROWS:
        spreads = [_spread(rows, level) for rows in parts.new_rows]
    if math.isinf(float(parts.grid_cost)):
        spreads[2] = None
    uncertainty_term = _term(entropy, entropy + entropy_bias, spreads[0], most=math.log(2))
    resolution_term = _term(
        resolution,
        resolution + entropy_bias - bias,
        spreads[1],
        null=None if no_information is None else float(no_information.mean()),
        p_value=None if no_information is None else p_value(no_information, resolution),
    )
    if parts.one_outcome == 1:
        # no draw shows the other outcome; so rare it is at most
        high = float(binary_entropy(min(clopper_pearson(0, num_rows, level)[1], 0.5), 1.0))
        uncertainty_term = replace(uncertainty_term, low=0.0, high=high)
        resolution_term = replace(resolution_term, low=0.0, high=high)
    return Decomposition(
        kind="isotonic",
        name=name,
        log_loss=loss,
        uncertainty=uncertainty_term,
        resolution=resolution_term,
        miscalibration=_term(
            miscalibration,
            miscalibration - bias,
            spreads[2],
            null=expected,
            # like with like: in a draw, a cell's rows have its forecast
            p_value=0.0 if math.isinf(loss) else p_value(null, float(parts.cell_loss) - isotonic),
        ),
        remainder=0.0 - spared,
        grid_cost=float(parts.grid_cost),
        num_rows=num_rows,
        replicates=len(null),
        note=note,
    )


def _term(
    value: float,
    corrected: float,
    spread: tuple[float, float] | None,
    *,
    null: float | None = None,
    p_value: float | None = None,
    most: float = math.inf,
) -> Term:
    if spread is None:
        return Term(value, corrected, null, p_value)
    # none of the three is below 0
    low, high = (min(max(corrected + s, 0.0), most) for s in spread)
    return Term(value, corrected, null, p_value, low, high)


def _spread(values: Array, level: float) -> tuple[float, float] | None:
    """Return how far quantiles of the draws are from their mean; draws without rows are nan."""
    drawn = values[~np.isnan(values)]
    tail = round((1 - level) / 2, 15)
    if tail * len(drawn) < 1 or not np.isfinite(drawn).all():
        return None
    mean, rising = float(drawn.mean()), np.sort(drawn)
    return quantile(rising, tail) - mean, quantile(rising, 1 - tail) - mean
