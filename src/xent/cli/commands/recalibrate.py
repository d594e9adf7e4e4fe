"""`xent recalibrate`: fit a correction of predictions, apply it to others."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from xent.cli import common
from xent.cli.options import OK, Text, option, path_of
from xent.errors import SourceError, XentValueError

__all__ = ["recalibrate"]

Method = Literal["temperature", "vector", "isotonic", "shift"]


def recalibrate(
    source: Annotated[Text, Parameter(help="File to fit to, or with --with to apply to.")] = None,
    /,
    *,
    method: Annotated[
        Method | None,
        option(
            "temperature (default): one scale; vector: a scale and a bias a class; isotonic: "
            "rising curves; shift: other class frequencies."
        ),
    ] = None,
    output: Annotated[
        Text,
        Parameter(
            name=["--output", "-o"],
            help="Write the fit to this small JSON file.",
            show_default=False,
        ),
    ] = None,
    apply: Annotated[Text, option("Apply the fit to this file, and say what it gains.")] = None,
    with_: Annotated[
        Text,
        Parameter(
            name="--with", help="Apply this JSON file instead of fitting.", show_default=False
        ),
    ] = None,
    to: Annotated[
        Text, option("Write the rows applied to, recalibrated, to this .parquet or .csv file.")
    ] = None,
    target: common.Target = None,
    probs: common.Probs = None,
    logits: common.Logits = None,
    labels: common.Labels = None,
    task: common.Task = None,
    classes: common.Classes = None,
    weight: common.Weight = None,
    ignore: common.Ignore = None,
    unit: common.UnitOfLosses = "nat",
    nan: common.Nan = "raise",
    sum_tolerance: common.SumTolerance = 1e-4,
    sql: Annotated[
        Text, option('A DuckDB query for the rows of each file, which is its table "source".')
    ] = None,
    json: Annotated[bool, option("Print JSON for machines instead of text.")] = False,
) -> int:
    """Fit a correction of predictions to one file, apply it to another, say what it gains.

    Fit and keep: xent recalibrate held_out.parquet --method vector -o recal.json

    Fit and judge: xent recalibrate held_out.parquet --apply test.parquet

    Apply: xent recalibrate --with recal.json new.parquet --to better.parquet
    """
    from xent.evaluation.files import apart, writable, write_text
    from xent.evaluation.recalibration import Recalibration
    from xent.evaluation.recalibration import recalibrate as recalibrate_
    from xent.evaluation.recalibration.text import render, render_improvement
    from xent.report.machine import to_json
    from xent.report.progress import progress_bar
    from xent.report.tables import table_path

    columns: dict[str, Any] = {
        "target": target, "probs": probs, "logits": logits, "labels": labels, "weight": weight,
        "task": task, "classes": classes, "ignore": ignore, "nan": nan,
        "sum_tolerance": sum_tolerance, "sql": sql,
    }  # fmt: skip
    other = path_of(source) if with_ is not None else path_of(apply)
    _check(other, with_, to, {"method": method, "output": output, "apply": apply})
    writable(output)
    apart(output, to)
    # rows may be replaced by their recalibrated selves, but not by the recalibration
    apart(output, read=[path for path in (source, apply) if path is not None])
    if to is not None:
        table_path(to)
    if with_ is not None:
        fitted = Recalibration.from_json(_text(with_), with_)
    else:
        with progress_bar(source or "query") as progress:
            fitted = recalibrate_(
                path_of(source), method=method or "temperature", progress=progress, **columns
            )
    improvement = _apply(fitted, other, to, columns) if other is not None else None
    if output is not None:
        write_text(output, fitted.to_json() + "\n")
    if json:
        found = {"recalibration": fitted.to_dict(), "applied_to": other}
        print(to_json({**found, "improvement": improvement and improvement.to_dict()}))
        return OK
    if with_ is None:
        print(render(fitted, unit))
    if other is not None:
        print(render_improvement(improvement, other, unit))
    for path in (output, to):
        if path is not None:
            print(f"written: {path}")
    return OK


def _check(other: Text, with_: Text, to: Text, of_a_fit: dict[str, Text]) -> None:
    """Raise where options say two things, or there is nothing to do."""
    said = [f"--{name}" for name, value in of_a_fit.items() if value is not None]
    if with_ is not None and said:
        raise XentValueError(f"--with applies a fit that there is: it comes without {said[0]}")
    if with_ is not None and other is None:
        raise XentValueError("--with must come with the file to apply to, got none")
    if to is not None and other is None:
        raise XentValueError(
            "--to must come with the file whose rows are written: --apply OTHER, or --with FILE"
        )


def _apply(fitted: Any, other: str, to: Text, columns: dict[str, Any]) -> Any:
    from xent.evaluation.recalibration.applying import apply_to
    from xent.report.progress import progress_bar
    from xent.report.tables import table_writer

    with progress_bar(other) as progress:
        if to is None:
            return apply_to(fitted, other, progress=progress, **columns)
        with table_writer(to) as write:
            return apply_to(fitted, other, write=write, progress=progress, **columns)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError:
        raise SourceError(f"{path} must be JSON of a recalibration, got no text") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
