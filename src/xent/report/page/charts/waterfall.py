"""The parts of the score as bars that start where the last one ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from xent.evaluation.numbers import number as shown
from xent.evaluation.numbers import round_down
from xent.report.page.charts.svg import chart, pc, tag, text
from xent.report.page.model import Term, Waterfall
from xent.report.page.texts import Translate
from xent.report.page.written import fixed, places

__all__ = ["draw", "steps"]

STEP, BAR, TOP = 52, 18, 22
Along = Callable[[float], float]


class Step(NamedTuple):
    """One bar: from `start` to `end`; `term` is None for what has no interval."""

    key: str
    start: float
    end: float
    sign: str
    look: str
    term: Term | None


def steps(w: Waterfall) -> list[Step]:
    """Return the bars from the uncertainty to the score."""
    u, r, m = w.uncertainty, w.resolution, w.miscalibration
    after = u.value - r.value
    found = [
        Step("uncertainty", 0.0, u.value, "", "neutral", u),
        Step("resolution", u.value, after, "−", "gain", r),
        Step("miscalibration", after, after + m.value, "+", "cost", m),
    ]
    if w.remainder:
        sign = "+" if w.remainder > 0 else "−"
        look = "cost" if w.remainder > 0 else "gain"
        found.append(Step("remainder", after + m.value, w.score, sign, look, None))
    return [*found, Step("total", 0.0, w.score, "", "score", None)]


def draw(w: Waterfall, t: Translate, ident: str) -> str:
    """Return the chart: a line of text and a bar for each part."""
    found = steps(w)
    low = min(0.0, *(min(s.start, s.end) for s in found))
    high = max(*(max(s.start, s.end) for s in found), w.uncertainty.high or 0.0)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return min(1.0, max(0.0, (value - low) / span))

    decimals = places([s.end for s in found])
    bars, labels = [], []
    for i, step in enumerate(found):
        y = i * STEP + TOP
        left, right = sorted((x(step.start), x(step.end)))
        bars.append(_bar(left, right, y, step.look))
        bars += _null(step, x, y)
        bars += _whisker(step, x, y + BAR / 2)
        if i + 1 < len(found):
            # the next bar starts here
            at = pc(x(step.end))
            below = y + STEP if found[i + 1].sign else y + STEP + BAR
            bars.append(tag("line", x1=at, x2=at, y1=y + BAR, y2=below, class_="link"))
        least = w.is_least and step.key in ("miscalibration", "total")
        labels += _label(step, i * STEP + 14, t, decimals, "≥ " if least else "")
    description = t(
        "waterfall_clipped"
        if w.remainder
        else "waterfall_least"
        if w.is_least
        else "waterfall_text",
        uncertainty=shown(w.uncertainty.value),
        resolution=shown(w.resolution.value),
        miscalibration=shown(w.miscalibration.value),
        remainder=shown(w.remainder),
        score=shown(w.score),
    )
    return chart(
        ident,
        t("waterfall_title", name=w.name),
        description,
        *bars,
        *labels,
        class_="chart",
        width="100%",
        height=len(found) * STEP - 6,
    )


def _label(step: Step, y: float, t: Translate, decimals: int, bound: str) -> list[str]:
    """The name and the size of a part, over the links of the bars."""
    look = "strong halo" if step.key == "total" else "halo"
    size = abs(step.end - step.start)
    value = fixed(round_down(size, decimals) if bound else size, decimals)
    if step.sign:
        value = ("−" if step.end < step.start else "+") + value
    value = bound + value
    name = f"{step.sign} {t(step.key)}" if step.sign else t(step.key)
    return [
        text(name, x=0, y=y, class_=look),
        text(value, x="100%", y=y, text_anchor="end", class_=look),
    ]


def _bar(left: float, right: float, y: float, look: str) -> str:
    return tag("rect", x=pc(left), width=pc(max(right - left, 0.002)), y=y, height=BAR, class_=look)


def _null(step: Step, x: Along, y: float) -> list[str]:
    """Stripes over the part of the bar that a calibrated model would show too."""
    if step.term is None or not step.term.null or step.key != "miscalibration":
        return []
    left, right = x(step.start), x(step.start + min(step.term.null, step.term.value))
    width = pc(max(0.0, right - left))
    return [tag("rect", x=pc(left), width=width, y=y, height=BAR, class_="chance")]


def _whisker(step: Step, x: Along, y: float) -> list[str]:
    if step.term is None or step.term.low is None or step.term.high is None:
        return []
    direction = -1 if step.sign == "−" else 1
    ends = sorted(x(step.start + direction * end) for end in (step.term.low, step.term.high))
    lines = [
        tag("line", x1=pc(ends[0]), x2=pc(ends[1]), y1=y, y2=y),
        *(tag("line", x1=pc(e), x2=pc(e), y1=y - 4, y2=y + 4) for e in ends),
    ]
    # light below dark: seen on a bar and beside it
    return [tag("g", *lines, class_=look) for look in ("whisker-edge", "whisker")]
