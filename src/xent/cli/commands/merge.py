"""`xent merge`: state files of parts, and what they are together."""

from __future__ import annotations

from os.path import realpath
from typing import Annotated, Literal

from cyclopts import Parameter

from xent.cli import common
from xent.cli.options import Text, option, unlike_default

__all__ = ["merge"]


def merge(
    *states: Annotated[str, Parameter(help="State files, as --state writes them, or patterns.")],
    unit: Annotated[
        Literal["nat", "bit", "ban"] | None,
        option("Unit of the losses; that of the states where it is not given."),
    ] = None,
    level: Annotated[
        float | None,
        option("Confidence of the intervals; that of the states where it is not given."),
    ] = None,
    json: common.Json = False,
    output: common.Output = None,
    state: Annotated[
        Text, option("Write the merged state to this file, to be merged further.")
    ] = None,
    report: common.Report = None,
    lang: common.Lang = "en",
    fail_if: common.FailIf = (),
) -> int:
    """Merge states that xent evaluate --state wrote: the evaluation of all their rows.

    The numbers are those of one run over all rows, to the last bit, in whatever order the
    states are named.
    """
    asked = unlike_default(merge, locals())
    from xent.cli.output import Outputs
    from xent.evaluation.state import merge_states

    # a state may be merged into itself: all of them are read before one is written
    kept = [s for s in states if state is None or realpath(s) != realpath(state)]
    outputs = Outputs(
        asked, json=json, output=output, fail_if=fail_if, report=report, lang=lang,
        state=state, read=kept,
    )  # fmt: skip
    return outputs.write(merge_states(states, unit=unit, level=level))
