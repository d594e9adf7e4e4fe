"""Numbers and tables as text. A displayed 0 or 100 % is exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import TypeVar

__all__ = [
    "UNITS",
    "bounds",
    "counted",
    "largest",
    "level_text",
    "number",
    "percent",
    "round_down",
    "table",
]

Row = TypeVar("Row")

UNITS = {"nat": "nats", "bit": "bits", "ban": "bans"}


def number(value: float, digits: int = 4) -> str:
    """Return a number with `digits` significant digits; 0 only for 0.

    >>> number(0.123456), number(0), number(float("inf")), number(123456.0)
    ('0.1235', '0', 'inf', '123456')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if abs(value) < 1e-4 or abs(value) >= 1e9:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def round_down(value: float, decimals: int) -> float:
    """Return a lower bound as it can be shown: no rounding makes it larger, nor 0.

    >>> round_down(0.74169, 3), round_down(0.000478, 3)
    (0.741, 0.00047)
    """
    if not 0 < value < math.inf:
        return value
    places = max(decimals, 1 - math.floor(math.log10(value)))
    return float(Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_DOWN))


def bounds(low: float, high: float, digits: int = 3) -> tuple[str, str]:
    """Return what a value is certainly between as it can be shown: rounding never narrows it.

    >>> bounds(0.28169, 0.28291), bounds(0.0, 0.99996), bounds(-0.12341, math.inf)
    (('0.281', '0.283'), ('0', '1.00'), ('-0.124', 'inf'))
    """
    low, high = _rounded(low, digits, ROUND_FLOOR), _rounded(high, digits, ROUND_CEILING)
    return number(low, digits), number(high, digits)


def _rounded(value: float, digits: int, way: str) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    last = math.floor(math.log10(abs(value))) - digits + 1
    return float(Decimal(value).quantize(Decimal(1).scaleb(last), way))


def percent(share: float) -> str:
    """Return a share in percent; 0 and 100 only where they are exact.

    >>> percent(0.5), percent(0.99999), percent(1.0), percent(1e-6), percent(0.0)
    ('50.0 %', '> 99.9 %', '100 %', '< 0.1 %', '0 %')
    """
    if math.isnan(share):
        return "-"
    if share in (0, 1) or math.isinf(share):
        return f"{100 * share:.0f} %"
    text = f"{100 * share:.1f} %"
    if text == "100.0 %":
        return "> 99.9 %" if share < 1 else "> 100 %"
    if text in ("0.0 %", "-0.0 %"):
        return "< 0.1 %" if share > 0 else "> -0.1 %"
    return text


def counted(count: int, noun: str = "row", plural: str = "") -> str:
    """Return a count of things.

    >>> counted(1), counted(12345), counted(2, "class", "classes")
    ('1 row', '12,345 rows', '2 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def largest(rows: Sequence[Row], size: Callable[[Row], float], count: int) -> list[Row]:
    """Return the `count` largest of the rows of a table, in their own order; nan is small.

    >>> largest([3, 1, 4, 1, 5, 9], lambda x: x, 3)
    [4, 5, 9]
    """
    sizes = [-math.inf if math.isnan(s) else s for s in map(size, rows)]
    places = sorted(range(len(rows)), key=lambda i: -sizes[i])[:count]
    return [rows[i] for i in sorted(places)]


def level_text(level: float) -> str:
    """Return the level of an interval, with all its digits.

    >>> level_text(0.95), level_text(0.57), level_text(0.9999999)
    ('95 %', '57 %', '99.99999 %')
    """
    return f"{(100 * Decimal(repr(float(level)))).normalize():f} %"


def table(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Return rows as aligned lines; columns in `left` are left-aligned, others right-aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
