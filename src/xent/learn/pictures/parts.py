"""What several pictures share: legends, axes of powers of ten, a dot with its value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from xent.learn.numbers import shown
from xent.learn.svg import Frame, bar, circle, line, tag, text

__all__ = [
    "Words",
    "dot",
    "legend",
    "log_handle",
    "pair",
    "powers",
    "upright",
    "width_of",
    "with_results",
]

# the texts of a chapter in one language: t(key, name=value)
Words = Callable[..., str]

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_HAN = 0x2E80  # from here on a character is as wide as it is high


def width_of(content: str) -> float:
    """Return about how wide a text is at the size of the pictures, in their coordinates.

    >>> width_of("loss"), width_of("损失")
    (28.0, 26.0)
    """
    return sum(13.0 if ord(c) >= _HAN else 7.0 for c in content)


def legend(
    entries: Iterable[tuple[str, str]], left: float, top: float, right: float
) -> tuple[str, float]:
    """Return a legend and how high it is; entries are looks ("line-p") and names.

    What does not fit into a line begins the next one.
    """
    parts = []
    x, y = left, top
    for look, name in entries:
        wide = 26 + width_of(name)
        if x > left and x + wide > right:
            x, y = left, y + 20
        if look.startswith("soft"):
            parts.append(bar(x, y - 6, 18, 12, look))
        else:
            parts.append(line(x, y, x + 18, y, look))
        parts.append(text(name, x=x + 24, y=y + 4.5, class_="label"))
        x += wide + 16
    return "".join(parts), y - top + 20


def powers(low: int, high: int) -> tuple[list[float], list[str]]:
    """Return the powers of ten between two exponents, and their names.

    >>> powers(0, 4)
    ([0, 1, 2, 3, 4], ['1', '10', '100', '1,000', '10⁴'])
    """
    names = [
        f"{10**k:,}" if 0 <= k < 4 else "10" + str(k).translate(RAISED)
        for k in range(low, high + 1)
    ]
    return list(range(low, high + 1)), names


def dot(frame: Frame, x: float, y: float, colour: str, name: str = "", side: str = "right") -> str:
    """Return a dot at a value, with words "right", "left", "above", "below" or "above left".

    Nothing is drawn of what is not finite or lies outside.
    """
    low, high = sorted(frame.y)
    if not (math.isfinite(x) and math.isfinite(y)) or not low <= y <= high:
        return ""
    cx, cy = frame.at(x, y)
    dx, dy, anchor = {
        "right": (10, 4.5, ""),
        "left": (-10, 4.5, " end"),
        "above": (0, -11, " mid"),
        "below": (0, 21, " mid"),
        "above left": (6, -10, " end"),
    }[side]
    parts = [circle(cx, cy, 5, f"fill-{colour} knob")]
    if name:
        parts.append(text(name, x=cx + dx, y=cy + dy, class_=f"text-{colour} halo{anchor}"))
    return "".join(parts)


def pair(frame: Frame, x: float, values: Sequence[tuple[float, str]], side: str = "right") -> str:
    """Return two dots over each other: the number of the higher above it, of the lower below."""
    (first, _), (second, _) = values
    ups = (first >= second, first < second)
    parts = []
    for (value, colour), up in zip(values, ups, strict=True):
        parts.append(dot(frame, x, value, colour))
        cx, cy = frame.at(x, value)
        parts.append(
            text(
                shown(value, 3),
                x=cx + (10 if side == "right" else -10),
                y=min(max(cy + (-7 if up else 17), frame.top + 12), frame.bottom - 4),
                class_=f"text-{colour} halo{'' if side == 'right' else ' end'}",
            )
        )
    return "".join(parts)


def upright(frame: Frame, x: float, look: str = "dash-muted") -> str:
    """Return a vertical line through a frame."""
    at = frame.at_x(x)
    return line(at, frame.top, at, frame.bottom, look)


def log_handle(
    frame: Frame, control: str, x: float, y: float, colour: str, low: float, high: float
) -> str:
    """Return a handle on an axis of powers of ten, for a logarithmic slider.

    `x` is the logarithm of the value, `low` and `high` those of the ends of the slider.
    """
    cx, cy = frame.at(x, y)
    return tag(
        "g",
        circle(cx, cy, 20, "grip"),
        circle(cx, cy, 8, f"fill-{colour} knob"),
        class_="handle",
        data_handle=control,
        data_along="x",
        data_scale="log",
        data_from=float(frame.at_x(low)),
        data_to=float(frame.at_x(high)),
    )


def with_results(*lines: tuple[str, float | None]) -> str:
    """Return lines with what they give after a #, all of these below each other.

    >>> print(with_results(("a = 1", None), ("a + 0.5", 1.5)))
    a = 1
    a + 0.5  # 1.500
    """
    wide = max((len(line) for line, value in lines if value is not None), default=0)
    return "\n".join(
        line if value is None else f"{line:<{wide}}  # {shown(value)}" for line, value in lines
    )
