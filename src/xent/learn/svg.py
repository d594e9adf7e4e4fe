"""Axes, curves, bars and handles as SVG text; `pictures/` draws with nothing else.

A picture is drawn twice, `WIDE` and `NARROW`, so that its words have the size of the text beside
them on a desk and on a telephone. Colours are classes (`fill-p`, `line-q`, `text-gap`, `soft-a`),
one for each meaning, the same in every chapter; `palette.py` says what they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from xent.report.page.charts.svg import number, tag, text, ticks

__all__ = [
    "NARROW",
    "WIDE",
    "Frame",
    "arrow",
    "bar",
    "circle",
    "handle",
    "line",
    "path",
    "picture",
    "tag",
    "text",
    "tick_name",
    "ticks",
]

WIDE, NARROW = 760, 356
Point = tuple[float, float]


def picture(width: float, height: float, *content: str, label: str) -> str:
    """Return an SVG; `label` is what a screen reader says in its place."""
    return tag(
        "svg",
        *content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(float(width))} {number(float(height))}",
        role="img",
        aria_label=label,
        class_="picture",
    )


def path(points: Iterable[Point], closed: bool = False) -> str:
    """Return the `d` of a line through points; what is not finite interrupts it.

    >>> path([(0, 0), (1, 2), (2, float("nan")), (3, 1)])
    'M0 0L1 2M3 1'
    """
    steps, pen = [], "M"
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            pen = "M"
            continue
        steps.append(f"{pen}{number(float(x))} {number(float(y))}")
        pen = "L"
    return "".join(steps) + ("Z" if closed else "")


def line(x1: float, y1: float, x2: float, y2: float, look: str = "rule", **more: str) -> str:
    """Return a straight line."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=look, **more)


def circle(x: float, y: float, radius: float, look: str, **more: str) -> str:
    """Return a disc."""
    return tag("circle", cx=float(x), cy=float(y), r=float(radius), class_=look, **more)


def bar(x: float, y: float, width: float, height: float, look: str, **more: str) -> str:
    """Return a rectangle; a height or width below 0 goes the other way."""
    left, top = min(x, x + width), min(y, y + height)
    return tag(
        "rect",
        x=float(left),
        y=float(top),
        width=float(abs(width)),
        height=float(abs(height)),
        class_=look,
        **more,
    )


def arrow(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    """Return an arrow of a colour of the palette; a very short one is its head only."""
    length = math.hypot(x2 - x1, y2 - y1)
    if length == 0:
        return ""
    along = ((x2 - x1) / length, (y2 - y1) / length)
    head = min(9.0, length)
    back = (x2 - head * along[0], y2 - head * along[1])
    side = (-along[1] * head * 0.5, along[0] * head * 0.5)
    tip = [(x2, y2), (back[0] + side[0], back[1] + side[1]), (back[0] - side[0], back[1] - side[1])]
    return line(x1, y1, *back, f"line-{colour}") + tag(
        "path", d=path(tip, closed=True), class_=f"fill-{colour}"
    )


def handle(
    control: str, x: float, y: float, colour: str, *, along: str, start: float, end: float
) -> str:
    """Return a dot that moves a control of the stage when it is dragged.

    `start` and `end` are where the control's low and high end are, along "x" or "y", in the
    coordinates of the picture.
    """
    return tag(
        "g",
        circle(x, y, 20, "grip"),
        circle(x, y, 8, f"fill-{colour} knob"),
        class_="handle",
        data_handle=control,
        data_along=along,
        data_from=float(start),
        data_to=float(end),
    )


@dataclass(frozen=True)
class Frame:
    """The area of a plot: where a value is on the picture.

    >>> frame = Frame(x=(0, 1), y=(0, 4), left=50, right=250, top=10, bottom=210)
    >>> frame.at(0.5, 1)
    (150.0, 160.0)
    """

    x: tuple[float, float]
    y: tuple[float, float]
    left: float
    right: float
    top: float
    bottom: float

    def at_x(self, value: float) -> float:
        """Where a value is along x."""
        low, high = self.x
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def at_y(self, value: float) -> float:
        """Where a value is along y: up is more."""
        low, high = self.y
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    def at(self, x: float, y: float) -> Point:
        """Where a point is."""
        return self.at_x(x), self.at_y(y)

    def axes(
        self,
        x_label: str = "",
        y_label: str = "",
        *,
        x_ticks: Sequence[float] | None = None,
        y_ticks: Sequence[float] | None = None,
        x_names: Sequence[str] | None = None,
        y_names: Sequence[str] | None = None,
    ) -> str:
        """Return grid, ticks and labels; the label of y stands above the axis, level."""
        xs = ticks(*self.x) if x_ticks is None else list(x_ticks)
        ys = ticks(*self.y) if y_ticks is None else list(y_ticks)
        parts = [line(self.left, self.at_y(v), self.right, self.at_y(v), "grid") for v in ys]
        parts.append(line(self.left, self.bottom, self.right, self.bottom, "rule"))
        for v, name in zip(ys, y_names or map(tick_name, ys), strict=True):
            parts.append(text(name, x=self.left - 7, y=self.at_y(v) + 4, class_="tick end"))
        for v, name in zip(xs, x_names or map(tick_name, xs), strict=True):
            parts.append(line(self.at_x(v), self.bottom, self.at_x(v), self.bottom + 4, "rule"))
            parts.append(text(name, x=self.at_x(v), y=self.bottom + 18, class_="tick mid"))
        if y_label:
            parts.append(text(y_label, x=8.0, y=self.top - 12, class_="label"))
        if x_label:
            parts.append(text(x_label, x=self.right, y=self.bottom + 37, class_="label end"))
        return "".join(parts)

    def curve(self, points: Iterable[Point], look: str) -> str:
        """Return a line through points given as values; `look` is "line-p" or like it."""
        return tag("path", d=path(self.at(x, y) for x, y in points), class_=look)

    def area(self, points: Sequence[Point], look: str, floor: float = 0.0) -> str:
        """Return the area between points and a level."""
        ends = [(points[-1][0], floor), (points[0][0], floor)]
        whole = [self.at(x, y) for x, y in [*points, *ends]]
        return tag("path", d=path(whole, closed=True), class_=look)

    def handle(
        self, control: str, x: float, y: float, colour: str, *, along: str,
        low: float, high: float,
    ) -> str:  # fmt: skip
        """Return a handle at a point; `low` and `high` are the ends of the control."""
        at = self.at_x if along == "x" else self.at_y
        return handle(control, *self.at(x, y), colour, along=along, start=at(low), end=at(high))


def tip(content: str) -> str:
    """Return the words that a mouse over the element shows."""
    return tag("title", escape(content))


def tick_name(value: float) -> str:
    """Return a number as it stands on a scale.

    >>> tick_name(-0.5), tick_name(20.0)
    ('−0.5', '20')
    """
    return f"{value:g}".replace("-", "−")
