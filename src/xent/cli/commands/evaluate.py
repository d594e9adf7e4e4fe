"""`xent evaluate`: score predictions."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from xent.cli.options import CONDITION_MET, OK, Text, option, path_of, unlike_default
from xent.errors import XentValueError

__all__ = ["evaluate"]


def evaluate(
    *sources: Annotated[str, Parameter(help="Files, patterns, .npz or - for standard input.")],
    target: Annotated[Text, option("Column of the true class.")] = None,
    probs: Annotated[Text, option('Columns of probabilities: "p_*", "a,b" or one column.')] = None,
    logits: Annotated[Text, option("Columns of logits instead.")] = None,
    log_probs: Annotated[
        Text, option("Column of log-probabilities of what happened (language models).")
    ] = None,
    labels: Annotated[Text, option("Columns of 0 and 1, one for each prediction.")] = None,
    task: Annotated[
        Literal["class", "multi"] | None,
        option("class: exactly one class is true; multi: each label is true or false by itself."),
    ] = None,
    classes: Annotated[
        Text, option('Names of the classes in the order of the predictions: "cat,dog" or "1..10".')
    ] = None,
    weight: Annotated[Text, option("Column of row weights.")] = None,
    bytes: Annotated[Text, option("Column of bytes of text, for bits per byte.")] = None,
    ignore: Annotated[Text, option("Leave out rows with this target.")] = None,
    zero: Annotated[
        str, option('What probability 0 of the truth costs: "inf" (default) or "clip:1e-15".')
    ] = "inf",
    unit: Annotated[Literal["nat", "bit", "ban"], option("Unit of the losses.")] = "nat",
    nan: Annotated[
        Literal["raise", "exclude"], option("Rows with missing values: an error, or left out.")
    ] = "raise",
    sum_tolerance: Annotated[
        float, option("How far a row of probabilities may sum from 1 (default 0.0001).")
    ] = 1e-4,
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
    level: Annotated[float, option("Confidence of the intervals (default 0.95).")] = 0.95,
    replicates: Annotated[int, option("How often the bootstrap draws (default 200).")] = 200,
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
    json: Annotated[bool, option("Print JSON for machines instead of the table.")] = False,
    output: Annotated[Text, option("Write to this file instead of standard output.")] = None,
    state: Annotated[
        Text, option("Write the exact sums to this file, for xent merge with other parts.")
    ] = None,
    report: Annotated[Text, option("Write a self-contained HTML page to this file.")] = None,
    lang: Annotated[Literal["en", "zh"], option("Language of the page.")] = "en",
    fail_if: Annotated[
        tuple[str, ...],
        option('Exit with code 1 where a condition holds: "log_loss>0.4". May be repeated.'),
    ] = (),
) -> int:
    """Score predictions: log loss, what it means, a table per class, the worst rows.

    SOURCES are whatever DuckDB reads (CSV, TSV, JSON lines, Parquet, patterns, - for standard
    input) or an .npz file. What is not said is inferred from the columns and printed.
    """
    asked = unlike_default(evaluate, locals())
    from xent.cli.output import Gate, show
    from xent.evaluation import evaluate as evaluate_
    from xent.evaluation.state import save_state
    from xent.report.machine import to_json
    from xent.report.progress import progress_bar
    from xent.report.write import apart, writable

    gate = Gate(fail_if)
    for path in (output, state, report):
        writable(path)
    apart(output, state, report, read=sources)
    if report is not None:
        from xent.report.page import check_installed, write_page

        check_installed()
    if engine == "spark":
        from xent.evaluation.engines.spark import session

        session(master)
    elif master is not None:
        raise XentValueError("master must come with --engine spark, got it alone", value=master)
    paths = [path_of(s) or s for s in sources]
    source = paths if len(paths) > 1 else paths[0] if paths else None
    with progress_bar(paths[0] if paths else "query") as progress:
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
    numbers = result.to_dict()
    met = gate.met(numbers)
    # files first: whoever reads the table may leave before its end (`| head`)
    if state is not None:
        save_state(result, state)
    if report is not None:
        write_page(report, result, lang=lang, options=asked)
    show(to_json(numbers) if json else str(result), output)
    return CONDITION_MET if met else OK
