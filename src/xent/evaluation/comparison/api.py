"""`compare`: predictions of several models for the same rows in, a Comparison out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.comparison.asked import Asked
from xent.evaluation.comparison.groups import of_first
from xent.evaluation.comparison.models import distinct_names, plan_models
from xent.evaluation.comparison.result import Comparison
from xent.evaluation.comparison.running import run
from xent.evaluation.reading.inputs import named_columns, plain_inputs
from xent.evaluation.reading.names import class_list, column_named
from xent.evaluation.reading.opening import gather, is_choice
from xent.evaluation.reading.options import Options, least_probability
from xent.evaluation.reading.source import Source
from xent.evaluation.reading.sources import PATH
from xent.evaluation.reading.tables import ArraySource
from xent.units import Unit

__all__ = ["compare"]

Progress = Callable[[int, int | None], None]
# options that may differ from model to model
OF_A_MODEL = ("target", "probs", "logits", "log_probs", "predicted", "labels", "classes", "task")


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
        row is compared with the first, and so on.
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
        which first), or keys repeat or have no partner.
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
        said = _open(sources, each, given, sql, opened, common, asked, arrays)
        asked = replace(asked, by=_slice_columns(by, opened))
        if asked.cluster is not None:
            asked = replace(asked, cluster=of_first("cluster", asked.cluster, opened, column_named))
        shown = _names(names, [s.name for s in opened], said, each)
        return run(opened, plan_models(opened, shown, said, asked), asked, progress)
    finally:
        for source in opened:
            source.close()


def _open(
    sources: Sequence[Any],
    each: Sequence[Mapping[str, Any]] | None,
    given: dict[str, Any],
    sql: str | None,
    opened: list[Source],
    common: dict[str, Any],
    asked: Asked,
    arrays: dict[str, Any],
) -> list[tuple[int, Options]]:
    """Open the sources into `opened`; return each model's source and options."""
    count = len(each) if each is not None else len(sources)
    if count < 2:
        raise XentValueError(
            f"compare needs two models or more, got {count}; models in the columns of one "
            "source: each=[{'probs': 'a_*'}, {'probs': 'b_*'}]"
        )
    if each is not None and len(sources) not in (1, count):
        raise XentValueError(
            f"each must have an entry for every source, got {count} for {len(sources)} sources"
        )
    found: list[tuple[int, Options]] = []
    for i in range(count):
        own = {**given, **_own(i, each)}
        if isinstance(own["classes"], str):
            own["classes"] = class_list(own["classes"])
        if len(sources) == count:
            source, columns = _one_source(sources[i], own, sql)
            opened.append(source)
        else:
            if not opened:
                opened.append(_one_source(sources[0], {}, sql)[0])
            columns = own
        if i == 0 and arrays:
            opened[0] = _with_arrays(opened[0], arrays)
        at = len(opened) - 1
        fields = {f.name for f in opened[at].fields}
        # the first source must have them; the others may
        beside: dict[str, Any] = {
            option: column
            for option, column in (("weight", asked.weight), ("bytes", asked.size))
            if column is not None and (at == 0 or column in fields)
        }
        found.append((at, Options(**columns, **beside, **common)))
    return found


def _slice_columns(by: Any, opened: list[Source]) -> tuple[str, ...]:
    """Return the names of the columns that make slices; arrays join the first source."""
    if by is None:
        return ()
    if is_choice("by", by):
        return tuple(of_first("by", by, opened))
    names = [f.name for f in opened[0].fields]
    columns = named_columns("by", by, names) or {"by": by}
    opened[0] = _with_arrays(opened[0], columns)
    return tuple(columns)


def _with_arrays(source: Source, arrays: dict[str, Any]) -> Source:
    """A source of arrays, with some more of them beside the predictions."""
    if not isinstance(source, ArraySource):
        raise XentValueError(
            f"arrays ({', '.join(arrays)}) must come with arrays of predictions, got "
            f"{source.name}; name its columns"
        )
    return source.beside(arrays)


def _own(i: int, each: Sequence[Mapping[str, Any]] | None) -> Mapping[str, Any]:
    if each is None:
        return {}
    unknown = [name for name in each[i] if name not in OF_A_MODEL]
    if unknown:
        raise XentValueError(
            f"each may say {', '.join(OF_A_MODEL)}, got {unknown[0]!r} for model {i}",
            value=unknown[0],
        )
    return each[i]


def _one_source(source: Any, own: dict[str, Any], sql: str | None) -> tuple[Source, dict[str, Any]]:
    """Open a source as `evaluate` does; return it and what is said about its columns."""
    own = {**dict.fromkeys(OF_A_MODEL), **own}
    task, classes = own.pop("task"), own.pop("classes")
    if _is_predictions(source):
        # predictions alone: the truth is common to all
        if own["target"] is None and own["labels"] is None and own["log_probs"] is not True:
            raise XentTypeError(
                "a source that is an array of predictions needs target, an array too, got none; "
                "or give pairs (target, probs)"
            )
        kind = next((n for n in ("logits", "log_probs") if own[n] is True), "probs")
        own[kind] = np.asarray(source) if isinstance(source, list) else source
        source = None
    source, own, classes = plain_inputs(source, own, classes)
    opened, said = gather(source, own, sql)
    return opened, {**said, "task": task, "classes": classes}


def _is_predictions(source: Any) -> bool:
    """Whether a source is an array of predictions, no table and no paths."""
    if isinstance(source, list):
        return bool(source) and not isinstance(source[0], (Mapping, *PATH))
    return hasattr(source, "dtype") and getattr(source.dtype, "names", None) is None


def _names(
    names: Sequence[str] | None,
    sources: Sequence[str],
    said: Sequence[tuple[int, Options]],
    each: Sequence[Mapping[str, Any]] | None,
) -> list[str]:
    if names is not None:
        if len(names) != len(said) or len(set(names)) != len(names):
            raise XentValueError(
                f"names must be one different name for each of the {len(said)} models, got "
                f"{list(names)}",
                value=list(names),
            )
        return [str(n) for n in names]
    if len(sources) == len(said):
        return distinct_names(sources)
    assert each is not None
    return distinct_names([_columns_in_words(o) for _, o in said])


def _columns_in_words(options: Options) -> str:
    said = options.predictions
    if said is None:
        return "model"
    return said[1] if isinstance(said[1], str) else ",".join(said[1])
