"""KL divergence and cross-entropy: two distributions as bars, and a sum as a length."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.diagnostics.policy import checks
from xent.information import binary_entropy, cross_entropy, entropy, kl_divergence
from xent.learn.numbers import of_one, shown
from xent.learn.svg import Frame, bar, handle, line, picture, tag, text
from xent.units import Unit

__all__ = [
    "DAYS",
    "Costs",
    "bars",
    "believed",
    "binary",
    "binary_of",
    "costs_of",
    "kept_at_one",
    "total",
]

T = Callable[..., str]
DAYS = ("sun", "cloud", "rain")


@dataclass(frozen=True)
class Costs:
    """What p leaves open, what believing q costs on top, and both together."""

    p: tuple[float, ...]
    q: tuple[float, ...]
    entropy: float
    divergence: float
    cross_entropy: float
    swapped: float
    impossible: str | None  # the first day that happens and that q rules out
    unit: Unit


def costs_of(values: Mapping[str, Any]) -> Costs:
    """Return the measures of p and q, which are under `p_sun`, ..., `q_rain`.

    >>> article = {"p_sun": 1, "p_cloud": 0, "p_rain": 0, "unit": "nat"}
    >>> costs = costs_of(article | {"q_sun": 0.7, "q_cloud": 0.2, "q_rain": 0.1})
    >>> costs.entropy, round(costs.divergence, 4), round(costs.cross_entropy, 4), costs.swapped
    (0.0, 0.3567, 0.3567, inf)
    """
    unit: Unit = values["unit"]
    p, q = (tuple(float(values[f"{which}_{day}"]) for day in DAYS) for which in "pq")
    with checks(silence=["D27"]):  # infinity is no mishap here: the page tells of it
        costs, price, swapped = (
            float(measure(*pair, unit=unit))
            for measure, pair in ((cross_entropy, (p, q)), (kl_divergence, (p, q)),
                                  (kl_divergence, (q, p)))
        )  # fmt: skip
    impossible = next((d for d, x, y in zip(DAYS, p, q, strict=True) if x > 0 and y == 0), None)
    return Costs(
        p, q,
        float(entropy(p, unit=unit)), price, costs, swapped, impossible, unit,
    )  # fmt: skip


def believed(p: tuple[float, ...], q: tuple[float, ...]) -> dict[str, float]:
    """Return the values of the controls for two distributions."""
    named = {f"p_{day}": x for day, x in zip(DAYS, p, strict=True)}
    return named | {f"q_{day}": x for day, x in zip(DAYS, q, strict=True)}


def kept_at_one(values: Mapping[str, Any], moved: str) -> dict[str, float]:
    """Return the other bars of the distribution that moved, in proportion, so that it sums to one.

    >>> kept_at_one({"q_sun": 0.6, "q_cloud": 0.3, "q_rain": 0.3}, "q_sun")
    {'q_cloud': 0.2, 'q_rain': 0.2}
    """
    if moved[:2] not in ("p_", "q_"):
        return {}
    first, second = (f"{moved[:2]}{day}" for day in DAYS if not moved.endswith(day))
    rest, left = 1 - values[moved], values[first] + values[second]
    # two that are 0 share what is left
    one = round(rest * values[first] / left if left else rest / 2, 12)
    return {first: one, second: max(0.0, round(rest - one, 12))}


def bars(t: T) -> Callable[[dict[str, Any], int], str]:
    """Return how p and q are drawn, to be dragged, over the sum H(p) + KL = H(p, q)."""

    def draw(values: dict[str, Any], width: int) -> str:
        found = costs_of(values)
        frame = Frame(x=(0, 3), y=(0, 1), left=38, right=width - 12, top=34, bottom=224)
        parts = [frame.axes("", t("axis_share"), x_ticks=[], y_ticks=[0, 0.25, 0.5, 0.75, 1])]
        group = (frame.right - frame.left) / 3
        thick = min(58.0, group * 0.34)
        for i, day in enumerate(DAYS):
            middle = frame.at_x(i + 0.5)
            parts.append(text(t(f"day_{day}"), x=middle, y=frame.bottom + 20, class_="mid strong"))
            for which, x, share in (
                ("p", middle - thick - 3, found.p[i]),
                ("q", middle + 3, found.q[i]),
            ):
                name, y = f"{which}_{day}", frame.at_y(share)
                # the column around the bar is dragged too: a bar of height 0 can be found
                parts.append(
                    bar(x, frame.top, thick, frame.bottom - frame.top, "grip column",
                        data_handle=name, data_along="y", data_from=f"{frame.bottom}",
                        data_to=f"{frame.top}")
                )  # fmt: skip
                parts.append(bar(x, frame.bottom, thick, y - frame.bottom, f"soft-{which} still"))
                parts.append(
                    handle(name, x + thick / 2, y, which, along="y", start=frame.bottom,
                           end=frame.top)
                )  # fmt: skip
                parts.append(
                    text(of_one(share), x=x + thick / 2, y=y - 13, class_=f"mid text-{which} halo")
                )
        parts += _legend(t, frame, width)
        parts += _sum(t, found, width, frame.bottom + 62)
        label = t("bars_label", p=_listed(found.p), q=_listed(found.q), h=shown(found.entropy),
                  kl=shown(found.divergence), ce=shown(found.cross_entropy))  # fmt: skip
        return picture(width, frame.bottom + 182, *parts, label=label)

    return draw


def total(t: T, values: Mapping[str, Any]) -> Callable[[int], str]:
    """Return how the sum alone is drawn, H(p) + KL(p‖q) = H(p, q)."""

    def draw(width: int) -> str:
        found = costs_of(values)
        label = t("bars_label", p=_listed(found.p), q=_listed(found.q), h=shown(found.entropy),
                  kl=shown(found.divergence), ce=shown(found.cross_entropy))  # fmt: skip
        parts = _sum(t, found, width, 16, longest=found.cross_entropy)
        return picture(width, 116, *parts, label=label)

    return draw


def _listed(p: tuple[float, ...]) -> str:
    return ", ".join(map(of_one, p))


def _legend(t: T, frame: Frame, width: int) -> list[str]:
    p, q = (t("legend_p"), t("legend_q")) if width > 500 else ("p", "q")
    at = frame.right
    return [text(q, x=at, y=14.0, class_="end text-q"),
            text(p, x=at - (190 if width > 500 else 30), y=14.0, class_="end text-p")]  # fmt: skip


def _sum(t: T, found: Costs, width: float, top: float, longest: float | None = None) -> list[str]:
    """Draw H(p) and KL end to end, over H(p, q), which is as long; infinity has no end."""
    left, right = 8.0, width - 12.0
    whole = found.cross_entropy
    endless = math.isinf(whole)
    if longest is None:
        longest = next((m for m in (2.5, 5, 10, 20, 40, 80) if endless or whole <= m), 160)
    scale = (right - left) / longest
    first = found.entropy * scale
    second = right - left - first if endless else found.divergence * scale
    third = right - left if endless else whole * scale
    parts = [
        tag(
            "text",
            _span(f"H(p) = {shown(found.entropy)}", "text-p"),
            _span(" + ", "strong"),
            _span(f"KL(p‖q) = {shown(found.divergence)}", "text-gap"),
            x=left,
            y=top,
        ),
        bar(left, top + 10, first, 26, "fill-p"),
        bar(left + first, top + 10, second, 26, "fill-gap"),
        bar(left, top + 46, third, 26, "fill-q"),
        text(f"= H(p, q) = {shown(whole)} {t(found.unit)}", x=left, y=top + 92, class_="text-q"),
    ]
    if endless:
        parts += [_torn(right, top + 10), _torn(right, top + 46)]
    return parts


def _span(content: str, look: str) -> str:
    return tag("tspan", content, class_=look)


def _torn(x: float, y: float) -> str:
    """A torn end of a bar: it goes on."""
    steps = [(x + 1, y - 1)]
    steps += [(x - (9 if i % 2 else 1), y + i * 6.5) for i in range(5)]
    steps += [(x + 1, y + 27)]
    return tag(
        "path", d="M" + "L".join(f"{a:g} {b:g}" for a, b in steps) + "Z", class_="fill-paper"
    )


def binary_of(values: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return entropy, divergence and cross-entropy of two outcomes with probabilities p and q."""
    p, q = ([float(values[k]), 1 - float(values[k])] for k in "pq")
    unit = values["unit"]
    with checks(silence=["D27"]):
        price, costs = (float(f(p, q, unit=unit)) for f in (kl_divergence, cross_entropy))
    return float(entropy(p, unit=unit)), price, costs


