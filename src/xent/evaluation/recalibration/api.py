"""`recalibrate`: predictions in, a Recalibration out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from xent.errors import SourceError, XentValueError
from xent.evaluation.reading.batches import num_rows
from xent.evaluation.reading.inputs import plain_inputs
from xent.evaluation.reading.names import class_list
from xent.evaluation.reading.opening import HEAD_ROWS, gather
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import make_plan
from xent.evaluation.reading.source import Source
from xent.evaluation.recalibration.fitting import fit_recalibration
from xent.evaluation.recalibration.recalibration import METHODS, Recalibration
from xent.evaluation.recalibration.rows import load_rows

__all__ = ["MOST_SCORES", "open_inputs", "recalibrate"]

MOST_SCORES = 1 << 27  # rows times classes in memory: 1 GiB of doubles, and some copies


def recalibrate(
    source: Any = None,
    /,
    *,
    method: Literal["temperature", "vector", "isotonic", "shift"] = "temperature",
    target: Any = None,
    probs: Any = None,
    logits: Any = None,
    labels: Any = None,
    task: Literal["class", "multi"] | None = None,
    classes: Sequence[Any] | str | None = None,
    weight: Any = None,
    ignore: Any = None,
    nan: Literal["raise", "exclude"] = "raise",
    sum_tolerance: float = 1e-4,
    sql: str | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Recalibration:
    r"""Fit a correction of predictions to rows, to be applied to other rows.

    Scores z (log-probabilities or logits) become :math:`q'_j \propto \exp(\beta_j z_j + b_j)`
    with the parameters that make the log loss of these rows least.

    Parameters
    ----------
    source, target, probs, logits, labels, task, classes, weight, ignore, nan, sum_tolerance, sql
        As for `evaluate`.
    method : {"temperature", "vector", "isotonic", "shift"}, default "temperature"
        "temperature": one scale :math:`\beta = 1 / T`; helps predictions that are too sure, or
        not sure enough, and changes no decision. "vector": a scale and a bias a class, which
        also mends class frequencies (of labels: a scale and a bias each, Platt scaling).
        "isotonic": a rising curve of any shape for each class or label; needs thousands of
        rows. "shift": biases alone, for classes that have become more or less frequent.
    progress : callable, optional
        Called with the rows read so far and the number of all rows (or None).

    Returns
    -------
    Recalibration
        Prints what it does and what it gains; `apply` corrects arrays; `to_json` and
        `from_json` keep it.

    Raises
    ------
    XentValueError
        For rows that `evaluate` refuses; for rows that have no finite best correction (their
        scores separate every truth, as those of memorised rows do), of one class only, all
        impossible, or too many to hold in memory (2**27 probabilities: take a sample).

    Notes
    -----
    The gain on the rows of the fit is too good by about p / n nats for p parameters and n
    rows. Hold rows back: `xent recalibrate TRAIN --apply OTHER` tells what is gained on them.

    Fits are convex and converge to a relative gradient of 1e-12; no order of the rows can be
    seen in the result.

    See Also
    --------
    evaluate : tells what recalibration would gain.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural
       networks", ICML 2017: temperature and vector scaling.
    .. [2] J. Platt, "Probabilistic outputs for support vector machines", in *Advances in Large
       Margin Classifiers*, MIT Press, 1999: a scale and a bias of a label.
    .. [3] B. Zadrozny and C. Elkan, "Transforming classifier scores into accurate multiclass
       probability estimates", KDD 2002: a rising curve for each class.
    .. [4] M. Kull and P. Flach, "Novel decompositions of proper scoring rules for
       classification", ECML PKDD 2015: the shift.

    Examples
    --------
    Predictions that say 0.9 and are right three times in four:

    >>> import xent
    >>> said = [[0.9, 0.1]] * 4
    >>> r = xent.recalibrate(([0, 0, 0, 1], said), method="temperature")
    >>> r.temperature > 1, r.apply([[0.9, 0.1]]).round(3)
    (True, array([[0.75, 0.25]]))
    """
    if method not in METHODS:
        raise XentValueError(f"method must be one of {METHODS}, got {method!r}", value=method)
    given = {"target": target, "probs": probs, "logits": logits, "labels": labels, "weight": weight}
    opened, options = open_inputs(
        source, given, sql, classes,
        task=task, ignore=ignore, nan=nan, sum_tolerance=sum_tolerance,
    )  # fmt: skip
    try:
        head = opened.head(HEAD_ROWS)
        if not num_rows(head):
            raise SourceError(f"{opened.name} must have rows, got none", code="D02")
        plan = make_plan(opened.fields, head, options)
        if plan.kind == "log_probs":
            raise XentValueError(
                "predictions must be of classes or labels to be recalibrated, got the "
                "log-probability of what happened alone; name the columns with probs or logits"
            )
        rows = load_rows(opened, plan, options, most_scores=MOST_SCORES, progress=progress)
        truth = plan.outcomes or ((plan.target,) if plan.target else ())
        return fit_recalibration(
            rows, plan.kind, plan.classes, method, name=opened.name, truth=truth
        )
    finally:
        opened.close()


def open_inputs(
    source: Any,
    given: dict[str, Any],
    sql: str | None,
    classes: Sequence[Any] | str | None,
    **said: Any,
) -> tuple[Source, Options]:
    """Return the source and the options of arguments as `evaluate` takes them."""
    if isinstance(classes, str):
        classes = class_list(classes)
    given = {"log_probs": None, "bytes": None, **given}
    source, given, classes = plain_inputs(source, given, classes)
    opened, columns = gather(source, given, sql)
    try:
        return opened, Options(**columns, classes=classes, **said)
    except BaseException:
        opened.close()
        raise
