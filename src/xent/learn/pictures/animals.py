"""What the pictures of chapters 5 and 6 share: the animals, their colours, bars and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.learn.numbers import shown
from xent.learn.svg import WIDE, Frame, bar, line, picture, text, tick_name

__all__ = [
    "CLASSES",
    "COLOURS",
    "LARGEST_LOGIT",
    "Draw",
    "Numbers",
    "Say",
    "enough",
    "gradient_bars",
    "listed",
    "plain",
    "probability_bar",
    "ruler",
    "share",
    "signed",
]

CLASSES = ("cat", "frog", "mouse")  # in the order of the article
COLOURS = ("a", "b", "c")  # of the palette, one for each
LARGEST_LOGIT = 6.0  # of a slider: a loss of 12 nats, a probability of 6e-6

Numbers = tuple[float, ...]
Draw = Callable[[dict[str, Any], int], str]  # values of controls and a width: a picture
Say = Callable[..., str]  # a key and the numbers in it: the text in the reader's language


def enough(value: float) -> float:
    """Return the end of a scale that a value fits on; there are few, so that scales stay put.

    >>> enough(0.3), enough(2.1), enough(13.0)
    (1.0, 4.0, 16.0)
    """
    return next(end for end in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0) if end >= value)


def ruler(frame: Frame, at: Sequence[float], bottom: float) -> str:
    """Return the lines of a scale along x, with their numbers below."""
    parts = []
    for value in at:
        x = frame.at_x(value)
        parts.append(line(x, frame.top, x, bottom, "rule" if value == 0 else "grid"))
        parts.append(text(tick_name(value), x=x, y=bottom + 16, class_="tick mid"))
    return "".join(parts)


def probability_bar(q: float, frame: Frame, middle: float, colour: str, *, aim: int) -> str:
    """Return the bar of a probability, and a mark at 0 or 1, where its label wants it."""
    end, wanted = frame.at_x(q), frame.at_x(aim)
    return (
        bar(frame.left, middle - 10, end - frame.left, 20, f"fill-{colour}")
        + line(wanted, middle - 16, wanted, middle + 16, "line-p")
        + text(share(q), x=end + 7, y=middle + 5, class_="halo")
    )


def plain(values: NDArray[np.float64]) -> Numbers:
    """Return an array as numbers of Python.

    >>> plain(np.array([0.25, 1.0]))
    (0.25, 1.0)
    """
    return tuple(float(v) for v in values)


def share(probability: float) -> str:
    """Return a probability with three digits of it, and of what is missing to 1.

    Only 0 is written as 0, and only 1 as 1.

    >>> [share(q) for q in (0.6, 0.99818, 1 - 6.1e-6, 6.1e-6, 1.0, 0.0)]
    ['0.600', '0.99818', '0.99999390', '6.10e−06', '1', '0']
    """
    if probability in (0, 1):
        return f"{probability:.0f}"
    if probability < 0.1:
        return shown(probability, 3)
    return f"{probability:.{max(3, 2 - math.floor(math.log10(1 - probability)))}f}"


def signed(value: float) -> str:
    """Return a number with its sign, a real minus; only 0 is written as 0, and only 1 as 1.

    >>> signed(-0.4), signed(1.791759), signed(0.0), signed(-2e-7), signed(-0.99988)
    ('−0.400', '+1.79', '0', '−2.00e−07', '−0.999880')
    """
    written = share(abs(value)) if abs(value) <= 1 else shown(abs(value), 3)
    return written if value == 0 else ("+" if value > 0 else "−") + written


def listed(values: Sequence[str]) -> str:
    """Return numbers in a row, for what a screen reader says.

    >>> listed(["0.3", "0.6", "0.1"])
    '0.3, 0.6, 0.1'
    """
    return ", ".join(values)


def gradient_bars(gradient: Sequence[float], say: Say, width: int, *, label: str) -> str:
    """Return a bar a class from zero: where the gradient of the loss by its logit points."""
    wide = width == WIDE
    left = 92.0 if wide else 64.0
    top, row = 30.0, 46.0
    bottom = top + row * len(gradient)
    frame = Frame((-1, 1), (0, 1), left, width - 24.0, top, bottom)
    zero = frame.at_x(0)
    parts = [
        text("← " + say("pushed_up"), x=zero - 8, y=16.0, class_="tick end"),
        text(say("pushed_down") + " →", x=zero + 8, y=16.0, class_="tick"),
    ]
    for at in (-1.0, -0.5, 0.0, 0.5, 1.0):
        x = frame.at_x(at)
        parts.append(line(x, top, x, bottom, "rule" if at == 0 else "grid"))
        parts.append(text(tick_name(at), x=x, y=bottom + 18, class_="tick mid"))
    for i, (name, slope) in enumerate(zip(CLASSES, gradient, strict=True)):
        y = top + row * i
        parts.append(text(say(name), x=0.0, y=y + 28, class_=f"text-{COLOURS[i]}"))
        end = frame.at_x(slope)
        parts.append(bar(zero, y + 12, end - zero, 22, f"fill-{COLOURS[i]}"))
        # the number stands past the end of its bar, or inside of the frame where there is no room
        inside = abs(slope) > 0.8
        right = (slope > 0) != inside
        x = end + (7 if right else -7)
        look = "halo" if not inside else "strong halo"
        parts.append(text(signed(slope), x=x, y=y + 28, class_=look if right else f"{look} end"))
    parts.append(text(say("gradient_axis"), x=width - 24.0, y=bottom + 36, class_="label end"))
    return picture(width, bottom + 44, *parts, label=label)
