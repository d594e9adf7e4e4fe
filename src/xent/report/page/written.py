"""Numbers as text: those of one column share their decimals, so that they compare at a glance."""

from __future__ import annotations

import math
from collections.abc import Iterable

from xent.evaluation.numbers import number

__all__ = ["count", "fixed", "p_value", "places", "short"]


def places(values: Iterable[float | None], digits: int = 4) -> int:
    """Return the decimals that give the largest of some numbers `digits` significant digits.

    >>> places([0.965, 0.0182]), places([12.5, 0.01]), places([])
    (4, 2, 0)
    """
    sizes = [abs(v) for v in values if v is not None and math.isfinite(v) and v != 0]
    if not sizes:
        return 0
    return min(12, max(0, digits - 1 - math.floor(math.log10(max(sizes)))))


def fixed(value: float, decimals: int) -> str:
    """Return a number with so many decimals; only 0 is written as 0.

    >>> fixed(0.0182, 4), fixed(1e-9, 4), fixed(0.0, 4), fixed(math.inf, 4), fixed(-0.5, 2)
    ('0.0182', '1.0e-09', '0', '∞', '−0.50')
    """
    if math.isnan(value):
        return "–"
    if value == 0 or math.isinf(value):
        return "0" if value == 0 else "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = number(value, 2)
    return text.replace("-", "−", 1) if text.startswith("-") else text


def short(value: float, digits: int = 3) -> str:
    """Return a number for a sentence.

    >>> short(0.0182), short(math.inf)
    ('0.0182', '∞')
    """
    return "∞" if value == math.inf else number(value, digits)


def p_value(p: float) -> str:
    """Return a p-value; a small one is small, and no smaller.

    >>> p_value(0.3211), p_value(0.0)
    ('0.32', '< 0.0001')
    """
    return number(p, 2) if p >= 1e-4 else "< 0.0001"


def count(value: float) -> str:
    """Return a count with its thousands apart.

    >>> count(1234567), count(2.5)
    ('1,234,567', '2.5')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
