"""`xent compare`: two models or more on the same rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from xent.cli import common
from xent.cli.options import Text, option, path_of, unlike_default, whole
from xent.errors import XentValueError

__all__ = ["compare"]

Texts = tuple[str, ...]


def compare(
    *sources: Annotated[str, Parameter(help="Files, one a model, or one with several models.")],
    key: Annotated[
        Text, option("Column that names the rows; else the first is paired with the first.")
    ] = None,
    inner: Annotated[bool, option("With --key: leave out rows that not all files have.")] = False,
    name: Annotated[Texts, option("Name of a model, in order. May be repeated.")] = (),
    target: common.Target = None,
    probs: Annotated[
        Texts, option('Columns of probabilities, "p_*"; repeated: of the first model, the second.')
    ] = (),
    logits: Annotated[Texts, option("Columns of logits instead.")] = (),
    log_probs: Annotated[
        Texts, option("Column of log-probabilities of what happened (language models).")
    ] = (),
    predicted: Annotated[
        Texts, option("Column of the likeliest token, beside --log-probs; repeated as they are.")
    ] = (),
    labels: common.Labels = None,
    task: common.Task = None,
    classes: common.Classes = None,
    by: Annotated[
        Text, option('Columns whose values make slices, with a table that adds up: "site,year".')
    ] = None,
    cluster: Annotated[
        Text, option("Column whose rows of one value belong together, such as the document.")
    ] = None,
    block: Annotated[int | None, whole("So many consecutive rows belong together.")] = None,
    weight: common.Weight = None,
    bytes: common.Bytes = None,
    ignore: common.Ignore = None,
    zero: common.Zero = "inf",
    unit: common.UnitOfLosses = "nat",
    level: common.Level = 0.95,
    interval: Annotated[
        Literal["wider", "hall", "t"],
        option("hall allows for skew; t is Student's; wider (default) takes the further end."),
    ] = "wider",
    nan: common.Nan = "raise",
    sum_tolerance: common.SumTolerance = 1e-4,
    sql: Annotated[
        Text, option('A DuckDB query for the rows of each file, its table "source".')
    ] = None,
    json: common.Json = False,
    output: common.Output = None,
    report: common.Report = None,
    lang: common.Lang = "en",
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
    from xent.cli.output import Outputs
    from xent.evaluation import compare as compare_
    from xent.report.progress import progress_bar

    outputs = Outputs(
        asked, json=json, output=output, fail_if=fail_if, report=report, lang=lang, read=sources
    )
    paths = [path_of(source) for source in sources]
    if len(paths) < 2 and len({*probs, *logits, *log_probs}) < 2:
        raise XentValueError(
            f"compare needs two models or more, got {len(paths)}; name a file a model, or of one "
            'file with several models repeat --probs: --probs "a_*" --probs "b_*"',
            value=len(paths),
        )
    common, each = _of_models(predicted=predicted, probs=probs, logits=logits, log_probs=log_probs)
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
            block=block,
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
    return outputs.write(result)


def _of_models(
    predicted: Texts, **columns: Texts
) -> tuple[dict[str, str], list[dict[str, Any]] | None]:
    """What is common to all models, and what is said of each: options that are repeated."""
    said = [(option, chosen) for option, values in columns.items() for chosen in values]
    common = dict(said) if len(said) == 1 else {}
    each: list[dict[str, Any]] | None = [{option: chosen} for option, chosen in said]
    if len(said) < 2:
        each = [{} for _ in predicted] if len(predicted) > 1 else None
    if each is None or len(predicted) == 1:
        return {**common, **({"predicted": predicted[0]} if predicted else {})}, each
    if predicted and len(predicted) != len(each):
        raise XentValueError(
            f"predicted must be said once, or for each of {len(each)} models, got "
            f"{len(predicted)} columns"
        )
    return common, [
        {**own, **({"predicted": predicted[i]} if predicted else {})} for i, own in enumerate(each)
    ]
