"""`xent evaluate`: score predictions."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from xent.cli.options import CONDITION_MET, OK, Text, option, path_of

__all__ = ["evaluate"]


def evaluate(
    source: Annotated[Text, Parameter(help="File, pattern, .npz or - for standard input.")] = None,
    /,
    *,
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
    sql: Annotated[
        Text, option('A DuckDB query for the rows; SOURCE, where given, is its table "source".')
    ] = None,
    json: Annotated[bool, option("Print JSON for machines instead of the table.")] = False,
    output: Annotated[Text, option("Write to this file instead of standard output.")] = None,
    summary: Annotated[
        Text, option("Write the exact sums to this file, to be merged with other parts.")
    ] = None,
    fail_if: Annotated[
        tuple[str, ...],
        option('Exit with code 1 where a condition holds: "log_loss>0.4". May be repeated.'),
    ] = (),
) -> int:
    """Score predictions: log loss, what it means, a table per class, the worst rows.

    SOURCE is whatever DuckDB reads (CSV, TSV, JSON lines, Parquet, patterns, - for standard
    input) or an .npz file. What is not said is inferred from the columns and printed.
    """
    from xent.cli.conditions import parse_condition
    from xent.evaluation import evaluate as evaluate_
    from xent.report.machine import to_json
    from xent.report.progress import progress_bar
    from xent.report.write import writable, write_text

    conditions = [parse_condition(text) for text in fail_if]
    for path in (output, summary):
        writable(path)
    source = path_of(source)
    with progress_bar(source or "query") as progress:
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
            sql=sql,
            progress=progress,
        )
    numbers = result.to_dict()
    met = [c for c in conditions if c.holds(numbers)]
    text = to_json(numbers) if json else str(result)
    if output is None:
        print(text)
    else:
        write_text(output, text + "\n")
    if summary is not None:
        write_text(summary, result.summary.to_json() + "\n")
    for condition in met:
        print(f"xent: {condition.text} holds: {condition.shown(numbers)}", file=sys.stderr)
    return CONDITION_MET if met else OK
