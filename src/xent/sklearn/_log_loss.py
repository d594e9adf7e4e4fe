"""`log_loss` and `d2_log_loss_score` with scikit-learn's signatures."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.warn import warn_once
from xent.diagnostics.where import share
from xent.errors import XentValueError
from xent.evaluation.exact import ONE, ratio, rounded
from xent.evaluation.reading.options import least_probability
from xent.kernels.cpu import categorical_cross_entropy
from xent.kernels.cpu.exact_sums import ExactSums
from xent.kernels.cpu.log_loss import LogLoss
from xent.sklearn._task import Task, read_task

__all__ = ["d2_log_loss_score", "log_loss"]

Array = NDArray[Any]
CLIP_OF_SCIKIT_LEARN = "sklearn"


class Scored(NamedTuple):
    """Exact sums over rows, in units of 2**-1074; losses of inf are counted, not summed."""

    nll: int
    weight: int
    num_impossible: int  # of positive weight
    first_impossible: int


def log_loss(
    y_true: Any,
    y_proba: Any = None,
    *,
    normalize: bool = True,
    sample_weight: Any = None,
    labels: Any = None,
    zero: str = "inf",
    y_pred: Any = None,
) -> float:
    r"""Return the log loss of predicted probabilities, in nats: scikit-learn's, made exact.

    .. math::
        \frac{\sum_i w_i \, (-\log q_i(y_i))}{\sum_i w_i}

    A drop-in for `sklearn.metrics.log_loss`: the same signature and, but for the
    differences below, the same number.

    Parameters
    ----------
    y_true : array-like, shape ``(n,)``
        The true labels, numbers or text; or rows with a single 1, shape ``(n, K)``.
    y_proba : array-like, shape ``(n, K)`` or ``(n,)``
        Probabilities as `predict_proba` returns them, one column a class; one dimension is
        about the second class of two. A DataFrame whose columns are named after the classes
        is read by these names.
    normalize : bool, default True
        The mean; else the (weighted) sum.
    sample_weight : array-like, shape ``(n,)``, optional
        Finite and not negative.
    labels : array-like, optional
        The classes in the order of the columns. Without it: the sorted labels of `y_true`.
    zero : {"inf", "clip:EPS", "sklearn"}, default "inf"
        What a probability of 0 for the truth costs. "sklearn" clips at the epsilon of the
        dtype as scikit-learn does, to compare with numbers computed there.
    y_pred : array-like, optional
        What `y_proba` was called before scikit-learn 1.9.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    XentValueError
        A probability outside [0, 1] or missing, a row that does not sum to 1, a label
        without a column, weights that are negative or all 0, no rows. It is a ValueError.
    XentTypeError
        Labels or probabilities of a wrong kind. It is a TypeError.

    Warns
    -----
    MisuseWarning
        D27: the loss is infinite; how many rows, and the first.

    Notes
    -----
    *Differences from scikit-learn*, each held by a test that runs both:

    - A probability of 0 for what happened costs inf, not the logarithm of the epsilon of
      the dtype (36.04 in float64, 15.94 in float32, 6.93 in float16).
    - One dimension: the loss of the first class is ``-log1p(-p)``, which keeps a small p,
      and p itself is never clipped: p = 1e-20 costs 46.05, not 36.04.
    - float16 and float32 are scored in float64.
    - `labels` is the order of the columns; scikit-learn warns and sorts (its issue 30910).
    - A row that does not sum to 1 within 1e-4 (2e-3 for float16) raises; scikit-learn warns
      from 1.5e-8 on and scores it as it is.
    - Negative weights raise; scikit-learn returns a negative loss.
    - Several labels a row raise; scikit-learn adds up the logarithms of the true ones.
    - The categories of a pandas Categorical count as labels, so a class may be missing.
    - Sums are exact, so the order of the rows cannot be seen in the result.

    *Memory.* Nothing of the size of `y_proba` is allocated where it is float32 or float64 with
    its rows or its columns adjacent; other dtypes and layouts are copied.

    See Also
    --------
    xent.evaluate : the same number with its references, classes, rows and intervals.
    xent.categorical_cross_entropy : class positions in place of labels; other reductions.

    References
    ----------
    .. [1] I. J. Good, "Rational Decisions", Journal of the Royal Statistical Society B 14, 1952.

    Examples
    --------
    >>> from xent.sklearn import log_loss
    >>> round(log_loss(["ham", "spam"], [[0.5, 0.5], [0.2, 0.8]]), 4)  # (log 2 + log 1.25) / 2
    0.4581
    """
    task = read_task(y_true, y_proba, y_pred, sample_weight, labels)
    if zero == CLIP_OF_SCIKIT_LEARN:
        _score(task, "inf", quietly=True)  # for what must raise
        return _as_scikit_learn(task, normalize)
    scored = _score(task, zero)
    if scored.num_impossible:
        return math.inf
    return ratio(scored.nll, scored.weight) if normalize else rounded(scored.nll)


def d2_log_loss_score(
    y_true: Any,
    y_proba: Any = None,
    *,
    sample_weight: Any = None,
    labels: Any = None,
    zero: str = "inf",
    y_pred: Any = None,
) -> float:
    r"""Return the share of log loss that predictions save over the class frequencies.

    .. math:: D^2 = 1 - \frac{L(y, q)}{H(y)} ,

    1 for perfect predictions, 0 for always predicting the frequencies of the classes in
    `y_true`, negative for worse. A drop-in for `sklearn.metrics.d2_log_loss_score`.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels, zero, y_pred
        As for `log_loss`, but for ``zero="sklearn"``.

    Returns
    -------
    float
        ``-inf`` where the log loss is infinite; nan for fewer than two rows, or where all
        weight is on one class.

    Warns
    -----
    sklearn.exceptions.UndefinedMetricWarning
        With the result nan.

    Notes
    -----
    The differences from scikit-learn are those of `log_loss`; the frequencies are not
    written out for each row, and where every row is of one class the score is nan
    (scikit-learn divides by the cost of its clip).

    See Also
    --------
    xent.evaluate : `Evaluation.skill` is this number.

    References
    ----------
    .. [1] D. McFadden, "Conditional Logit Analysis of Qualitative Choice Behavior", 1974.

    Examples
    --------
    >>> from xent.sklearn import d2_log_loss_score
    >>> round(d2_log_loss_score([0, 1], [0.25, 0.75]), 4)  # 1 - log(4/3) / log 2
    0.585
    """
    task = read_task(y_true, y_proba, y_pred, sample_weight, labels)
    scored = _score(task, zero)
    classes = len(task.labelled.classes)
    positions = task.labelled.positions
    weight = np.ones(len(positions)) if task.weight is None else task.weight
    counts = ExactSums(classes)
    counts.add(weight, group=positions)
    entropy = _entropy(counts.totals())
    if len(task.probs) < 2 or entropy == 0:
        from sklearn.exceptions import UndefinedMetricWarning

        why = "fewer than two rows" if len(task.probs) < 2 else "all weight on one class"
        warnings.warn(
            f"D^2 must have two rows of two classes to be defined, got {why}: nan",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return math.nan
    if scored.num_impossible:
        return -math.inf
    return 1 - ratio(scored.nll, scored.weight) / entropy


def _score(task: Task, zero: str, *, quietly: bool = False) -> Scored:
    clip = least_probability(zero)
    found = _score_matrix(task, clip) or _score_columns(task, clip)
    if found.num_impossible and not quietly:
        rows = share(found.num_impossible, len(task.probs), "rows")
        warn_once(
            f"{rows} give probability 0 to what is true, so the log loss is infinite; first: row "
            f'{found.first_impossible}. To bound it, ask for a clip by name: zero="clip:1e-15".',
            code="D27",
            index=found.first_impossible,
            value=found.num_impossible,
        )
    return found


def _score_matrix(task: Task, clip: float) -> Scored | None:
    """Score what the fastest kernel reads; None where it does not, or finds a fault."""
    probs, _, (_, positions), weight = task
    if probs.ndim != 2 or probs.dtype != np.float64 or not probs.flags.c_contiguous:
        return None
    found = categorical_cross_entropy.score(
        probs,
        np.ascontiguousarray(positions),
        axis=1,
        tolerance=task.tolerance,
        clip=clip,
        want_nll=True,
    )
    if found.bad_rows:
        return None
    nll = found.scored.nll
    assert nll is not None  # it was asked for
    impossible = np.empty(0, dtype=np.int64)
    if found.zero_rows and not clip:
        infinite = np.isposinf(nll)
        nll = np.where(infinite, 0.0, nll)
        # a row of weight 0 is not there
        impossible = np.flatnonzero(infinite if weight is None else infinite & (weight > 0))
    sums, weights = ExactSums(), ExactSums()
    sums.add(nll if weight is None else weight * nll)
    if weight is not None:
        weights.add(weight)
    return Scored(
        sums.totals()[0],
        len(nll) * ONE if weight is None else weights.totals()[0],
        len(impossible),
        int(impossible[0]) if len(impossible) else -1,
    )


def _score_columns(task: Task, clip: float) -> Scored:
    """Score any task, and raise for the rows that are no predictions."""
    probs, _, (classes, positions), weight = task
    prediction, columns = "binary_prob", [np.ascontiguousarray(probs)]
    if probs.ndim == 2:
        prediction = "class_probs"
        if not probs.flags.c_contiguous:
            columns = [np.ascontiguousarray(probs[:, j]) for j in range(probs.shape[1])]
    kernel = LogLoss(prediction, len(classes), tolerance=task.tolerance, clip=clip)
    kernel.add(columns, target=np.ascontiguousarray(positions), weight=weight)
    faults = kernel.faults()
    if faults:
        raise _fault(faults, len(probs))
    sums = kernel.sums()
    count = sums["impossible"]
    return Scored(
        sums["nll"],
        sums["rows"] * ONE if weight is None else sums["weight"],
        count,
        sums["impossible_rows"][0] if count else -1,
    )


def _fault(faults: dict[str, tuple[int, int, int, float]], rows: int) -> XentValueError:
    kind = next(k for k in ("missing", "out_of_range", "wrong_sum") if k in faults)
    count, row, column, value = faults[kind]
    place = f"y_proba[{row}, {column}]" if column >= 0 else f"row {row} of y_proba"
    such = share(count, rows, "rows")
    if kind == "missing":
        return XentValueError(
            f"y_proba must hold numbers, got nan in {place} ({such})", index=row, value=value
        )
    if kind == "out_of_range":
        return XentValueError(
            f"y_proba must be in [0, 1], got {value:g} in {place} ({such}); decision values or "
            "logits? xent.softmax_cross_entropy takes those",
            code="D07",
            index=row,
            value=value,
        )
    return XentValueError(
        f"y_proba must sum to 1 in each row, got {value:.9g} in row {row} ({such}); the log loss "
        "of what is no distribution means nothing: is a column missing? To rescale on purpose: "
        "y_proba / y_proba.sum(axis=1, keepdims=True)",
        code="D07",
        index=row,
        value=value,
    )


def _as_scikit_learn(task: Task, normalize: bool) -> float:
    """Return the loss with the clip of scikit-learn: the epsilon of the dtype, at both ends."""
    probs = task.probs.astype(task.dtype, copy=False)
    positions = task.labelled.positions
    if probs.ndim == 1:
        chosen = np.where(positions == 1, probs, 1 - probs)
    else:
        chosen = probs[np.arange(len(probs)), positions]
    eps = np.finfo(probs.dtype).eps
    nll = -np.log(np.clip(chosen, eps, 1 - eps).astype(np.float64))
    weight = np.ones(len(nll)) if task.weight is None else task.weight
    total = float(weight @ nll)
    return total / float(weight.sum()) if normalize else total


def _entropy(weights: list[int]) -> float:
    """Return the entropy in nats of classes with these exact weights."""
    shares = [ratio(weight, sum(weights)) for weight in weights if weight]
    return math.fsum(-share * math.log(share) for share in shares)
