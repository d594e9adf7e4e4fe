"""The e-value of one model against another as rows come in."""

from __future__ import annotations

import math

from xent.report.page.charts.svg import chart, number, pc, tag, text, ticks
from xent.report.page.model import Curve
from xent.report.page.texts import Translate

__all__ = ["draw", "power_of_ten"]

HEIGHT, TOP, BOTTOM = 240, 14, 28
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
POINTS = 200  # a longer curve is thinned: its corners are finer than a pixel


def power_of_ten(log_e: float) -> str:
    """Return exp(log_e) as people write large and small numbers.

    >>> power_of_ten(0.0), power_of_ten(math.log(20)), power_of_ten(258.0), power_of_ten(-30.0)
    ('1', '20', '1.1 × 10¹¹²', '9.4 × 10⁻¹⁴')
    """
    if math.isinf(log_e):
        return "∞" if log_e > 0 else "0"
    if abs(log_e) < math.log(1e4):
        return f"{math.exp(log_e):.3g}"
    power = math.floor(log_e / math.log(10) + 1e-9)
    mantissa = f"{math.exp(log_e - power * math.log(10)):.1f}"
    if mantissa == "10.0":
        mantissa, power = "1.0", power + 1
    raised = f"10{str(power).translate(RAISED)}"
    return raised if mantissa == "1.0" else f"{mantissa} × {raised}"


def draw(curve: Curve, t: Translate, ident: str, alpha: float) -> str:
    """Return the chart: decades upwards, rows to the right, and the line of 1 / alpha."""
    line = math.log(1 / alpha)
    low = min(0.0, *curve.log_e)
    high = max(1.3 * line, *curve.log_e)
    span, rows = (high - low) or 1.0, max(curve.rows[-1], 1.0)
    height = HEIGHT - TOP - BOTTOM

    def y(log_e: float) -> float:
        return TOP + height * (1 - (log_e - low) / span)

    parts = []
    for tick in ticks(low / math.log(10), high / math.log(10), 6, whole=True):
        at = y(tick * math.log(10))
        parts.append(tag("line", x1=0, x2="100%", y1=at, y2=at, class_="grid"))
        if abs(at - y(line)) > 12:
            shown = power_of_ten(tick * math.log(10))
            parts.append(text(shown, x=2, y=at - 4, class_="tick halo"))
    parts.append(tag("line", x1=0, x2="100%", y1=y(line), y2=y(line), class_="cut"))
    parts.append(
        text(
            f"1/α = {1 / alpha:g}", x="100%", y=y(line) - 4, text_anchor="end", class_="small halo"
        )
    )
    for tick in ticks(0, rows, 5, whole=True)[1:]:
        anchor = "end" if tick > 0.93 * rows else "middle"
        parts.append(
            text(f"{tick:,.0f}", x=pc(tick / rows), y=HEIGHT - 8, text_anchor=anchor, class_="tick")
        )
    parts.append(text(t("rows_axis"), x=0, y=HEIGHT - 8, class_="small"))
    kept = range(0, len(curve.rows), max(1, math.ceil(len(curve.rows) / POINTS)))
    places = [*kept, len(curve.rows) - 1] if kept[-1] != len(curve.rows) - 1 else list(kept)
    points = " ".join(
        f"{number(1000 * curve.rows[i] / rows)},{number(y(curve.log_e[i]))}" for i in places
    )
    parts.append(
        tag(
            "svg",
            tag("polyline", points=points, class_="curve"),
            viewBox=f"0 0 1000 {HEIGHT}",
            preserveAspectRatio="none",
            width="100%",
            height=HEIGHT,
        )
    )
    description = t(
        "e_text",
        rows=f"{curve.rows[-1]:,.0f}",
        value=power_of_ten(curve.log_e[-1]),
        threshold=f"{1 / alpha:g}",
        alpha=f"{alpha:g}",
    )
    title = t("e_title", name=curve.name)
    return chart(ident, title, description, *parts, class_="chart", width="100%", height=HEIGHT)
