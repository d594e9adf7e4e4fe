"""`evaluate`: predictions in, an Evaluation out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from xent.errors import MisuseWarning
from xent.evaluation.engines import engine_named
from xent.evaluation.faults import check_weight
from xent.evaluation.nothing import refuse_nothing
from xent.evaluation.reading.batches import num_rows
from xent.evaluation.reading.inputs import plain_inputs
from xent.evaluation.reading.names import class_list
from xent.evaluation.reading.opening import HEAD_ROWS, gather
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import Plan, make_plan
from xent.evaluation.recalibration.terms import row_terms
from xent.evaluation.result import Evaluation
from xent.evaluation.summary.summary import Summary
from xent.units import Unit

__all__ = ["evaluate"]

Columns = str | Sequence[str]
Progress = Callable[[int, int | None], None]


def evaluate(
    source: Any = None,
    /,
    *,
    target: Any = None,
    probs: Any = None,
    logits: Any = None,
    log_probs: Any = None,
    labels: Any = None,
    task: Literal["class", "multi"] | None = None,
    classes: Sequence[Any] | str | None = None,
    weight: Any = None,
    bytes: Any = None,
    ignore: Any = None,
    zero: str = "inf",
    unit: Unit = "nat",
    nan: Literal["raise", "exclude"] = "raise",
    sum_tolerance: float = 1e-4,
    by: Any = None,
    cluster: Any = None,
    id: Any = None,
    interval: Literal["hall", "cluster", "bootstrap"] | None = None,
    level: float = 0.95,
    replicates: int = 200,
    sql: str | None = None,
    engine: Literal["local", "spark", "ray", "dask"] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    r"""Score predictions by cross-entropy: return the log loss and what it means.

    For rows :math:`i` with truth :math:`y_i`, weight :math:`w_i` and predicted
    distribution :math:`q_i`, the log loss in nats is

    .. math::
        \frac{\sum_i w_i \, (-\log q_i(y_i))}{\sum_i w_i} .

    Beside it stand what always predicting the class frequencies would lose (their
    entropy), what a uniform guess would lose (:math:`\log K`), accuracy, Brier score, a
    table per class and the most surprising rows.

    Parameters
    ----------
    source : path, list of paths, pair of arrays, dict of arrays or table
        A file that DuckDB reads (CSV, TSV, JSON lines, Parquet, a pattern of these; "-" is
        standard input) or an ``.npz``, or a list of them; ``(target, probs)``; a dict of arrays,
        a structured array or a list of dicts; or a table: of pandas or Polars (lazy ones too),
        a PyArrow table, reader or dataset, a DuckDB relation, a DataFrame of Spark or Dask, a
        dataset of Ray. An index of pandas is not read. Left out where arrays come by keyword,
        or `sql` reads.
    target : str or array, optional
        The true class: a column name, or an array ``(N,)`` of positions or class names.
    probs, logits, log_probs : str, list of str or array, optional
        The predictions, one of the three. Columns by name, by pattern (``"p_*"``) or as a
        list; one column of lists; an array ``(N, K)`` of NumPy, torch or JAX; or a table whose
        columns are named after the classes ("cat", "p_cat"). One column of `probs` or `logits`
        is about class 1 of two. ``logits=True`` says that a pair holds logits:
        ``evaluate((target, logits), logits=True)``. `log_probs` is one column: the
        log-probability of what happened, as language models report it.
    labels : str, list of str or array, optional
        Columns, or an array ``(N, K)``, of 0 and 1, one for each prediction. For the task
        "class" exactly one of a row is 1.
    task : {"class", "multi"}, optional
        "class": exactly one class is true. "multi": each label is true or false by itself.
    classes : sequence or str, optional
        Names of the classes in the order of the predictions; as text, "cat,dog" or "1..10".
    weight : str or array, optional
        Weight of each row, finite and not negative.
    bytes : str or array, optional
        Bytes of text of each row of `log_probs`, for bits per byte.
    ignore : int or str, optional
        Rows with this target are left out and counted.
    zero : {"inf", "clip:EPS"}, default "inf"
        What an outcome of probability 0 costs. "inf" counts such rows and says where;
        "clip:1e-15" raises smaller probabilities to 1e-15, whatever the dtype.
    unit : {"nat", "bit", "ban"}, default "nat"
        Unit of the losses shown.
    nan : {"raise", "exclude"}, default "raise"
        Rows with missing values: an error, or left out and counted.
    sum_tolerance : float, default 1e-4
        How far the probabilities of a row may sum from 1.
    by : str, list of str or array, optional
        Columns whose values make slices: at most 1000 different ones. Several columns make
        a slice of each combination.
    cluster : str or array, optional
        The user, document or day of each row. Rows of one cluster go wrong together, and
        the interval says what that costs, as do those of up to 128 slices.
    id : str or array, optional
        What rows are called, instead of by their number, which an engine may not know. The
        bootstrap tells rows apart by it, where there is no cluster, and draws rows of one id
        together; without it, by their content.
    interval : {"hall", "cluster", "bootstrap"}, optional
        How the interval of the log loss is found: for independent rows by one pass
        ("hall", the default), by clusters ("cluster", the default where there is one), or
        by drawing rows, or clusters, again and again ("bootstrap").
    level : float, default 0.95
        Confidence of the intervals.
    replicates : int, default 200
        How often the bootstrap draws.
    sql : str, optional
        A DuckDB query for the rows; `source`, where given, is its table ``source``, or the
        connection that is asked.
    engine : {"local", "spark", "ray", "dask"}, optional
        Where rows are scored. Inferred: a DataFrame of Spark, Ray or Dask where it is, all
        else on this machine. "spark" also reads paths and `sql`, in the active session.
    progress : callable, optional
        Called with the rows scored so far and the number of all rows (or None).

    Returns
    -------
    Evaluation
        Prints as a table; `log_loss` and the other numbers are attributes; `.summary` is
        the state that merges.

    Raises
    ------
    XentValueError
        Where rows are not what the task requires; names the first and counts them.
    SourceError
        Where a file is missing, malformed or without the columns.
    UnavailableError
        Where files or tables are to be read and ``xent[evaluate]`` is not installed.

    Notes
    -----
    *Precision.* Each row's loss is computed in float64 from the row alone, and sums are
    exact. The result does not depend on the order of the rows, on how files are split, on
    threads or on the instruction set: the same numbers give the same bits.

    *Memory.* Files are streamed; what is kept does not grow with the number of rows.

    *Inference.* What was not said is inferred from names and types, and told in
    ``.note``. Rows are numbered from 0.

    See Also
    --------
    softmax_cross_entropy : the loss to train with, and its gradient.
    cross_entropy : the measure of two distributions.

    References
    ----------
    .. [1] P. Hall, "On the removal of skewness by transformation", J. R. Stat. Soc. B 54, 1992:
       the interval of independent rows.
    .. [2] K.-Y. Liang and S. L. Zeger, "Longitudinal data analysis using generalized linear
       models", Biometrika 73, 1986: the variance of clusters.
    .. [3] P. Hall, *The Bootstrap and Edgeworth Expansion*, Springer, 1992: the studentised
       bootstrap.
    .. [4] L. Kish, *Survey Sampling*, Wiley, 1965: how many rows weighted ones are worth.
    .. [5] T. Dimitriadis, T. Gneiting and A. I. Jordan, "Stable reliability diagrams for
       probabilistic classifiers", PNAS 118, 2021: the isotonic decomposition (CORP).
    .. [6] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural
       networks", ICML 2017: temperature and vector scaling.
    .. [7] M. Kull and P. Flach, "Novel decompositions of proper scoring rules for
       classification", ECML PKDD 2015: the adjustment to other class frequencies.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> result = evaluate(([0, 1], [[0.5, 0.5], [0.2, 0.8]]))
    >>> result.log_loss  # (log 2 + log 1.25) / 2
    0.4581453659370775
    >>> result.accuracy, result.num_rows
    (1.0, 2)
    """
    if isinstance(classes, str):
        classes = class_list(classes)
    given = {
        "target": target,
        "probs": probs,
        "logits": logits,
        "log_probs": log_probs,
        "labels": labels,
        "weight": weight,
        "bytes": bytes,
        "by": by,
        "cluster": cluster,
        "id": id,
    }
    chosen = engine_named(engine, source)
    source, given, classes = plain_inputs(source, given, classes)
    opened, said = gather(source, given, sql, chosen)
    options = Options(
        **said,
        task=task,
        classes=classes,
        ignore=ignore,
        zero=zero,
        unit=unit,
        nan=nan,
        sum_tolerance=sum_tolerance,
        interval=interval,
        level=level,
        replicates=replicates,
    )
    try:
        return _run(opened, options, progress, chosen)
    finally:
        opened.close()


def _run(source: Any, options: Options, progress: Progress | None, engine: Any) -> Evaluation:
    head = source.head(HEAD_ROWS)
    if not num_rows(head):
        none = Evaluation(Summary(), name=source.name, unit=options.unit, level=options.level)
        refuse_nothing(none)
    plan = make_plan(source.fields, head, options)
    summary, sample = engine.score(source, plan, options, progress)
    result = _result(source.name, plan, summary, options)
    return replace(result, row_terms=row_terms(sample, plan, options, summary))


def _result(name: str, plan: Plan, summary: Summary, options: Options) -> Evaluation:
    result = Evaluation(summary, name=name, note=plan.note, unit=options.unit, level=options.level)
    refuse_nothing(result, plan.weight)
    check_weight(plan.weight, summary.sum_weight)
    for warning in result.warnings:
        warnings.warn(MisuseWarning(warning), stacklevel=4)
    return result
