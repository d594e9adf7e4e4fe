"""`xent compare`: two models or more on the same rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from xent.cli.options import CONDITION_MET, OK, Text, option, path_of, unlike_default

__all__ = ["compare"]

Texts = tuple[str, ...]


def compare(
    *sources: Annotated[str, Parameter(help="Files, one a model, or one with several models.")],
    key: Annotated[
        Text, option("Column that names the rows; else the first is paired with the first.")
    ] = None,
    inner: Annotated[bool, option("With --key: leave out rows that not all files have.")] = False,
    name: Annotated[Texts, option("Name of a model, in order. May be repeated.")] = (),
    target: Annotated[Text, option("Column of the true class.")] = None,
    probs: Annotated[
        Texts, option('Columns of probabilities, "p_*"; repeated: of the first model, the second.')
    ] = (),
    logits: Annotated[Texts, option("Columns of logits instead.")] = (),
    log_probs: Annotated[
        Texts, option("Column of log-probabilities of what happened (language models).")
    ] = (),
    labels: Annotated[Text, option("Columns of 0 and 1, one for each prediction.")] = None,
    task: Annotated[
        Literal["class", "multi"] | None,
        option("class: exactly one class is true; multi: each label is true or false by itself."),
    ] = None,
    classes: Annotated[
        Text, option('Names of the classes in the order of the predictions: "cat,dog" or "1..10".')
    ] = None,
    by: Annotated[Text, option("Column; the difference is shown for each of its values.")] = None,
    cluster: Annotated[
        Text, option("Column whose rows of one value belong together, such as the document.")
    ] = None,
    block: Annotated[str | None, option("So many consecutive rows belong together.")] = None,
    weight: Annotated[Text, option("Column of row weights.")] = None,
    bytes: Annotated[Text, option("Column of bytes of text, for bits per byte.")] = None,
    ignore: Annotated[Text, option("Leave out rows with this target.")] = None,
    zero: Annotated[
        str, option('What probability 0 of the truth costs: "inf" (default) or "clip:1e-15".')
    ] = "inf",
    unit: Annotated[Literal["nat", "bit", "ban"], option("Unit of the losses.")] = "nat",
    level: Annotated[float, option("Confidence of the intervals (default 0.95).")] = 0.95,
    interval: Annotated[
        Literal["wider", "hall", "t"],
        option("hall allows for skew; t is Student's; wider (default) takes the further end."),
    ] = "wider",
    nan: Annotated[
        Literal["raise", "exclude"], option("Rows with missing values: an error, or left out.")
    ] = "raise",
    sum_tolerance: Annotated[
        float, option("How far a row of probabilities may sum from 1 (default 0.0001).")
    ] = 1e-4,
    sql: Annotated[
        Text, option('A DuckDB query for the rows of each file, its table "source".')
    ] = None,
    json: Annotated[bool, option("Print JSON for machines instead of the table.")] = False,
    output: Annotated[Text, option("Write to this file instead of standard output.")] = None,
    report: Annotated[Text, option("Write a self-contained HTML page to this file.")] = None,
    lang: Annotated[Literal["en", "zh"], option("Language of the page.")] = "en",
    fail_if: Annotated[
        Texts,
        option('Exit with code 1 where a condition holds: "difference>0". May be repeated.'),
    ] = (),
) -> int:
    """Compare models on the same rows: the difference of their losses, and how sure it is.

    A difference above 0 says that the second is better. Rows are paired in order, or by
    --key; rows of another truth are refused. Of one file with several models, repeat --probs:
    --probs "a_*" --probs "b_*".
    """
    asked = unlike_default(compare, locals())
    from xent.cli.output import Gate, show
    from xent.cli.values import whole_number
    from xent.evaluation import compare as compare_
    from xent.report.machine import to_json
    from xent.report.progress import progress_bar
    from xent.report.write import writable

    gate = Gate(fail_if)
    for path in (output, report):
        writable(path)
    if report is not None:
        from xent.report.page import check_installed, write_page

        check_installed()
    paths = [path_of(source) for source in sources]
    common, each = _of_models(probs=probs, logits=logits, log_probs=log_probs)
    with progress_bar(", ".join(str(p) for p in paths[:2])) as progress:
        result = compare_(
            *paths,
            **common,
            each=each,
            names=name or None,
            target=target,
            labels=labels,
            task=task,
            classes=classes,
            key=key,
            inner=inner,
            by=by,
            cluster=cluster,
            block=whole_number("block", block),
            weight=weight,
            bytes=bytes,
            ignore=ignore,
            zero=zero,
            unit=unit,
            level=level,
            interval=interval,
            nan=nan,
            sum_tolerance=sum_tolerance,
            sql=sql,
            progress=progress,
        )
    numbers = result.to_dict()
    met = gate.met(numbers)
    # the file first: whoever reads the table may leave before its end (`| head`)
    if report is not None:
        write_page(report, result, lang=lang, options=asked)
    show(to_json(numbers) if json else str(result), output)
    return CONDITION_MET if met else OK


def _of_models(**columns: Texts) -> tuple[dict[str, str], list[dict[str, Any]] | None]:
    """What is common to all models, and what is said of each: options that are repeated."""
    said = [(option, chosen) for option, values in columns.items() for chosen in values]
    if len(said) > 1:
        return {}, [{option: chosen} for option, chosen in said]
    return dict(said), None
