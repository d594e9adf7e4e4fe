"""Values of options: lists written as text."""

from __future__ import annotations

import re

from xent.errors import XentValueError

__all__ = ["class_list", "number_list"]


def class_list(text: str | None) -> list[str] | None:
    """Return the classes of "cat,dog" or of the range "1..10".

    >>> class_list("1..3"), class_list("cat, dog")
    (['1', '2', '3'], ['cat', 'dog'])
    """
    if text is None:
        return None
    numbers = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", text.strip())
    if numbers:
        return [str(j) for j in range(int(numbers[1]), int(numbers[2]) + 1)]
    return [name.strip() for name in text.split(",")]


def number_list(option: str, text: str | None) -> list[float] | None:
    """Return the numbers of "0.9,0.1"."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise XentValueError(
            f'{option} must be numbers with commas between them, such as "0.9,0.1", got {text!r}',
            value=text,
        ) from None
