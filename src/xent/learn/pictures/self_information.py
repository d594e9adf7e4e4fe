"""Self-information: the curve, events of everyday life, and why it is a logarithm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.information import self_information
from xent.learn.numbers import shown
from xent.learn.pictures.parts import width_of
from xent.learn.svg import Frame, bar, handle, line, picture, text
from xent.units import Unit

__all__ = ["EVENTS", "Pair", "curve", "events", "pair_of", "product", "told_by"]

T = Callable[..., str]

# the two teams are what someone may have believed beforehand; the others are counted
EVENTS = {
    "brazil": 0.95,
    "china": 0.05,
    "coin": 1 / 2,
    "six": 1 / 6,
    "birthday": 1 / 365,
    "flush": 4 / math.comb(52, 5),
    "lottery": 1 / math.comb(49, 6),
}
TOP: dict[str, float] = {"nat": 5.0, "bit": 7.0}


def told_by(p: float, unit: Unit) -> float:
    """Return what an event of probability p tells.

    >>> told_by(0.25, "bit")
    2.0
    """
    return float(self_information(p, unit=unit))


def curve(t: T) -> Callable[[dict[str, Any], int], str]:
    """Return how -log p is drawn, with a dot to drag."""

    def draw(values: dict[str, Any], width: int) -> str:
        unit: Unit = values["unit"]
        p, top = float(values["p"]), TOP[unit]
        tells = told_by(p, unit)
        frame = Frame(x=(0, 1), y=(0, top), left=38, right=width - 16, top=36, bottom=286)
        # the curve leaves the picture at the probability that tells as much as the picture is high
        steepest = 2.0**-top if unit == "bit" else math.exp(-top)
        grid = np.geomspace(steepest, 1, 160)
        heights = self_information(grid, unit=unit)
        x, y = frame.at_x(p), frame.at_y(min(tells, top))
        few = [0, 0.5, 1]
        parts = [
            frame.axes(
                t("axis_p"),
                t("axis_information", unit=t(unit)),
                x_ticks=[0, 0.25, 0.5, 0.75, 1] if width > 500 else few,
                y_ticks=[float(i) for i in range(int(top) + 1)],
            ),
            frame.curve(zip(grid, heights, strict=True), "line-p"),
        ]
        parts.append(line(x, frame.bottom, x, y, "dash-p"))
        if tells <= top:
            parts.append(line(frame.left, y, x, y, "dash-p"))
        # the words stand where the curve is not
        level = max(y - (32 if p > 0.7 else 14), frame.top + 24)
        look = "text-p halo end" if p > 0.7 else "text-p halo"
        words = f"−log {shown(p, 3)} = {shown(tells)} {t(unit)}"
        # to the right of the dot, as far as there is room
        start = min(x + 16, width - 6 - width_of(words))
        parts.append(text(words, x=x - 12 if p > 0.7 else start, y=level, class_=look))
        parts.append(frame.handle("p", p, min(tells, top), "p", along="x", low=0, high=1))
        label = t("curve_label", p=shown(p, 3), information=shown(tells), unit=t(unit))
        return picture(width, 330, *parts, label=label)

    return draw


def events(t: T, unit: Unit, p: float) -> Callable[[int], str]:
    """Return how events of everyday life are drawn, beside the one of probability p."""

    def draw(width: int) -> str:
        rows = {name: told_by(chance, unit) for name, chance in EVENTS.items()}
        most = max(rows.values())
        yours = told_by(p, unit)
        row, top, left, right = 44, 30, 8, width - 78
        bottom = top + len(rows) * row
        parts = []
        if math.isfinite(yours):
            x = left + (right - left) * min(yours / most, 1)
            anchor = "end" if x > width / 2 else ""
            # beside the bars only: it does not run through the names of the events
            spans = [(top - 8, top - 2)]
            spans += [(top + i * row + 17, top + i * row + 36) for i in range(len(rows))]
            parts += [line(x, start, x, end, "dash-ink") for start, end in spans]
            parts.append(text(t("yours", p=shown(p, 3)), x=x, y=top - 14, class_=f"label {anchor}"))
        for i, name in enumerate(sorted(rows, key=lambda n: rows[n])):
            y = top + i * row
            size = max(2.0, (right - left) * rows[name] / most)
            chance = EVENTS[name]
            odds = f"{chance:.0%}" if chance > 0.5 or name == "china" else f"1 : {1 / chance:,.0f}"
            parts += [
                text(t(f"event_{name}"), x=left, y=y + 12, class_="strong halo"),
                text(odds, x=width - 8, y=y + 12, class_="end tick"),
                bar(left, y + 19, size, 13, "fill-p"),
                text(shown(rows[name]), x=left + size + 7, y=y + 30, class_="text-p halo"),
            ]
        label = t("events_label", unit=t(unit))
        return picture(width, bottom + 6, *parts, label=label)

    return draw


@dataclass(frozen=True)
class Pair:
    """Two independent events: their probabilities multiply, what they tell adds."""

    a: float
    b: float
    both: float
    tells_a: float
    tells_b: float
    tells_both: float
    unit: Unit


def pair_of(values: Mapping[str, Any]) -> Pair:
    """Return both events and the event that both happen.

    >>> pair = pair_of({"a": 0.5, "b": 0.25, "unit": "bit"})
    >>> pair.both, pair.tells_a, pair.tells_b, pair.tells_both
    (0.125, 1.0, 2.0, 3.0)
    """
    unit: Unit = values["unit"]
    a, b = float(values["a"]), float(values["b"])
    return Pair(a, b, a * b, told_by(a, unit), told_by(b, unit), told_by(a * b, unit), unit)


def product(t: T) -> Callable[[dict[str, Any], int], str]:
    """Return how an area that is multiplied and a length that is added are drawn side by side."""

    def draw(values: dict[str, Any], width: int) -> str:
        found = pair_of(values)
        side = 200.0
        frame = Frame(x=(0, 1), y=(0, 1), left=40, right=40 + side, top=34, bottom=34 + side)
        x, y = frame.at(found.a, found.b)
        parts = [
            bar(frame.left, frame.top, side, side, "soft-muted"),
            bar(frame.left, frame.bottom, x - frame.left, y - frame.bottom, "soft-p"),
            line(frame.left, frame.bottom, x, frame.bottom, "line-a"),
            line(frame.left, frame.bottom, frame.left, y, "line-b"),
            text(t("area", p=shown(found.both, 3)), x=frame.left + 8, y=frame.bottom - 10,
                 class_="text-p halo"),
            text("A", x=(frame.left + x) / 2, y=frame.bottom + 22, class_="mid text-a"),
            text("B", x=frame.left - 22, y=(frame.bottom + y) / 2 + 5, class_="text-b"),
            text("1", x=frame.right, y=frame.bottom + 22, class_="tick mid"),
            text("1", x=frame.left - 14, y=frame.top + 5, class_="tick"),
            handle("a", x, frame.bottom, "a", along="x", start=frame.left, end=frame.right),
            handle("b", frame.left, y, "b", along="y", start=frame.bottom, end=frame.top),
        ]  # fmt: skip
        wide = width > 500
        left, top = (310.0, 62.0) if wide else (12.0, frame.bottom + 68)
        room = width - left - 12
        # what is longer ends at the edge
        longest = 1.2 * TOP[found.unit]
        first, second, whole = (
            min(tells / longest, 1) * room if math.isfinite(tells) else room
            for tells in (found.tells_a, found.tells_b, found.tells_both)
        )
        second = min(second, room - first)
        unit = t(found.unit)
        parts += [
            text(f"I(A) + I(B) = {shown(found.tells_a)} + {shown(found.tells_b)}",
                 x=left, y=top - 10, class_="strong"),
            bar(left, top, first, 26, "fill-a"),
            bar(left + first, top, second, 26, "fill-b"),
            text(f"I({t('both')}) = {shown(found.tells_both)} {unit}", x=left, y=top + 64,
                 class_="text-p"),
            bar(left, top + 74, whole, 26, "fill-p"),
        ]  # fmt: skip
        label = t("product_label", both=shown(found.both, 3), a=shown(found.tells_a),
                  b=shown(found.tells_b), sum=shown(found.tells_both))  # fmt: skip
        return picture(width, 274 if wide else top + 112, *parts, label=label)

    return draw
