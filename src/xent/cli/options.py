"""What the commands share: their exit codes, and how an option is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from cyclopts import Parameter

from xent.cli import INTERRUPTED
from xent.cli.values import whole_number

__all__ = [
    "BAD_INPUT",
    "CONDITION_MET",
    "DASH",
    "INTERRUPTED",
    "OK",
    "Text",
    "option",
    "path_of",
    "unlike_default",
    "whole",
]

OK, CONDITION_MET, BAD_INPUT = 0, 1, 2

# a lone "-" is a value, which the parser would take for an option
STANDARD_INPUT, DASH = "-", "<stdin>"

Text = str | None


def option(text: str) -> Parameter:
    """Return an option with this help; a flag has no --no-... beside it."""
    return Parameter(help=text, negative="", show_default=False)


def whole(text: str) -> Parameter:
    """Return an option that is a whole number."""
    return Parameter(help=text, show_default=False, converter=whole_number)


def path_of(argument: str | None) -> str | None:
    """Return the path that an argument names; "-" is standard input.

    >>> path_of("<stdin>")
    '-'
    """
    return STANDARD_INPUT if argument == DASH else argument


# where the numbers go is no part of what they are
_PLACES = frozenset({"sources", "json", "output", "state", "report", "lang", "fail_if"})


def unlike_default(command: Callable[..., int], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a command that were given, by name: how its numbers were made."""
    defaults = {n: p.default for n, p in signature(command).parameters.items()}
    return {
        name: value
        for name, value in values.items()
        if name in defaults and name not in _PLACES and value != defaults[name]
    }
