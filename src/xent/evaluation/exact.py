"""Sums without rounding: integers in units of 2**-1074, the smallest positive double."""

from __future__ import annotations

import math

__all__ = ["MOST_POWER", "ONE", "exact", "from_text", "power_of", "ratio", "rounded", "to_text"]

ONE = 1 << 1074
# no sum of products of three doubles has more digits
MOST_POWER = 1 << 13


def exact(value: float) -> int:
    """Return a finite double as an integer in units of 2**-1074.

    >>> exact(0.1) + exact(0.2) == exact(0.3)
    False
    >>> rounded(exact(0.1) + exact(0.2))
    0.30000000000000004
    """
    numerator, denominator = float(value).as_integer_ratio()
    return numerator * (ONE // denominator)


def rounded(total: int) -> float:
    """Return the double nearest to a sum: the only rounding that a sum ever sees."""
    try:
        return total / ONE
    except OverflowError:
        return -math.inf if total < 0 else math.inf


def ratio(total: int, weight: int) -> float:
    """Return the double nearest to the quotient of two sums; nan for a weight of 0."""
    if weight == 0:
        return math.nan
    try:
        return total / weight
    except OverflowError:
        return -math.inf if total < 0 else math.inf


def to_text(total: int) -> str:
    """Return a sum as text, such as "-1a2bp-40" for -0x1a2b * 2**-0x40."""
    if total == 0:
        return "0p0"
    zeros = (total & -total).bit_length() - 1
    return f"{total >> zeros:x}p{zeros - 1074:x}"


def from_text(text: str) -> int:
    """Return the sum that `to_text` wrote.

    >>> from_text(to_text(exact(-0.1))) == exact(-0.1)
    True
    """
    mantissa, exponent = text.split("p")
    if len(mantissa) > MOST_POWER // 2:
        raise ValueError(f"no sum has {len(mantissa)} digits")
    return int(mantissa, 16) << (power_of(exponent) + 1074) if mantissa != "0" else 0


def power_of(text: str) -> int:
    """Return a power of 2 from its digits in base 16; raise where no sum has it.

    It may come from anywhere, and nine letters would ask for 8 GiB.
    """
    power = int(text, 16)
    if abs(power) > MOST_POWER:
        raise ValueError(f"no sum is a multiple of 2**{power}")
    return power
