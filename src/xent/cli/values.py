"""Values of options: lists written as text."""

from __future__ import annotations

from typing import overload

from xent.errors import XentValueError

__all__ = ["number_list", "whole_number"]


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


@overload
def whole_number(option: str, text: str) -> int: ...


@overload
def whole_number(option: str, text: str | None) -> int | None: ...


def whole_number(option: str, text: str | None) -> int | None:
    """Return the number of "10"; "1.5" is none, which the command's parser would round."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise XentValueError(f"{option} must be a whole number, got {text!r}", value=text) from None
