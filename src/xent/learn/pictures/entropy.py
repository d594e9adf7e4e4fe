"""Entropy as an area: what each event tells, times how often it happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.information import binary_entropy, entropy, perplexity, self_information
from xent.learn.numbers import of_one, shown
from xent.learn.pictures.parts import width_of
from xent.learn.svg import Frame, bar, circle, handle, line, path, picture, tag, text
from xent.units import NATS_PER, Unit

__all__ = [
    "ARTICLE",
    "EVENTS",
    "LOTTERY",
    "Terms",
    "as_printed",
    "coin",
    "coin_entropy",
    "coin_tells",
    "kept_at_one",
    "simplex",
    "terms",
    "terms_of",
]

T = Callable[..., str]
EVENTS = ("a", "b", "c")
ARTICLE = {"a": 0.7, "b": 0.2, "c": 0.1}
TOLERANCE = 1e-9  # of the sum: the sliders add up in float64
LOTTERY = 1 / math.comb(49, 6)  # six right numbers of 49


@dataclass(frozen=True)
class Terms:
    """Three events: what each tells and adds, and the entropy if the sum of p is one."""

    p: tuple[float, ...]
    information: tuple[float, ...]
    parts: tuple[float, ...]
    total: float
    entropy: float | None
    largest: float
    perplexity: float | None
    unit: Unit

    @property
    def one(self) -> bool:
        """Whether the probabilities sum to one."""
        return self.entropy is not None


def terms_of(values: Mapping[str, Any]) -> Terms:
    """Return the terms of the entropy of the events `a`, `b` and `c`, in `unit`.

    >>> terms = terms_of({"a": 0.7, "b": 0.2, "c": 0.1, "unit": "nat"})
    >>> round(terms.entropy, 4)
    0.8018
    """
    unit: Unit = values["unit"]
    p = tuple(float(values[name]) for name in EVENTS)
    information = tuple(float(i) for i in self_information(p, unit=unit))
    parts = tuple(x * i if x > 0 else 0.0 for x, i in zip(p, information, strict=True))
    total = math.fsum(p)
    whole = float(entropy(p, unit=unit)) if abs(total - 1) <= TOLERANCE else None
    as_many = float(perplexity(p)) if whole is not None else None
    largest = float(entropy([1 / 3] * 3, unit=unit))
    return Terms(p, information, parts, total, whole, largest, as_many, unit)


def as_printed(terms: Terms) -> tuple[str, float] | None:
    """Return how the article adds up its own three events, in nats; None for other numbers.

    It rounds what each event tells to two digits first.

    >>> as_printed(terms_of({**ARTICLE, "unit": "nat"}))
    ('0.7 × 0.36 + 0.2 × 1.61 + 0.1 × 2.30', 0.804)
    """
    if terms.p != tuple(ARTICLE.values()) or terms.unit != "nat":
        return None
    rounded = [f"{i:.2f}" for i in terms.information]
    written = " + ".join(f"{p:g} × {i}" for p, i in zip(terms.p, rounded, strict=True))
    total = math.fsum(p * float(i) for p, i in zip(terms.p, rounded, strict=True))
    return written, round(total, 9)


def kept_at_one(values: Mapping[str, Any], moved: str) -> dict[str, float]:
    """Return the other probabilities, in the same proportion, so that all sum to one.

    >>> kept_at_one({"a": 0.4, "b": 0.2, "c": 0.1, "keep": "on"}, "a")
    {'b': 0.4, 'c': 0.2}
    """
    if values["keep"] != "on" or moved not in (*EVENTS, "keep"):
        return {}
    if moved == "keep":
        total = math.fsum(values[e] for e in EVENTS)
        return {e: values[e] / total if total else 1 / 3 for e in EVENTS}
    others = [e for e in EVENTS if e != moved]
    rest, left = 1 - values[moved], math.fsum(values[e] for e in others)
    # two events of probability 0 share what is left
    first = rest * values[others[0]] / left if left else rest / 2
    first = round(first, 12)
    return {others[0]: first, others[1]: max(0.0, round(rest - first, 12))}


def terms(t: T) -> Callable[[dict[str, Any], int], str]:
    """Return how the areas are drawn: width p, height -log p."""

    def draw(values: dict[str, Any], width: int) -> str:
        found = terms_of(values)
        top = 5.0 if found.unit == "nat" else 7.0
        frame = Frame(
            x=(0, max(1.0, found.total)), y=(0, top), left=38, right=width - 14, top=34, bottom=264
        )
        parts = [frame.axes(t("axis_share"), t("axis_information", unit=t(found.unit)))]
        left = 0.0
        average = -1.0 if found.entropy is None else frame.at_y(found.entropy)
        for name, p, tells, part in zip(
            EVENTS, found.p, found.information, found.parts, strict=True
        ):
            x, wide = frame.at_x(left), frame.at_x(left + p) - frame.at_x(left)
            y = frame.at_y(min(tells, top))
            middle = x + wide / 2
            if p > 0:
                parts.append(bar(x, frame.bottom, wide, y - frame.bottom, f"soft-{name}"))
                parts.append(line(x, y, x + wide, y, f"line-{name}"))
            # the line of the average does not run through the words
            base = min(y, average) if y - 40 < average < y + 8 else y
            look = f"mid text-{name} halo"
            if wide > 34:
                area = shown(part, 3)
                if wide > 140:
                    area = f"{of_one(p)} × {shown(tells, 3)} = {area}"
                parts.append(text(area, x=middle, y=base - 8, class_=look))
            event = t(f"event_{name}")
            if width_of(event) < wide + 8:
                parts.append(text(event, x=middle, y=base - (24 if wide > 34 else 8), class_=look))
            left += p
        if found.entropy is not None:
            y = frame.at_y(found.entropy)
            parts.append(line(frame.left, y, frame.right, y, "dash-ink"))
            words = f"H = {shown(found.entropy)} {t(found.unit)}"
            parts.append(text(words, x=frame.right, y=frame.top - 12, class_="end strong"))
            # a border that moves needs another event that gives way
            borders = (("a", found.p[0]), ("c", 1 - found.p[2])) if values["keep"] == "on" else ()
            for name, at in borders:
                start, end = (0.0, 1.0) if name == "a" else (1.0, 0.0)
                parts.append(handle(name, frame.at_x(at), frame.bottom, name, along="x",
                                    start=frame.at_x(start), end=frame.at_x(end)))  # fmt: skip
        else:
            x = frame.at_x(1)
            parts.append(line(x, frame.top, x, frame.bottom, "dash-bad"))
            parts.append(text(t("sum_is", total=of_one(found.total)), x=x - 6, y=frame.top + 12,
                              class_="end text-bad halo"))  # fmt: skip
        names = ", ".join(
            f"{t(f'event_{e}')} {of_one(p)}" for e, p in zip(EVENTS, found.p, strict=True)
        )
        whole = "–" if found.entropy is None else shown(found.entropy)
        label = t("terms_label", names=names, entropy=whole, unit=t(found.unit))
        return picture(width, 308, *parts, label=label)

    return draw


CORNERS = np.array([[0.5, 0.0], [0.0, 1.0], [1.0, 1.0]])  # where a, b, c are certain
SHARES = (0.2, 0.4, 0.6, 0.8, 0.95)


def level(share: float) -> np.ndarray[Any, Any]:
    """Return distributions around the middle whose entropy is a share of log 3.

    Entropy is concave, so it falls along every ray from the middle, and halving finds the place;
    a ray that ends at an edge before it is where that edge is.
    """
    # closer together towards the corners, where a ring of little entropy is
    third = np.pi / 3 * np.linspace(-1, 1, 30, endpoint=False) ** 3
    angles = np.concatenate([np.pi / 6 + corner * 2 * np.pi / 3 + third for corner in range(3)])
    across = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2.0], [6.0]])
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ across
    # how far it is to the edge, where a probability is 0
    far = 1 / 3 / np.max(-directions, axis=1)
    low, high = np.zeros(len(angles)), far
    for _ in range(40):
        middle = (low + high) / 2
        p = np.maximum(1 / 3 + middle[:, None] * directions, 0)
        inside = entropy(p / p.sum(1, keepdims=True)) >= share * math.log(3)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return 1 / 3 + low[:, None] * directions


def simplex(t: T, values: Mapping[str, Any]) -> Callable[[int], str]:
    """Return how the triangle of all distributions is drawn, with the present one as a dot."""

    def draw(width: int) -> str:
        found = terms_of(values)
        side = min(width - 60, 380)
        height = side * math.sqrt(3) / 2
        left, top = (width - side) / 2, 34

        def at(p: Any) -> tuple[float, float]:
            x, y = np.asarray(p) @ CORNERS
            return left + float(x) * side, top + float(y) * height

        parts = [tag("path", d=path([at(e) for e in np.eye(3)], closed=True), class_="soft-p")]
        for share in SHARES:
            ring = level(share)
            parts.append(tag("path", d=path([at(p) for p in ring], closed=True), class_="soft-p"))
            x, y = at(ring[np.argmax(ring[:, 0])])
            parts.append(text(f"{share:.0%}", x=x, y=y + 4, class_="mid halo"))
        x, y = at([1 / 3] * 3)
        parts.append(circle(x, y, 3, "fill-ink"))
        parts.append(text("log 3", x=x + 9, y=y + 4, class_="strong halo"))
        for name, corner, anchor, dy in zip(
            EVENTS, np.eye(3), ("mid", "", "end"), (-12, 22, 22), strict=True
        ):
            x, y = at(corner)
            parts.append(text(t(f"event_{name}"), x=x, y=y + dy, class_=f"text-{name} {anchor}"))
        if found.one:
            parts.append(circle(*at(found.p), 8, "fill-p knob"))
        label = t("simplex_label")
        return picture(width, top + height + 34, *parts, label=label)

    return draw


def coin_entropy(values: Mapping[str, Any]) -> float:
    """Return the entropy of two outcomes, in the unit that is shown."""
    return float(binary_entropy(float(values["p"]), unit=values["unit"]))


def coin_tells(values: Mapping[str, Any]) -> tuple[float, float]:
    """Return what heads and what tails tell."""
    p = float(values["p"])
    heads, tails = self_information([p, 1 - p], unit=values["unit"])
    return float(heads), float(tails)


def coin(t: T) -> Callable[[dict[str, Any], int], str]:
    """Return how the entropy of two outcomes is drawn, with a dot to drag."""

    def draw(values: dict[str, Any], width: int) -> str:
        unit: Unit = values["unit"]
        top = 0.75 if unit == "nat" else 1.08
        frame = Frame(x=(0, 1), y=(0, top), left=46, right=width - 16, top=34, bottom=244)
        grid = np.linspace(0, 1, 201)
        heights = binary_entropy(grid, unit=unit)
        most = math.log(2) / NATS_PER[unit]
        p, h = float(values["p"]), coin_entropy(values)
        ticks = [0, 0.25, 0.5, 0.75, 1] if width > 500 else [0, 0.5, 1]
        x, y = frame.at(p, h)
        anchor = "mid" if 0.2 < p < 0.8 else "" if p <= 0.2 else "end"
        parts = [
            frame.axes(t("axis_p"), t("axis_entropy", unit=t(unit)), x_ticks=ticks,
                       y_ticks=[0, 0.2, 0.4, 0.6] if unit == "nat" else [0, 0.25, 0.5, 0.75, 1]),
            frame.area(list(zip(grid, heights, strict=True)), "soft-p"),
            line(*frame.at(0, most), *frame.at(1, most), "dash-muted"),
            text(f"log 2 = {shown(most)} {t(unit)}", x=frame.right, y=frame.at_y(most) - 7,
                 class_="end label halo"),
            frame.curve(zip(grid, heights, strict=True), "line-p"),
            line(x, y, x, frame.bottom, "dash-p"),
            text(f"H = {shown(h)}", x=x, y=y + 30 if h > 0.2 else y - 18,
                 class_=f"text-p halo {anchor}"),
            frame.handle("p", p, h, "p", along="x", low=0, high=1),
        ]  # fmt: skip
        label = t("coin_label", p=shown(p, 3), entropy=shown(h), unit=t(unit))
        return picture(width, 288, *parts, label=label)

    return draw