def binary(t: T) -> Callable[[dict[str, Any], int], str]:
    """Return how the cross-entropy of two outcomes is drawn over q, with its gap to the entropy."""

    def draw(values: dict[str, Any], width: int) -> str:
        unit: Unit = values["unit"]
        h, kl, ce = binary_of(values)
        p, q = float(values["p"]), float(values["q"])
        top = 3.0 if unit == "nat" else 4.0
        frame = Frame(x=(0, 1), y=(0, top), left=40, right=width - 16, top=36, bottom=276)
        # closer together at the ends, where the curves are steep
        grid = (1 - np.cos(np.linspace(0, np.pi, 401))) / 2
        one = np.stack([grid, 1 - grid], axis=-1)
        with checks(silence=["D27"]):
            costs = cross_entropy(np.broadcast_to([p, 1 - p], one.shape), one, unit=unit)
        costs = np.where(costs <= top, costs, np.nan)
        floor = binary_entropy(grid, unit=unit)
        x, low, high = frame.at_x(q), frame.at_y(h), frame.at_y(min(ce, top))
        right = q > 0.62
        look, beside = ("end", x - 14) if right else ("", x + 14)
        ticks = [0, 0.25, 0.5, 0.75, 1] if width > 500 else [0, 0.5, 1]
        parts = [
            frame.axes(t("axis_q"), t("axis_cost", unit=t(unit)), x_ticks=ticks,
                       y_ticks=[float(i) for i in range(int(top) + 1)]),
            frame.curve(zip(grid, floor, strict=True), "dash-p"),
            frame.curve(zip(grid, costs, strict=True), "line-q"),
            line(frame.left, low, frame.right, low, "dash-ink"),
            bar(x - 3, low, 6, high - low, "fill-gap"),
            text(f"KL = {shown(kl)}", x=beside, y=(low + high) / 2 + 4 if kl > 0.25 else high - 16,
                 class_=f"text-gap halo {look}"),
            text(f"H(p) = {shown(h)}", x=frame.left + 6, y=low + 16 if h > 0.25 else low - 7,
                 class_="text-p halo"),
            frame.handle("p", p, h, "p", along="x", low=0, high=1),
            frame.handle("q", q, min(ce, top), "q", along="x", low=0, high=1),
        ]  # fmt: skip
        label = t("binary_label", p=of_one(p), q=of_one(q), h=shown(h), kl=shown(kl), ce=shown(ce))
        return picture(width, 318, *parts, label=label)

    return draw
