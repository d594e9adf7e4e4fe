"""`compare`: predictions of several models for the same rows in, a Comparison out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from xent.evaluation.comparison.asked import Asked
from xent.evaluation.comparison.groups import of_first
from xent.evaluation.comparison.models import plan_models
from xent.evaluation.comparison.opening import names_of_models, open_models, slice_columns
from xent.evaluation.comparison.result import Comparison
from xent.evaluation.comparison.running import run
from xent.evaluation.reading.names import column_named
from xent.evaluation.reading.options import least_probability
from xent.evaluation.reading.source import Source
from xent.units import Unit

__all__ = ["compare"]

Progress = Callable[[int, int | None], None]


def compare(
    *sources: Any,
    each: Sequence[Mapping[str, Any]] | None = None,
    names: Sequence[str] | None = None,
    target: Any = None,
    probs: Any = None,
    logits: Any = None,
    log_probs: Any = None,
    predicted: Any = None,
    labels: Any = None,
    task: Literal["class", "multi"] | None = None,
    classes: Sequence[Any] | str | None = None,
    key: str | None = None,
    inner: bool = False,
    by: Any = None,
    cluster: Any = None,
    block: int | None = None,
    weight: Any = None,
    bytes: Any = None,
    ignore: Any = None,
    zero: str = "inf",
    unit: Unit = "nat",
    level: float = 0.95,
    interval: Literal["wider", "hall", "t"] = "wider",
    nan: Literal["raise", "exclude"] = "raise",
    sum_tolerance: float = 1e-4,
    sql: str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    r"""Compare models on the same rows: return the difference of their log losses.

    Rows are compared in pairs, which takes away what both models find hard. For losses
    :math:`\ell^A_i, \ell^B_i` of row i, of weight :math:`w_i`, the difference in nats is

    .. math:: \bar d = \frac{\sum_i w_i (\ell^A_i - \ell^B_i)}{\sum_i w_i} ,

    positive where B is better. Beside it: its interval, tables per class and slice that
    add up to it, the e-value :math:`\exp \sum_i (\ell^A_i - \ell^B_i)`, how often each
    model wins, accuracy with McNemar's test, the divergences KL(A || B) and KL(B || A)
    of whole predictions, and the change in the probability of the truth.

    Parameters
    ----------
    *sources : path, list of paths, pair of arrays, dict of arrays, table or array
        One a model, each whatever `evaluate` takes; or an array of predictions ``(N, K)``,
        where `target` is an array too. A single source holds several models in its columns:
        say which with `each`.
    each : sequence of dict, optional
        What differs from model to model: ``[{"probs": "a_*"}, {"probs": "b_*"}]``. Any of
        target, probs, logits, log_probs, predicted, labels, classes, task.
    names : sequence of str, optional
        Names of the models; else those of the sources.
    target, probs, logits, log_probs, labels, task, classes, ignore, nan, sum_tolerance
        As in `evaluate`, of every model; ``logits=True`` says that pairs, or arrays of
        predictions, hold logits. Beside `log_probs`, `target` is the column of what
        they are the log-probability of (the token): it must be the same in all sources.
    predicted : str or array, optional
        Beside `log_probs`, the column of each model's likeliest outcome (its top token, a number
        or text), for the share of rows in which two models have the same, and with `target` for
        the accuracy. Other predictions say themselves which is likeliest.
    key : str, optional
        A column that names the rows: rows with the same key are compared. Else the first
        row is compared with the first, and so on; a column called id, uuid, index or the like
        that all sources have must then not hold the same values in another order.
    inner : bool, default False
        With `key`, leave out and count rows that not all sources have.
    by : str, list of str or array, optional
        Columns of the first source whose values make slices, at most 10,000: the difference is
        shown in each of them. Several columns (``["site", "year"]``, ``"site,year"``, a table)
        make a slice of each combination, as in `evaluate`.
    cluster : str or array, optional
        A column of the first source; rows of one value are not independent (tokens of a
        document). Intervals and p-values then come from the clusters, those of tables, shares
        and divergences too.
    block : int, optional
        So many consecutive rows are a cluster.
    weight, bytes : str or array, optional
        Columns of the first source: weights of rows, bytes of text. Where others have a
        column of this name it must be the same.
    zero : {"inf", "clip:EPS"}, default "inf"
        What an outcome of probability 0 costs. With "inf" such rows are counted, the
        difference is infinite, and `finite_difference` is of the other rows. "clip:1e-15"
        raises smaller probabilities to 1e-15, in divergences too.
    unit : {"nat", "bit", "ban"}, default "nat"
        Unit of the losses.
    level : float, default 0.95
        Confidence of every interval; the e-value's threshold is 1 / (1 - level).
    interval : {"wider", "hall", "t"}, default "wider"
        Hall's transform, which allows for skew, Student's t, or at each end the one that
        reaches further: differences of 100 rows are covered by neither alone.
    sql : str, optional
        A DuckDB query for the rows of each source, its table ``source``.
    progress : callable, optional
        Called with the rows compared so far and the number of all rows (or None).

    Returns
    -------
    Comparison
        Prints as a table; with two models `difference`, `interval`, `p_value` and all
        numbers of a `Pair` are attributes.

    Raises
    ------
    SourceError
        Where rows do not pair: their number differs, or the truth of a row does (how many,
        which first), or their names stand in another order, or keys repeat or have no partner.
    XentValueError
        Where the models predict different things, or rows are what `evaluate` refuses.

    Notes
    -----
    *Precision.* Losses of rows are float64, sums of them and of their powers exact: neither
    the order of the rows nor how files are split can be seen, except in what depends on the
    order itself (e-value, autocorrelation, blocks). Percentiles are exact up to 262,144
    rows; beyond, within 1/128 of themselves.

    *Memory.* Files are streamed side by side. By `key`, DuckDB sorts them, on disk where
    need be.

    *The e-value.* If A were the true law of each outcome, the e-value against A would reach
    20 with a chance of at most 1 in 20, however long one goes on and whenever one looks
    (Ville). It compares laws, not means: with enough rows there is evidence against every
    model that is not the truth.

    See Also
    --------
    evaluate : one model by itself.
    kl_divergence : the divergence of two distributions.

    References
    ----------
    .. [1] F. X. Diebold and R. S. Mariano, "Comparing predictive accuracy", J. Bus. Econ. Stat.
       13, 1995: the mean difference of losses.
    .. [2] P. Hall, "On the removal of skewness by transformation", J. R. Stat. Soc. B 54, 1992.
    .. [3] I. Waudby-Smith and others, "Time-uniform central limit theory and asymptotic
       confidence sequences", Ann. Stat. 52, 2024: the interval however often one looks.
    .. [4] Y. J. Choe and A. Ramdas, "Comparing sequential forecasters", Oper. Res., 2023.
    .. [5] Q. McNemar, "Note on the sampling error of the difference between correlated
       proportions or percentages", Psychometrika 12, 1947.
    .. [6] S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6,
       1979: several models, several slices.

    Examples
    --------
    >>> from xent.evaluation import compare
    >>> y = [0, 1, 1, 0]
    >>> c = compare((y, [0.2, 0.7, 0.9, 0.1]), (y, [0.4, 0.6, 0.6, 0.4]))
    >>> round(c.difference, 4), c.wins.a, c.wins.b
    (-0.3132, 4, 0)
    """
    given = {
        "target": target,
        "probs": probs,
        "logits": logits,
        "log_probs": log_probs,
        "predicted": predicted,
        "labels": labels,
        "task": task,
        "classes": classes,
    }
    common: dict[str, Any] = {
        "ignore": ignore,
        "zero": zero,
        "unit": unit,
        "nan": nan,
        "sum_tolerance": sum_tolerance,
    }
    beside = {"cluster": cluster, "weight": weight, "bytes": bytes}
    arrays = {n: v for n, v in beside.items() if v is not None and not isinstance(v, str)}
    named = {n: n if n in arrays else v for n, v in beside.items()}
    asked = Asked(
        key=key,
        inner=inner,
        by=(),
        cluster=named["cluster"],
        block=block,
        weight=named["weight"],
        size=named["bytes"],
        unit=unit,
        level=level,
        method=interval,
        least=least_probability(zero),
    )
    opened: list[Source] = []
    try:
        said = open_models(sources, each, given, sql, opened, common, asked, arrays)
        asked = replace(asked, by=slice_columns(by, opened))
        if asked.cluster is not None:
            asked = replace(asked, cluster=of_first("cluster", asked.cluster, opened, column_named))
        shown = names_of_models(names, [s.name for s in opened], said, each)
        return run(opened, plan_models(opened, shown, said, asked), asked, progress)
    finally:
        for source in opened:
            source.close()
