"""Plain values of a state, checked as they are read: a checksum does not tell who wrote them.

Each function returns its value, or raises ValueError that names it.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable
from typing import Any

__all__ = [
    "MOST_ROWS",
    "counts_of",
    "flag_of",
    "number_of",
    "refuse",
    "shown",
    "sums_of",
    "text_of",
    "texts_of",
    "told",
    "whole_of",
]

MOST_TOLD = 300
MOST_ROWS = 1 << 53  # no state counts more, and no count that adds passes 64 bits


def refuse(name: str, value: Any, wanted: str) -> ValueError:
    """Return the error that a value is not what is wanted; a long value is told in part."""
    return ValueError(f"{name} must be {wanted}, got {shown(value)}")


def shown(value: Any) -> str:
    """Return a value as an error tells it: a long one in part."""
    return reprlib.repr(value)


def told(error: Exception) -> str:
    """Return what went wrong in a line: an error may hold all that could not be read."""
    text = f"{type(error).__name__}: {error}"
    return text if len(text) <= MOST_TOLD else f"{text[:MOST_TOLD]}..."


def whole_of(value: Any, name: str, most: int = MOST_ROWS, least: int = 0) -> int:
    """Return a whole number from `least` to `most`; True is none.

    >>> whole_of(3, "num_rows")
    3
    """
    if type(value) is not int or not least <= value <= most:
        raise refuse(name, value, f"a whole number from {least} to {most}")
    return value


def counts_of(values: Any, name: str, most: int = MOST_ROWS) -> tuple[int, ...]:
    """Return a list of whole numbers from 0 on."""
    if not isinstance(values, (list, tuple)):
        raise refuse(name, values, "a list")
    return tuple(whole_of(value, name, most) for value in values)


def number_of(value: Any, name: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Return a number that is not nan, from `least` to `most`."""
    is_number = type(value) is float or (type(value) is int and abs(value) <= MOST_ROWS)
    if not is_number or not least <= value <= most:
        raise refuse(name, value, f"a number from {least:g} to {most:g}")
    return float(value)


def flag_of(value: Any, name: str) -> bool:
    """Return True or False."""
    if type(value) is not bool:
        raise refuse(name, value, "true or false")
    return value


def text_of(value: Any, name: str) -> str:
    """Return text that can be written again: half of a pair of UTF-16 is none."""
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise refuse(name, value, "text")
    return value


def texts_of(values: Any, name: str) -> tuple[str, ...]:
    """Return a list of different texts."""
    if not isinstance(values, (list, tuple)):
        raise refuse(name, values, "a list")
    found = tuple(text_of(value, name) for value in values)
    if len(set(found)) < len(found):
        raise refuse(name, values, "different from one another")
    return found


def sums_of(values: Iterable[int], name: str) -> tuple[int, ...]:
    """Return sums of what is never negative."""
    found = tuple(values)
    if any(value < 0 for value in found):
        raise ValueError(f"{name} must not be negative")
    return found
