"""Scores scaled and shifted so that their log loss is least: temperature, vector, prior shift.

Every fit is convex and is solved by Newton's method to a relative gradient of 1e-12. Rows whose
truth had probability 0 cost infinitely much whatever the parameters: they are left out and
counted. Whether a finite best fit exists is decided beforehand, not left to a limit of steps.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentValueError
from xent.evaluation.numbers import counted
from xent.evaluation.recalibration import separation
from xent.evaluation.recalibration.fit import Fit
from xent.evaluation.recalibration.newton import Minimum, Vector, minimise
from xent.evaluation.recalibration.objective import Objective, Scale, exact_loss
from xent.evaluation.recalibration.prepared import Rows, prepare

__all__ = [
    "MOST_CLASSES", "Fit", "fit_shift", "fit_temperature", "fit_vector", "shift_of", "vector_of",
]  # fmt: skip

MOST_CLASSES = 2048  # of a fit with a bias a class, whose Hessian has their number squared
KEPT_BITS = 36  # of a parameter: what is left of it is rounding, and costs 2**-72 of the loss
WARM_SCORES = 1 << 20  # more than these are first fitted on every WARM_EVERYth row
WARM_EVERY = 16
WIDE_BITS = 6  # from scores wider than 2**6 nats Newton may step to where no slope is left
GENTLE_BITS = 4  # such scores are first taken to a width of 2**4
SEPARATING_STEPS = 30  # of a fit that has no end: the loss is then within e**-30 of its limit


def fit_temperature(log_probs: Any, target: Any, weight: Any = None) -> Fit:
    r"""Return the scale of the scores that makes the log loss least: temperature scaling.

    .. math::
        L(\beta) = \frac{\sum_i w_i (\operatorname{logsumexp}(\beta z_i) - \beta z_{i y_i})}
                        {\sum_i w_i}, \qquad \beta = 1 / T \ge 0 .

    Parameters
    ----------
    log_probs : array, shape ``(N, K)``
        Log-probabilities or logits; ``-inf`` is a class that cannot happen in the row.
    target : array of int, shape ``(N,)``
        Positions of the true classes.
    weight : array, shape ``(N,)``, optional
        Weights of the rows.

    Returns
    -------
    Fit
        ``parameters["scale"]`` is beta: inf where every truth has its row's largest score
        (`separated`), 0 where the scores tell nothing of the truth or the opposite of it.

    Raises
    ------
    XentValueError, XentTypeError
        Where shapes disagree, a score is nan or +inf, or no row is left to fit.

    See Also
    --------
    fit_vector : the same with a bias a class.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.

    Examples
    --------
    Scores twice too sure of two classes that are right three times in four:

    >>> import numpy as np
    >>> z = np.tile([2 * np.log(3.0), 0.0], (4, 1))
    >>> fit = fit_temperature(z, np.array([0, 0, 0, 1]))
    >>> round(fit.parameters["scale"][0], 9)
    0.5
    """
    rows = prepare(log_probs, target, weight)
    z = rows.log_probs
    objective = Objective(z, rows.target, rows.weight, biases=False)
    possible = np.where(np.isneginf(z), np.inf, z)
    if np.all(z.max(axis=1) == possible.min(axis=1)):
        same = "every row has equal scores, which no temperature changes"
        return _fit("temperature", rows, objective, Minimum(np.ones(1), 0, True, 0), 1, [same])
    if separation.is_separated_by_scale(z, rows.target):
        ties = (z == z.max(axis=1, keepdims=True)).sum(axis=1)
        limit = float(np.average(np.log(ties), weights=rows.weight))
        return Fit(
            "temperature",
            {"scale": (math.inf,), "bias": (0.0,) * z.shape[1]},
            loss=limit,
            loss_before=rows.loss,
            num_parameters=1,
            effective_rows=rows.effective,
            num_impossible=rows.num_impossible,
            separated=True,
            notes=("every truth has the largest score of its row: the lower the temperature, "
                   "the better, without end",),
        )  # fmt: skip
    found = minimise(objective, np.full(1, _gentle(z)), np.ones(1, dtype=bool))
    return _fit("temperature", rows, objective, found, 1, _scale_notes(found, 1))


def fit_vector(log_probs: Any, target: Any, weight: Any = None, *, scale: Scale = "common") -> Fit:
    r"""Return the scale and the bias of each class that make the log loss least.

    .. math::
        \eta_{ij} = \beta z_{ij} + b_j , \qquad \beta \ge 0 , \qquad \sum_j b_j = 0 .

    Parameters
    ----------
    log_probs, target, weight
        As in `fit_temperature`; `log_probs` are normalised first.
    scale : {"common", "class"}, default "common"
        One scale of all classes, or one a class (vector scaling as in [1]_).

    Returns
    -------
    Fit
        With K (or 2K - 1) parameters, K the classes that are true in some row; the bias of the
        others is -inf.

    Raises
    ------
    XentValueError, XentTypeError
        As `fit_temperature`, and for more than 2048 classes.

    See Also
    --------
    fit_shift : biases alone, which is the adjustment to other class frequencies.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.

    Examples
    --------
    Said 1/2 and 3/4 of class 1, which came 1 time in 4 and 3 times in 4: its logits 0 and log 3
    should have been -log 3 and log 3, twice what they were, less log 3.

    >>> import numpy as np
    >>> z = np.log([[0.5, 0.5]] * 4 + [[0.25, 0.75]] * 4)
    >>> fit = fit_vector(z, np.array([0, 0, 0, 1, 0, 1, 1, 1]))
    >>> [beta], [b0, b1] = fit.parameters.values()
    >>> round(beta, 9), round(float(np.exp(b0 - b1)), 9)
    (2.0, 3.0)
    """
    return vector_of(prepare(log_probs, target, weight), scale=scale)


def vector_of(rows: Rows, *, scale: Scale = "common") -> Fit:
    """Return `fit_vector` of prepared rows."""
    _check_classes(rows)
    if np.all(rows.log_probs == rows.log_probs[0]):
        fit = shift_of(rows)
        same = "every row has the same scores, whose scale cannot be told from biases"
        return replace(fit, method="vector", notes=(*fit.notes, same))
    groups = separation.bounded_groups(rows.log_probs, rows.target)
    kept = _within(rows, groups)
    objective = Objective(kept.log_probs, kept.target, kept.weight, scale=scale, gauge=groups)
    num_parameters = _different(rows.target) - 1 + objective.num_scales
    notes = _group_notes(rows, groups)
    separated = scale == "common" and separation.is_separated(kept.log_probs, kept.target)
    nonnegative = np.arange(objective.size) < objective.num_scales
    start = np.where(nonnegative, _gentle(kept.log_probs), 0.0)
    if separated:
        found = minimise(objective, start, nonnegative, SEPARATING_STEPS)
    else:
        warm = _warm(kept, groups, scale, start, nonnegative)
        found = minimise(objective, warm, nonnegative)
        separated = _on_top(objective, found.point)
    if separated:
        notes.append(
            "scales and biases put every truth on top: the larger the scale, the better, "
            "without end"
        )
    else:
        notes += _scale_notes(found, objective.num_scales)
    return _fit("vector", rows, objective, found, num_parameters, notes, groups, separated)


def fit_shift(log_probs: Any, target: Any, weight: Any = None) -> Fit:
    r"""Return the biases that give each class its frequency: what a prior shift costs.

    .. math::
        a_{ij} \propto v_j q_{ij} , \qquad \operatorname{mean}_i a_{ij} = \bar y_j ,
        \qquad b_j = \log v_j ,

    the adjustment of Kull and Flach [1]_. The v exist, are unique up to a factor, and are where
    the log loss of a is least: a convex problem in b.

    Parameters
    ----------
    log_probs, target, weight
        As in `fit_temperature`.

    Returns
    -------
    Fit
        With K - 1 parameters and scale 1, K the classes that are true in some row; the bias of
        the others is -inf.

    See Also
    --------
    fit_vector : with a scale too.

    References
    ----------
    .. [1] Kull and Flach, "Novel decompositions of proper scoring rules for classification:
       score adjustment as precursor to calibration", ECML PKDD 2015.

    Examples
    --------
    One prediction for all, of classes that came three times as often as it says:

    >>> import numpy as np
    >>> fit = fit_shift(np.log([[0.5, 0.5]] * 4), np.array([0, 0, 0, 1]))
    >>> b = fit.parameters["bias"]
    >>> round(float(np.exp(b[0] - b[1])), 9)
    3.0
    """
    return shift_of(prepare(log_probs, target, weight))


def shift_of(rows: Rows) -> Fit:
    """Return `fit_shift` of prepared rows."""
    _check_classes(rows)
    groups = separation.bounded_groups(rows.log_probs, rows.target)
    kept = _within(rows, groups)
    objective = Objective(kept.log_probs, kept.target, kept.weight, scale="none", gauge=groups)
    start = np.zeros(objective.size)
    found = minimise(objective, _warm(kept, groups, "none", start, None))
    notes = _group_notes(rows, groups)
    return _fit("shift", rows, objective, found, _different(rows.target) - 1, notes, groups)


def _check_classes(rows: Rows) -> None:
    classes = rows.log_probs.shape[1]
    if classes > MOST_CLASSES:
        raise XentValueError(
            f"a bias a class can be fitted for at most {MOST_CLASSES} classes, got {classes}; "
            "fit a temperature",
            value=classes,
        )


def _different(positions: npt.NDArray[np.int64]) -> int:
    # np.unique loads NumPy's masked arrays, a tenth of what a small evaluation takes
    return int(np.count_nonzero(np.bincount(positions)))


def _within(rows: Rows, groups: npt.NDArray[np.int64]) -> Rows:
    """In the limit of biases that grow without end, a row knows the group of its truth."""
    if not groups.any():
        return rows
    other = groups[rows.target][:, None] != groups
    return replace(rows, log_probs=np.where(other, -np.inf, rows.log_probs))


def _warm(
    rows: Rows,
    groups: npt.NDArray[np.int64],
    scale: Scale,
    start: Vector,
    nonnegative: npt.NDArray[np.bool_] | None,
) -> Vector:
    """A start from a part of many rows, which saves passes over all of them."""
    if rows.log_probs.size <= WARM_SCORES:
        return start
    some = slice(None, None, WARM_EVERY)
    z, y = rows.log_probs[some], rows.target[some]
    if _different(y) < _different(rows.target):
        return start
    part = Objective(z, y, rows.weight[some], scale=scale, gauge=groups)
    found = minimise(part, start, nonnegative, max_steps=SEPARATING_STEPS)
    return found.point if found.converged else start


def _gentle(log_probs: npt.NDArray[np.float64]) -> float:
    """A scale to start at, 1 but for scores so wide that a softmax of them has no slope left."""
    widest = -float(np.min(log_probs, where=np.isfinite(log_probs), initial=0.0))
    bits = math.frexp(widest)[1]
    return 1.0 if bits <= WIDE_BITS else 2.0 ** (GENTLE_BITS - bits)


def _on_top(objective: Objective, point: Vector) -> bool:
    """Whether the fitted scores put every truth on top: scaled up they would be better still."""
    for rows in objective.blocks():
        eta = objective.scores(point, rows)
        if np.any(objective.true(eta, rows) < eta.max(axis=0)):
            return False
    return True


def _fit(
    method: str,
    rows: Rows,
    objective: Objective,
    found: Minimum,
    num_parameters: int,
    notes: list[str],
    groups: npt.NDArray[np.int64] | None = None,
    separated: bool = False,
) -> Fit:
    point = _kept_bits(found.point)
    scales, biases = objective.parts(point)
    never = np.bincount(rows.target, minlength=objective.num_classes) == 0
    shown = np.zeros(objective.num_classes) + biases
    if groups is not None:
        shown[never] = -np.inf
    if not found.converged and not separated:
        notes = [*notes, f"not converged after {found.steps} steps"]
    return Fit(
        method,
        {"scale": tuple(scales.tolist()), "bias": tuple(shown.tolist())},
        loss=exact_loss(objective, point),
        loss_before=rows.loss,
        num_parameters=num_parameters,
        effective_rows=rows.effective,
        num_impossible=rows.num_impossible,
        separated=separated,
        converged=found.converged,
        notes=tuple(notes),
    )


def _kept_bits(point: Vector) -> Vector:
    """Parameters without the bits that the order of the rows decides."""
    mantissa, exponent = np.frexp(point)
    kept: Vector = np.ldexp(np.rint(np.ldexp(mantissa, KEPT_BITS)), exponent - KEPT_BITS)
    return kept


def _scale_notes(found: Minimum, num_scales: int) -> list[str]:
    scales = found.point[:num_scales]
    if not found.converged or not np.any(scales <= 0):
        return []
    if len(scales) == 1:
        return ["the scores tell nothing of the truth, or the opposite of it: the best scale is 0"]
    return [f"the best scale of {int(np.sum(scales <= 0))} classes is 0"]


def _group_notes(rows: Rows, groups: npt.NDArray[np.int64]) -> list[str]:
    never = np.bincount(rows.target, minlength=len(groups)) == 0
    notes = []
    if never.any():
        count = int(never.sum())
        notes.append(f"{counted(count, 'class', 'classes')} never true: the best bias is -inf")
    apart = _different(groups[~never])
    if apart > 1:
        notes.append(
            f"probabilities of 0 leave {apart} groups of classes whose biases have no finite "
            "best value"
        )
    return notes
