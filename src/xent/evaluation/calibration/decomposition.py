"""log loss = uncertainty - resolution + miscalibration, of a summary."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from xent.evaluation.calibration.corp import corp, corp_pooled
from xent.evaluation.calibration.grid import Grid, default_grid
from xent.evaluation.calibration.of_summary import (
    cells_of,
    rows_for_weight,
    temperature_of,
)
from xent.evaluation.calibration.special import chi_square_tail
from xent.evaluation.calibration.terms import POSSIBLE, Decomposition, Term
from xent.evaluation.exact import ONE, ratio

if TYPE_CHECKING:
    from xent.evaluation.recalibration.terms import RowTerms, Sampled
    from xent.evaluation.summary.cells import Cells
    from xent.evaluation.summary.summary import Summary

__all__ = ["decompose", "decompose_classes", "decompose_fit", "decompose_fits"]

Array = npt.NDArray[np.float64]

ROUNDING = 1e-13  # of an entropy, and a loss less than it: what is left of equal ones

ONE_AGAINST_REST = "one class against the rest: a diagnostic, which does not add up over classes"
TOP_LABEL = "the likeliest class against its being right"
MEAN_OF_LABELS = "the mean over labels"
ONE_POOL = "all labels together: too many to keep apart"


def decompose(
    summary: Summary, grid: Grid | None = None, *, level: float = 0.95
) -> list[Decomposition]:
    """Return what the log loss of a summary is made of, in nats; the first one is of the whole.

    Two classes: by isotonic regression (CORP). More: by the best temperature, whose terms
    are those of all classes together, then the likeliest class alone by isotonic
    regression. Labels: by isotonic regression of each, averaged over labels. Where rows of two
    classes or of labels are impossible, the others by themselves follow. A summary
    without cells, of log-probabilities of what happened, or of no rows has none. `level` is
    that of the terms' intervals.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> result = evaluate(([0, 1, 1, 0], [0.25, 0.75, 0.75, 0.75]))
    >>> d, = decompose(result.summary)
    >>> parts = d.uncertainty.value - d.resolution.value + d.miscalibration.value
    >>> d.name, round(d.log_loss, 4), abs(d.log_loss - parts) < 1e-15
    ('class 1', 0.5623, True)
    """
    if not summary.sum_weight or summary.kind not in ("classes", "labels"):
        return []
    several = summary.kind == "classes" and summary.num_classes != 2
    found = _by_temperature(summary, level) if several else []
    cells = cells_of(summary)
    if cells is None:
        return found
    grid = grid or default_grid()
    if several:
        # the likeliest class, whichever it is, against its being right: the last group
        zeros, ones = (part[-1:] for part in cells.weights())
        return found + corp(zeros, ones, grid, names=("top label",), log_loss=[math.nan],
                            scale=rows_for_weight(summary),
                            note=TOP_LABEL, level=level)  # fmt: skip
    found = _by_isotonic(summary, cells, grid, level, summary.log_loss, _label_losses(summary))
    if summary.sum_impossible:
        loss = summary.finite_log_loss
        found += [
            replace(d, name=POSSIBLE)
            for d in _by_isotonic(summary, cells.possible(), grid, level, loss, None)
        ]
    return found


def decompose_classes(
    summary: Summary, grid: Grid | None = None, *, level: float = 0.95
) -> list[Decomposition]:
    """Return the decomposition of each label, or of each of more than two classes.

    Labels: their mean is that of the whole. Classes: each against the rest, from the cells
    alone; that is a diagnostic, and does not add up over the classes. A class whose rows had
    the probability 0 loses without end. Fewer draws are made of many classes.
    """
    several = summary.kind == "labels" or (summary.kind == "classes" and summary.num_classes > 2)
    cells = cells_of(summary)
    if not several or cells is None or not summary.sum_weight:
        return []
    grid = grid or default_grid()
    zeros, ones = cells.weights()
    scale, names = rows_for_weight(summary), summary.classes
    if len(zeros) < len(names):
        return []  # so many that their cells were not kept apart
    zeros, ones = zeros[: len(names)], ones[: len(names)]
    if summary.kind == "labels":
        return corp(zeros, ones, grid, names=names, log_loss=_label_losses(summary), scale=scale,
                    clip=_clip(summary), level=level)  # fmt: skip
    losses = [math.inf if c.num_impossible else math.nan for c in summary.by_class]
    return corp(zeros, ones, grid, names=names, log_loss=losses, scale=scale,
                note=ONE_AGAINST_REST, level=level)  # fmt: skip


def decompose_fit(
    summary: Summary,
    *,
    kind: str,
    loss_before: float,
    loss: float,
    num_parameters: int,
    name: str = "all classes",
    note: str = "",
    sampled: Sampled | None = None,
    sampled_rows: float = 0.0,
    level: float = 0.95,
) -> Decomposition:
    r"""Return the terms that a recalibration with p parameters defines, in nats.

    What it gains is miscalibration, what is left of the entropy is resolution: for the best
    recalibrated loss :math:`L(g)` of a family,

    .. math::
        S = H - (H - L(g)) + (S - L(g)) .

    Parameters
    ----------
    summary : Summary
    kind : str
        The family: "temperature", "vector", "shift".
    loss_before, loss : float
        Mean losses in nats before and after the fit on these rows, over the rows that
        are not impossible.
    num_parameters : int
        A fit of p parameters to a calibrated model gains p / 2n, and 2n times its gain is
        chi-square with p degrees of freedom (Wilks [1]_).
    name, note : str
    sampled : Sampled, optional
        The sample that the losses are of, where the fit did not see all rows.
    sampled_rows : float
        How many rows of equal weight count as much as those of the sample.
    level : float, default 0.95
        Of the terms' intervals.

    Notes
    -----
    *From a sample* comes miscalibration: what the fit gains on its m rows, with their bias,
    null and interval. The loss and the entropy are of all rows, so that resolution is the term
    that makes the parts add up; its null and p-value are of what the sample alone shows, its
    interval has both variances.

    Impossible rows, which no such recalibration repairs, are left out of the terms, and
    make `remainder` infinite; where probabilities were clipped, it is what the clip adds.

    *Nothing known.* Forecasts that say nothing of the outcome leave the frequencies, which are
    vector scaling with the scale 0. That is where scales end, so 2n times the resolution of
    vector scaling is then 0 in half of all samples and chi-square with 1 degree of freedom in
    the others (Chernoff [2]_), its mean 1/2. A temperature or a shift is a case of vector
    scaling and reaches no more: its p-value is at most the one told, and `null` at most that.

    The interval of miscalibration inverts the noncentral distribution of the gain, in its
    square root: close for one parameter, cautious for more. The intervals of uncertainty and
    resolution are normal, with the variances of -log of the frequency of the true
    class, and of that less the loss.

    References
    ----------
    .. [1] Wilks, "The large-sample distribution of the likelihood ratio for testing composite
       hypotheses", Annals of Mathematical Statistics 9, 1938.
    .. [2] Chernoff, "On the distribution of the likelihood ratio", Annals of Mathematical
       Statistics 25, 1954.
    """
    n = ratio(summary.sum_weight, ONE) * rows_for_weight(summary)
    entropy = summary.frequency_log_loss
    gain = max(loss_before - loss, 0.0)
    if sampled is not None:
        loss_before = summary.finite_log_loss - sampled.remainder
    resolution = entropy - (loss_before - gain)
    seen = sum(1 for c in summary.by_class if c.weight)
    # corrected or not, no entropy of K classes is above log K
    most = math.log(len(summary.by_class))
    entropy_bias = max(min((seen - 1) / (2 * n), most - entropy), 0.0)
    m = n if sampled is None else sampled_rows
    bias = num_parameters / (2 * m)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    root, spread = math.sqrt(2 * m * gain), z + math.sqrt(max(num_parameters - 1, 0))
    variances = _variances(summary)
    # resolution is below 0 where no temperature reaches what the frequencies lose
    of_resolution, shown = variances[1], resolution
    if sampled is not None:
        # the gain's own: 2 m gain is chi-square, noncentral where there is something to gain
        of_resolution += n * (2 * gain / m + num_parameters / (2 * m * m))
        shown = sampled.frequency_log_loss - loss
    resolved = _normal(resolution, resolution + entropy_bias - bias, of_resolution, n, z)
    null, p_value = _nothing_known(shown, m, num_parameters - (seen - 1), entropy)
    return Decomposition(
        kind=kind,
        name=name,
        log_loss=summary.log_loss,
        uncertainty=_normal(entropy, entropy + entropy_bias, variances[0], n, z, 0.0, most),
        resolution=replace(resolved, null=null, p_value=p_value),
        miscalibration=Term(
            gain,
            gain - bias,
            null=bias,
            p_value=chi_square_tail(2 * m * gain, num_parameters),
            low=max(root - spread, 0.0) ** 2 / (2 * m),
            high=(root + z) ** 2 / (2 * m),
        ),
        remainder=math.inf if summary.sum_impossible else summary.log_loss - loss_before,
        num_rows=m,
        note=note,
        sampled=0 if sampled is None else sampled.num_rows,
    )


def decompose_fits(
    summary: Summary, terms: RowTerms | None, *, level: float = 0.95
) -> list[Decomposition]:
    """Return the terms of fits to the rows of a summary, or to a sample of them, in nats."""
    if terms is None:
        return []
    return [
        decompose_fit(
            summary,
            kind=fit.method,
            loss_before=fit.loss_before,
            loss=fit.loss,
            num_parameters=fit.num_parameters,
            note=fit.note,
            sampled=terms.sampled,
            sampled_rows=fit.effective_rows,
            level=level,
        )
        for fit in terms.fits
        if fit.num_parameters
    ]


def _by_temperature(summary: Summary, level: float) -> list[Decomposition]:
    best = temperature_of(summary)
    if best is None:
        return []
    # a clip changes losses, and the temperature knows the probabilities as they were
    before = best.loss + best.gain if summary.clip else summary.finite_log_loss
    return [
        decompose_fit(
            summary,
            kind="temperature",
            loss_before=before,
            loss=before - best.gain,
            num_parameters=1,
            note=best.note,
            level=level,
        )
    ]


def _by_isotonic(
    summary: Summary,
    cells: Cells,
    grid: Grid,
    level: float,
    log_loss: float,
    of_labels: Array | None,
) -> list[Decomposition]:
    """Return the terms of two classes, or of labels, whose losses are known from the rows.

    `of_labels` are the losses of each label, of which the mean alone counts here.
    """
    zeros, ones = cells.weights()
    scale, clip = rows_for_weight(summary), _clip(summary)
    if summary.kind == "labels" and len(zeros) == summary.num_classes:
        losses = np.full(len(zeros), log_loss) if of_labels is None else of_labels
        pooled = corp_pooled(zeros, ones, grid, name="all labels", note=MEAN_OF_LABELS,
                             log_loss=losses, scale=scale, clip=clip, level=level)  # fmt: skip
        return [replace(pooled, log_loss=log_loss)] if pooled else []
    labels = summary.kind == "labels"
    name, note = ("all labels", ONE_POOL) if labels else (f"class {summary.classes[1]}", "")
    return corp(
        zeros[:1],
        ones[:1],
        grid,
        names=(name,),
        log_loss=[log_loss],
        scale=scale,
        clip=clip,
        note=note,
        level=level,
    )


def _nothing_known(resolution: float, n: float, scales: int, entropy: float) -> tuple[float, float]:
    """Return the resolution that forecasts without information show, and its p-value.

    `scales` is how many parameters there are beyond a bias a class.
    """
    scales = max(scales, 1)
    share = 0.5 if scales == 1 else 1.0  # of the samples in which a scale above 0 fits better
    null = share * scales / (2 * n)
    if resolution <= ROUNDING * entropy:
        return null, 1.0
    return null, share * chi_square_tail(2 * n * resolution, scales)


def _normal(
    value: float,
    corrected: float,
    variance: float,
    n: float,
    z: float,
    least: float = -math.inf,
    most: float = math.inf,
) -> Term:
    if not math.isfinite(variance):
        return Term(value, corrected)
    half = z * math.sqrt(max(variance, 0.0) / n)
    low, high = (min(max(corrected + side, least), most) for side in (-half, half))
    return Term(value, corrected, low=low, high=high)


def _variances(summary: Summary) -> tuple[float, float]:
    """Return the variances over rows of s = -log frequency of the truth, and of s - loss."""
    total = summary.sum_weight
    shares = [ratio(c.weight, total) for c in summary.by_class]
    surprises = [-math.log(p) if p > 0 else 0.0 for p in shares]
    mean = math.fsum(p * s for p, s in zip(shares, surprises, strict=True))
    square = math.fsum(p * s * s for p, s in zip(shares, surprises, strict=True))
    if summary.sum_impossible:
        return square - mean**2, math.nan
    loss = summary.log_loss
    # (w loss)**2 over w**2: the variance of the rows as their weights count them
    loss_square = ratio(summary.sum_nll_squared, summary.sum_weight_squared)
    product = math.fsum(
        ratio(c.nll, total) * s for c, s in zip(summary.by_class, surprises, strict=True)
    )
    of_loss = loss_square - loss**2
    return square - mean**2, of_loss + (square - mean**2) - 2 * (product - mean * loss)


def _clip(summary: Summary) -> float:
    """The clip, where it changed a loss."""
    return summary.clip if summary.num_clipped else 0.0


def _label_losses(summary: Summary) -> Array:
    return np.array(
        [
            math.inf if c.num_impossible else ratio(c.nll, summary.sum_weight)
            for c in summary.by_class
        ]
    )
