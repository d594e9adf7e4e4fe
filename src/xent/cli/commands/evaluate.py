"""`xent evaluate`: score predictions."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from xent.cli import common
from xent.cli.options import Text, option, path_of, unlike_default, whole
from xent.errors import XentValueError

__all__ = ["evaluate"]


def evaluate(
    *sources: Annotated[str, Parameter(help="Files, patterns, .npz or - for standard input.")],
    target: common.Target = None,
    probs: common.Probs = None,
    logits: common.Logits = None,
    log_probs: common.LogProbs = None,
    labels: common.Labels = None,
    task: common.Task = None,
    classes: common.Classes = None,
    weight: common.Weight = None,
    bytes: common.Bytes = None,
    ignore: common.Ignore = None,
    zero: common.Zero = "inf",
    unit: common.UnitOfLosses = "nat",
    nan: common.Nan = "raise",
    sum_tolerance: common.SumTolerance = 1e-4,
    by: Annotated[
        Text, option('Columns whose values make slices, with a table that adds up: "site,year".')
    ] = None,
    cluster: Annotated[
        Text, option("Column of users, documents or days, whose rows go wrong together.")
    ] = None,
    id: Annotated[
        Text, option("Column of what rows are called; the bootstrap tells rows apart by it.")
    ] = None,
    interval: Annotated[
        Literal["hall", "cluster", "bootstrap"] | None,
        option("How the interval is found: hall (default), cluster (with --cluster), bootstrap."),
    ] = None,
    level: common.Level = 0.95,
    replicates: Annotated[int, whole("How often the bootstrap draws (default 200).")] = 200,
    sql: Annotated[
        Text, option('A DuckDB query for the rows; SOURCE, where given, is its table "source".')
    ] = None,
    engine: Annotated[
        Literal["local", "spark"] | None,
        option("Where rows are scored; spark reads the sources itself (pip install xent[spark])."),
    ] = None,
    master: Annotated[
        Text, option('Master of a new Spark session, such as "local[2]"; else spark-submit\'s own.')
    ] = None,
    json: common.Json = False,
    output: common.Output = None,
    state: Annotated[
        Text, option("Write the exact sums to this file, for xent merge with other parts.")
    ] = None,
    report: common.Report = None,
    lang: common.Lang = "en",
    fail_if: common.FailIf = (),
) -> int:
    """Score predictions: log loss, what it means, a table per class, the worst rows.

    SOURCES are files (CSV, TSV, JSON lines, Parquet, .npz), patterns of names, or - for standard
    input. What is not said is inferred from the columns and printed.
    """
    asked = unlike_default(evaluate, locals())
    from xent.cli.output import Outputs
    from xent.evaluation import evaluate as evaluate_
    from xent.evaluation.nothing import NothingToScore
    from xent.report.progress import progress_bar

    outputs = Outputs(
        asked, json=json, output=output, fail_if=fail_if, report=report, lang=lang,
        state=state, read=sources,
    )  # fmt: skip
    if engine == "spark":
        from xent.evaluation.engines.spark import session

        session(master)
    elif master is not None:
        raise XentValueError("master must come with --engine spark, got it alone", value=master)
    paths = [path_of(s) or s for s in sources]
    source = paths if len(paths) > 1 else paths[0] if paths else None
    name = paths[0] if paths else "query"
    try:
        with progress_bar(name) as progress:
            result = evaluate_(
                source,
                target=target,
                probs=probs,
                logits=logits,
                log_probs=log_probs,
                labels=labels,
                task=task,
                classes=classes,
                weight=weight,
                bytes=bytes,
                ignore=ignore,
                zero=zero,
                unit=unit,
                nan=nan,
                sum_tolerance=sum_tolerance,
                by=by,
                cluster=cluster,
                id=id,
                interval=interval,
                level=level,
                replicates=replicates,
                sql=sql,
                engine=engine,
                progress=progress,
            )
    except NothingToScore as error:
        # a part of many may be so: its state adds nothing to the scores of the others
        if state is None:
            raise
        result = error.evaluation
    return outputs.write(result)
