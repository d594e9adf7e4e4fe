"""The commands of `xent`, and what their exit codes mean."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from xent.errors import MisuseWarning

__all__ = ["BAD_INPUT", "CONDITION_MET", "OK", "app", "run"]

OK, CONDITION_MET, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

HELP = """Cross-entropy done exactly: score real predictions, and know what the number means.

Exit codes: 0 all is well; 1 a --fail-if condition holds; 2 bad input or usage; 130
interrupted.
"""

# a lone "-" is a value, which the parser would take for an option
STANDARD_INPUT, _DASH = "-", "<stdin>"

app = App(
    name="xent",
    help=HELP,
    version_flags=["--version"],
    help_format="plaintext",
    result_action="return_value",
)

Text = str | None


def option(text: str) -> Parameter:
    return Parameter(help=text, negative="", show_default=False)


@app.command
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
    source = STANDARD_INPUT if source == _DASH else source
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


@app.command
def explain(
    value: Annotated[float, Parameter(help="A loss, such as 0.6931.")],
    /,
    *,
    classes: Annotated[Text, option("Number of classes.")] = None,
    frequencies: Annotated[
        Text, option('Frequencies of the classes, or their counts: "0.9,0.1".')
    ] = None,
    unit: Annotated[Literal["nat", "bit", "ban"], option("Unit of the value.")] = "nat",
) -> int:
    """Say what a loss value means: ln 2 is a coin flip, ln K a uniform guess."""
    from xent.cli.values import number_list, whole_number
    from xent.diagnostics.known_values import explain as explain_

    print(
        explain_(
            value,
            classes=whole_number("classes", classes),
            class_frequencies=number_list("frequencies", frequencies),
            unit=unit,
        )
    )
    return OK


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors are one line and a hint on stderr."""
    # a stream that was closed before the start (`>&-`) is None, which nothing can write to
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    try:
        with warnings.catch_warnings():
            # a warning about the data is part of the table already
            warnings.simplefilter("ignore", MisuseWarning)
            code = app(
                [_DASH if a == "-" else a for a in arguments],
                exit_on_error=False,
                print_error=False,
            )
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except SystemExit:
        return OK  # the reader of the help has gone
    except CycloptsError as error:
        return _complain(_first_line(error), "xent --help lists the commands and their options")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the reader has gone; nothing more may be written, at exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (ValueError, TypeError, RuntimeError, OSError, MemoryError) as error:
        message, _, hint = str(error).partition("; ")
        return _complain(message, hint)


def _first_line(error: CycloptsError) -> str:
    error.console = None
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines) or type(error).__name__


def _as_options(text: str) -> str:
    """Names of arguments, as a message has them, become the options of the command."""
    names = "probs|logits|labels|classes|ignore|task|nan|sum_tolerance|target|weight"
    text = re.sub(rf"\b({names})=(['\"]?)([^\s'\"]+)\2", r"--\1 \3", text)
    text = re.sub(rf"\b(say|with|give|use) ({names})\b", r"\1 --\2", text)
    return text.replace("--sum_tolerance", "--sum-tolerance")


def _complain(message: str, hint: str) -> int:
    print(f"xent: {message}", file=sys.stderr)
    hint = _as_options(hint)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
    return BAD_INPUT
