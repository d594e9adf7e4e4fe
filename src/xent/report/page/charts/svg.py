"""SVG as text: every value is escaped, every coordinate is written one way.

Charts are as wide as their place: what is placed along x is placed in percent, so that text
keeps its size on a telephone. Colours and fonts are classes of page.css.
"""

from __future__ import annotations

import math
from html import escape

__all__ = ["chart", "number", "pc", "tag", "text", "ticks"]

CAMEL = ("viewBox", "preserveAspectRatio", "patternUnits", "patternTransform")
Value = str | int | float | None


def number(value: float) -> str:
    """Return a coordinate with two decimals at most; a -0 is 0.

    >>> number(1.0), number(0.126), number(-0.001)
    ('1', '0.13', '0')
    """
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written in ("-0", "") else written


def pc(share: float) -> str:
    """Return a share of the width, in percent.

    >>> pc(0.125)
    '12.5%'
    """
    return number(100 * share) + "%"


def tag(name: str, *content: str, **attributes: Value) -> str:
    """Return an element; attributes that are None are left out, `_` is written `-`.

    >>> tag("rect", x=1, stroke_width=2, class_="a<b")
    '<rect x="1" stroke-width="2" class="a&lt;b"/>'
    """
    written = []
    for key, value in attributes.items():
        if value is None:
            continue
        key = key.rstrip("_").replace("_", "-") if key not in CAMEL else key
        shown = number(value) if isinstance(value, float) else str(value)
        written.append(f' {key}="{escape(shown)}"')
    inner = "".join(content)
    return f"<{name}{''.join(written)}" + (f">{inner}</{name}>" if inner else "/>")


def text(content: str, **attributes: Value) -> str:
    """Return a text element of escaped content."""
    return tag("text", escape(content), **attributes)


def chart(ident: str, title: str, description: str, *content: str, **attributes: Value) -> str:
    """Return an SVG that a screen reader reads as one picture with its title and description."""
    named = (
        tag("title", escape(title), id=f"{ident}-t"),
        tag("desc", escape(description), id=f"{ident}-d"),
    )
    return tag(
        "svg",
        *named,
        *content,
        role="img",
        aria_labelledby=f"{ident}-t",
        aria_describedby=f"{ident}-d",
        **attributes,
    )


def ticks(low: float, high: float, most: int = 5, whole: bool = False) -> list[float]:
    """Return round numbers from low to high, `most` at most.

    >>> ticks(0, 1), ticks(0, 0.37)
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.1, 0.2, 0.3])
    """
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return [low] if math.isfinite(low) else []
    power = 10.0 ** math.floor(math.log10(span / most))
    for factor in (1, 2, 2.5, 5, 10, 20, 25, 50):
        step = factor * power
        if whole and step != round(step):
            continue
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
    return [low, high]
