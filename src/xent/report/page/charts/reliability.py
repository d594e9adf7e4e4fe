"""The reliability diagram: what was said against what happened, and how often it was said."""

from __future__ import annotations

import math
from collections.abc import Callable

from xent.report.page.charts.svg import chart, number, tag, text, ticks
from xent.report.page.model import Reliability, ReliabilityBin
from xent.report.page.texts import Translate

__all__ = ["draw", "is_outside"]

LEFT, TOP, SIDE = 38, 8, 312  # the square
GAP, BARS = 10, 56  # the histogram below
WIDTH, HEIGHT = LEFT + SIDE + 10, TOP + SIDE + GAP + BARS + 40
Along = Callable[[float], float]


def is_outside(b: ReliabilityBin) -> bool:
    """Whether a calibrated model would seldom show this bin."""
    if b.null_low is None or b.null_high is None:
        return False
    return not b.null_low <= b.frequency <= b.null_high


def draw(r: Reliability, t: Translate, ident: str) -> str:
    """Return the diagram over its histogram; both share the axis of forecasts."""
    end = r.extent

    def x(value: float) -> float:
        return LEFT + SIDE * min(1.0, max(0.0, value / end))

    def y(value: float) -> float:
        return TOP + SIDE * (1 - min(1.0, max(0.0, value / end)))

    parts = []
    for tick in ticks(0, end, 6):
        parts.append(tag("line", x1=LEFT, x2=LEFT + SIDE, y1=y(tick), y2=y(tick), class_="grid"))
        parts.append(text(f"{tick:g}", x=LEFT - 6, y=y(tick) + 4, text_anchor="end", class_="tick"))
        anchor = "end" if tick == end else "middle"
        bottom = TOP + SIDE + GAP + BARS
        parts.append(text(f"{tick:g}", x=x(tick), y=bottom + 15, text_anchor=anchor, class_="tick"))
    parts += _band(r, x, y)
    parts.append(tag("line", x1=x(0), y1=y(0), x2=x(end), y2=y(end), class_="diagonal"))
    line = " ".join(f"{number(x(b.forecast))},{number(y(b.frequency))}" for b in r.bins)
    parts.append(tag("polyline", points=line, class_="curve"))
    for b in r.bins:
        at = x(b.forecast)
        if b.low is not None and b.high is not None:
            parts.append(tag("line", x1=at, x2=at, y1=y(b.low), y2=y(b.high), class_="error"))
        if is_outside(b):
            # another shape as well as another colour
            cy, s = y(b.frequency), 5.0
            corners = ((at, cy - s), (at + s, cy), (at, cy + s), (at - s, cy))
            points = " ".join(f"{number(a)},{number(c)}" for a, c in corners)
            parts.append(tag("polygon", points=points, class_="outside"))
        else:
            parts.append(tag("circle", cx=at, cy=y(b.frequency), r=3.5, class_="inside"))
    parts += _histogram(r, x)
    parts.append(text(t("frequency"), x=LEFT + 6, y=TOP + 14, class_="small halo"))
    parts.append(
        text(t("forecast"), x=LEFT + SIDE, y=HEIGHT - 4, text_anchor="end", class_="small")
    )
    outside = sum(map(is_outside, r.bins))
    return chart(
        ident,
        t("reliability_title", name=r.name),
        t("reliability_text", bins=len(r.bins), outside=outside),
        *parts,
        class_="chart square",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
    )


def _band(r: Reliability, x: Along, y: Along) -> list[str]:
    """The band of a calibrated model; a single bin has one bar of it."""
    known = [
        (b.forecast, b.null_low, b.null_high)
        for b in r.bins
        if b.null_low is not None and b.null_high is not None
    ]
    if not known:
        return []
    if len(known) == 1:
        at, low, high = known[0]
        return [tag("line", x1=x(at), x2=x(at), y1=y(low), y2=y(high), class_="band-line")]
    upper = [f"{number(x(at))},{number(y(high))}" for at, _, high in known]
    lower = [f"{number(x(at))},{number(y(low))}" for at, low, _ in reversed(known)]
    return [tag("polygon", points=" ".join(upper + lower), class_="band")]


def _histogram(r: Reliability, x: Along) -> list[str]:
    base = TOP + SIDE + GAP + BARS
    parts = [tag("line", x1=LEFT, x2=LEFT + SIDE, y1=base, y2=base, class_="axis")]
    if r.counts:
        places = list(zip(r.edges[:-1], r.edges[1:], r.counts, strict=True))
    else:
        # needles at the forecasts, as wide as the square is divided
        half = 0.006 * r.extent
        places = [(b.forecast - half, b.forecast + half, b.count) for b in r.bins]
    most = max((count for *_, count in places), default=0)
    if most <= 0:
        return parts
    for low, high, count in places:
        if count <= 0:
            continue
        # square roots: a bar of few rows is still seen beside one of many
        height = max(1.0, BARS * math.sqrt(count / most))
        left, width = x(low), x(high) - x(low)
        inset = 0.5 if width > 3 else 0.0
        parts.append(
            tag(
                "rect",
                x=left + inset,
                width=max(1.0, width - 2 * inset),
                y=base - height,
                height=height,
                class_="bar",
            )
        )
    return parts
