"""Where a command's numbers go: shown, written, held against conditions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from xent.cli.conditions import Condition, parse_condition
from xent.cli.options import CONDITION_MET, OK

if TYPE_CHECKING:
    from xent.evaluation.result import Evaluation

__all__ = ["Gate", "Outputs", "show"]


class Gate:
    """The conditions of --fail-if, parsed before any work is done."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._conditions: list[Condition] = [parse_condition(text) for text in texts]

    def __bool__(self) -> bool:
        return bool(self._conditions)

    def met(self, numbers: dict[str, Any]) -> bool:
        """Whether a condition holds; the ones that do are told on standard error."""
        held = [c for c in self._conditions if c.holds(numbers)]
        for condition in held:
            print(f"xent: {condition.text} holds: {condition.shown(numbers)}", file=sys.stderr)
        return bool(held)


class Outputs:
    """What a command was asked to do with its result; impossible places raise at once.

    Parameters
    ----------
    asked : dict
        The options that were given, which a page tells.
    read : sequence of str
        What the command reads, which no output may overwrite.
    """

    def __init__(
        self,
        asked: dict[str, Any],
        *,
        json: bool,
        output: str | None,
        fail_if: Sequence[str],
        report: str | None,
        lang: Literal["en", "zh"],
        state: str | None = None,
        read: Sequence[str] = (),
    ) -> None:
        from xent.evaluation.files import apart, writable

        self._gate = Gate(fail_if)
        for path in (output, state, report):
            writable(path)
        apart(output, state, report, read=read)
        if report is not None:
            from xent.report.page import check_installed

            check_installed()
        self._asked, self._json, self._output = asked, json, output
        self._report, self._lang, self._state = report, lang, state

    def write(self, result: Any) -> int:
        """Write and show an Evaluation or a Comparison; return the exit code."""
        from xent.evaluation.result import Evaluation
        from xent.report.machine import to_json

        # a comparison of no rows was refused
        if isinstance(result, Evaluation) and not result.summary.sum_weight:
            return self._write_empty(result)

        # parts of them are computed for machines alone
        numbers = result.to_dict() if self._gate or self._json else {}
        met = self._gate.met(numbers)
        # files first: whoever reads the table may leave before its end (`| head`)
        if self._state is not None:
            from xent.evaluation.state import save_state

            save_state(result, self._state)
        if self._report is not None:
            from xent.report.page import write_page

            write_page(self._report, result, lang=self._lang, options=self._asked)
        show(to_json(numbers) if self._json else str(result), self._output)
        return CONDITION_MET if met else OK

    def _write_empty(self, result: Evaluation) -> int:
        """Write the state of a part no row of which counts: there is nothing to show."""
        from xent.evaluation.nothing import refuse_nothing, why_nothing
        from xent.evaluation.state import save_state

        if self._state is None:
            refuse_nothing(result)
        assert self._state is not None
        save_state(result, self._state)
        why = why_nothing(result.summary)
        what = f"no rows to score in {result.name}, {why}" if why else f"no rows in {result.name}"
        adds = "adds these counts alone" if why else "adds nothing"
        print(
            f"xent: {what}: {self._state} {adds} to other states, and nothing else is written",
            file=sys.stderr,
        )
        return OK


def show(text: str, output: str | None) -> None:
    """Print a text, or write it to a file."""
    from xent.evaluation.files import write_text

    if output is None:
        print(text)
    else:
        write_text(output, text + "\n")
