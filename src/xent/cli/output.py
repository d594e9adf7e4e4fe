"""What every command does with an evaluation: show it, write it, hold it against conditions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from xent.cli.conditions import Condition, parse_condition

__all__ = ["Gate", "show"]


class Gate:
    """The conditions of --fail-if, parsed before any work is done."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._conditions: list[Condition] = [parse_condition(text) for text in texts]

    def met(self, numbers: dict[str, Any]) -> bool:
        """Whether a condition holds; the ones that do are told on standard error."""
        held = [c for c in self._conditions if c.holds(numbers)]
        for condition in held:
            print(f"xent: {condition.text} holds: {condition.shown(numbers)}", file=sys.stderr)
        return bool(held)


def show(text: str, output: str | None) -> None:
    """Print a text, or write it to a file."""
    from xent.report.write import write_text

    if output is None:
        print(text)
    else:
        write_text(output, text + "\n")
