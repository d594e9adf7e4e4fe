"""Rows by their loss: how many above the line, how much of the loss below it."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from itertools import pairwise

from xent.evaluation.numbers import number as shown
from xent.evaluation.numbers import percent
from xent.report.page.charts.svg import chart, pc, tag, text
from xent.report.page.model import Surprise
from xent.report.page.texts import Translate

__all__ = ["draw", "tail_text"]

TOP, HALF, AXIS = 24, 110, 40  # above the bars; one half; the labels between the halves
HEIGHT = TOP + 2 * HALF + AXIS + 22
NATS = {"nat": 1.0, "bit": math.log(2), "ban": math.log(10)}


def tail_text(s: Surprise, t: Translate) -> str:
    """Return the sentence of the worst rows, or nothing."""
    if s.worst_share is None or s.worst_low is None or s.worst_high is None:
        return ""
    low, high = percent(s.worst_low), percent(s.worst_high)
    carry = low if low == high else t("interval_of", low=low, high=high)
    return t("tail_says", share=_whole(s.worst_share), carry=carry)


def draw(s: Surprise, t: Translate, ident: str, unit: str) -> str:
    """Return the chart."""
    first, last = math.log(s.edges[0]), math.log(s.edges[-1])
    span = (last - first) or 1.0

    def x(loss: float) -> float:
        return min(1.0, max(0.0, (math.log(loss) - first) / span)) if loss > 0 else 0.0

    widths = [x(b) - x(a) for a, b in pairwise(s.edges)]
    # areas are shares: bars are not equally wide. Each half has its own scale, as the rows of
    # a sure model are all in one bar
    halves = (
        (True, s.rows, max(r / w for r, w in zip(s.rows, widths, strict=True))),
        (False, s.loss, max(v / w for v, w in zip(s.loss, widths, strict=True))),
    )
    upper, lower = TOP + HALF, TOP + HALF + AXIS
    parts = [
        tag("line", x1=0, x2="100%", y1=upper + 0.5, y2=upper + 0.5, class_="axis"),
        tag("line", x1=0, x2="100%", y1=lower - 0.5, y2=lower - 0.5, class_="axis"),
    ]
    for up, shares, most in halves:
        for (low, high), width, share in zip(pairwise(s.edges), widths, shares, strict=True):
            if share <= 0:
                continue
            size = max(1.0, HALF * share / width / most)
            tip = f"{shown(low, 2)} – {shown(high, 2)}: {percent(share)}"
            parts.append(
                tag(
                    "rect",
                    tag("title", escape(tip)),
                    x=pc(x(low)),
                    width=pc(max(0.001, width - 0.002)),
                    y=upper - size if up else lower,
                    height=size,
                    class_="rows" if up else "loss",
                )
            )
    if s.below:
        # the first bar begins at 0
        parts.append(text(f"< {shown(s.edges[1], 1)}", x=0, y=upper + 18, class_="tick"))
    for tick in _decades(s.edges[0], s.edges[-1]):
        at = x(tick)
        if s.below and at < 0.2:
            continue
        anchor = "start" if at < 0.04 else "end" if at > 0.96 else "middle"
        parts.append(tag("line", x1=pc(at), x2=pc(at), y1=upper, y2=upper + 4, class_="mark"))
        parts.append(text(_plain(tick), x=pc(at), y=upper + 18, text_anchor=anchor, class_="tick"))
        p = percent(math.exp(-tick * NATS[unit]))
        parts.append(text(p, x=pc(at), y=upper + 33, text_anchor=anchor, class_="tick pale"))
    parts += _tail(s, t, x)
    parts.append(text(t("share_of_rows"), x=0, y=14, class_="small"))
    parts.append(text(t("share_of_the_loss"), x=0, y=HEIGHT - 6, class_="small"))
    low, high = _middle(s)
    description = t("surprise_text", low=shown(low, 2), high=shown(high, 2), tail=tail_text(s, t))
    return chart(
        ident, t("surprise_title"), description, *parts, class_="chart", width="100%", height=HEIGHT
    )


def _tail(s: Surprise, t: Translate, x: Callable[[float], float]) -> list[str]:
    if s.worst_from is None or s.worst_share is None or not s.worst_from > 0:
        return []
    at = x(s.worst_from)
    anchor, shift = ("end", -6) if at > 0.5 else ("start", 6)
    label = t("tail_mark", share=_whole(s.worst_share))
    return [
        tag("line", x1=pc(at), x2=pc(at), y1=TOP, y2=HEIGHT - 22, class_="cut"),
        text(label, x=pc(at), dx=shift, y=14, text_anchor=anchor, class_="small"),
    ]


def _middle(s: Surprise) -> tuple[float, float]:
    """Return the edges of the bars that hold the middle four fifths of the rows."""
    low, high, seen = s.edges[0], s.edges[-1], 0.0
    started = False
    for left, right, share in zip(s.edges[:-1], s.edges[1:], s.rows, strict=True):
        seen += share
        if not started and seen >= 0.1:
            low, started = left, True
        if seen >= 0.9:
            high = right
            break
    return low, high


def _decades(low: float, high: float) -> list[float]:
    """Return powers of ten, thinned to at most seven."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / 7))
    return [10.0**k for k in range(last, first - 1, -step)][::-1]


def _plain(value: float) -> str:
    return f"{value:g}"


def _whole(share: float) -> str:
    return f"{100 * share:g} %"
