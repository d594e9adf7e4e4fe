"""Values of options: numbers written as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def whole_number(_: Any, tokens: Sequence[Any]) -> int:
    """Return the number of "10", for the command's parser, which would round "1.5" itself."""
    (token,) = tokens
    try:
        return int(token.value)
    except ValueError:
        raise XentValueError(
            f"{token.keyword.lstrip('-')} must be a whole number, got {token.value!r}",
            value=token.value,
        ) from None
