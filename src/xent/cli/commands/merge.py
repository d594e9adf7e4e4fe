"""`xent merge`: state files of parts, and what they are together."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from xent.cli.options import CONDITION_MET, OK, Text, option, unlike_default

__all__ = ["merge"]


def merge(
    *states: Annotated[str, Parameter(help="State files, as --state writes them.")],
    unit: Annotated[
        Literal["nat", "bit", "ban"] | None,
        option("Unit of the losses; that of the states where it is not given."),
    ] = None,
    level: Annotated[
        float | None,
        option("Confidence of the intervals; that of the states where it is not given."),
    ] = None,
    json: Annotated[bool, option("Print JSON for machines instead of the table.")] = False,
    output: Annotated[Text, option("Write to this file instead of standard output.")] = None,
    state: Annotated[
        Text, option("Write the merged state to this file, to be merged further.")
    ] = None,
    report: Annotated[Text, option("Write a self-contained HTML page to this file.")] = None,
    lang: Annotated[Literal["en", "zh"], option("Language of the page.")] = "en",
    fail_if: Annotated[
        tuple[str, ...],
        option('Exit with code 1 where a condition holds: "log_loss>0.4". May be repeated.'),
    ] = (),
) -> int:
    """Merge states that xent evaluate --state wrote: the evaluation of all their rows.

    The numbers are those of one run over all rows, to the last bit, in whatever order the
    states are named.
    """
    asked = unlike_default(merge, locals())
    from xent.cli.output import Gate, show
    from xent.evaluation.state import merge_states, save_state
    from xent.report.machine import to_json
    from xent.report.write import apart, writable

    gate = Gate(fail_if)
    for path in (output, state, report):
        writable(path)
    apart(output, state, report)
    if report is not None:
        from xent.report.page import check_installed, write_page

        check_installed()
    result = merge_states(states, unit=unit, level=level)
    numbers = result.to_dict()
    met = gate.met(numbers)
    # files first: whoever reads the table may leave before its end (`| head`)
    if state is not None:
        save_state(result, state)
    if report is not None:
        write_page(report, result, lang=lang, options=asked)
    show(to_json(numbers) if json else str(result), output)
    return CONDITION_MET if met else OK
