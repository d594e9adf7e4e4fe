"""The score on a line from perfect to ignorant."""

from __future__ import annotations

import math

from xent.evaluation.numbers import number as shown
from xent.report.page.charts.svg import chart, pc, tag, text
from xent.report.page.model import Score
from xent.report.page.texts import Translate

__all__ = ["draw"]

HEIGHT, LINE = 92, 46
NARROWEST = 340  # pixels of the chart on a telephone
WIDEST = 8, 15  # pixels of a letter, and of a Chinese one, in the widest of usual fonts


def draw(score: Score, t: Translate, ident: str) -> str:
    """Return the chart; references stand below the line, the model above it."""
    references = [("scale_frequency", score.frequency), ("scale_uniform", score.uniform)]
    known = [(key, value) for key, value in references if value is not None]
    value = score.log_loss if score.finite is None else score.finite
    ends = [v for _, v in known] + [value]
    if score.interval and score.finite is None:
        ends.append(score.interval.high)
    top = 1.04 * max(ends)
    if not 0 < top < float("inf") or math.isnan(value):
        return ""
    if len(known) == 2 and abs(known[0][1] - known[1][1]) < 0.3 * top:
        # too close for two names: the better of two ignorant guesses is the one to beat
        known = [min(known, key=lambda pair: pair[1])]
    parts = [tag("line", x1=0, x2="100%", y1=LINE, y2=LINE, class_="axis")]
    for key, at in (("scale_perfect", 0.0), *known):
        parts.append(
            tag("line", x1=pc(at / top), x2=pc(at / top), y1=LINE - 5, y2=LINE + 5, class_="mark")
        )
        parts.append(_label(t(key), at / top, LINE + 22, "name"))
        parts.append(_label(shown(at), at / top, LINE + 38, "small"))
    if score.interval and score.finite is None:
        low, high = max(0.0, score.interval.low / top), min(1.0, score.interval.high / top)
        parts.append(
            tag(
                "rect",
                x=pc(low),
                width=pc(max(high - low, 0.002)),
                y=LINE - 7,
                height=14,
                class_="soft",
            )
        )
    parts.append(tag("circle", cx=pc(value / top), cy=LINE, r=6, class_="dot"))
    parts.append(_label(f"{t('scale_score')}  {shown(value)}", value / top, LINE - 18, "strong"))
    names = ", ".join(f"{t(key)} {shown(at)}" for key, at in known)
    description = f"{t('scale_score')} {shown(value)}; {names}"
    return chart(
        ident, t("scale_title"), description, *parts, class_="chart", width="100%", height=HEIGHT
    )


def _label(content: str, at: float, y: float, look: str) -> str:
    # a label that might leave the chart starts or stops at its place
    half = sum(WIDEST[letter > "\u2e80"] for letter in content) / 2 / NARROWEST
    anchor = "start" if at < half else "end" if at > 1 - half else "middle"
    return text(content, x=pc(at), y=y, text_anchor=anchor, class_=look)
