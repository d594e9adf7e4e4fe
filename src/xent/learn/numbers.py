"""Numbers as the pages and their pictures write them."""

from __future__ import annotations

import math

from xent.evaluation.numbers import number

__all__ = ["of_one", "shown"]


def shown(value: float, digits: int = 4) -> str:
    """Return a number as the pages write it: with a true minus sign, and infinity as its sign.

    >>> shown(-0.25), shown(float("inf")), shown(1e-7), shown(1507), shown(float("nan"))
    ('−0.2500', '∞', '1.000e−07', '1,507', '–')
    """
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return number(value, digits).replace("-", "−")


def of_one(value: float) -> str:
    """Return a probability, or a sum of some, with two decimals; only 0 and 1 are written so.

    >>> of_one(0.7), of_one(0.0033), of_one(0.9967), of_one(1.00333), of_one(1.0), of_one(7e-8)
    ('0.70', '0.0033', '0.997', '1.003', '1.00', '7.0e−08')
    """
    written = f"{value:.2f}"
    if float(written) not in (0, 1) or float(written) == value:
        return written
    if written == "0.00":
        return shown(value, 2)
    return f"{value:.{min(12, -math.floor(math.log10(abs(value - 1))))}f}"
