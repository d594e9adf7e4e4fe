"""What can be moved in a picture: sliders, choices and buttons, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Button", "Choice", "Control", "Play", "Slider", "Values", "as_spec"]

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Slider:
    """A number between two ends, drawn in a colour of the palette.

    A logarithmic slider has the same room for each power of ten; its ends are above 0, and with
    a step of 1 it has whole numbers only.
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


@dataclass(frozen=True)
class Play:
    """A button that moves a slider by itself, from its low end to where `until` says.

    Pressed again it pauses, and goes on from there; a hand on any other control stops it. It
    takes `seconds` from one end of the slider to the other. Who asked the system for less motion
    is shown the end at once.
    """

    name: str
    label: str
    pause: str  # the label while it plays
    moves: str  # the name of the slider
    until: Callable[[Values], float] = field(repr=False)
    seconds: float = 10.0


Control = Slider | Choice | Button | Play


def as_spec(control: Control) -> dict[str, Any]:
    """Return a control as the browser is told of it."""
    kind = type(control).__name__.lower()
    told = {k: v for k, v in vars(control).items() if k not in ("do", "until", "value")}
    return {"kind": kind, **told}
