"""What can be moved in a picture: sliders, choices and buttons, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Button", "Choice", "Control", "Slider", "Values", "as_spec"]

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Slider:
    """A number between two ends, drawn in a colour of the palette.

    A logarithmic slider has the same room for each power of ten; its ends are above 0.
    """

    name: str
    label: str
    value: float
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    colour: str = "ink"
    logarithmic: bool = False


@dataclass(frozen=True)
class Choice:
    """One of a few: `options` maps what the value is to what the reader sees."""

    name: str
    label: str
    value: str
    options: dict[str, str]


@dataclass(frozen=True)
class Button:
    """Does something at once: `do` maps the values before to the values that change."""

    name: str
    label: str
    do: Callable[[Values], Values] = field(repr=False)


Control = Slider | Choice | Button


def as_spec(control: Control) -> dict[str, Any]:
    """Return a control as the browser is told of it."""
    kind = type(control).__name__.lower()
    told = {k: v for k, v in vars(control).items() if k not in ("do", "value")}
    return {"kind": kind, **told}
