"""What a probability of 0 for the truth costs: a policy with a name, never a hidden clip."""

from __future__ import annotations

from typing import NamedTuple

from xent.errors import XentTypeError, XentValueError

__all__ = ["Zero", "parse_zero"]


class Zero(NamedTuple):
    """`clip` is the least probability that is scored as it is; 0 for none."""

    clip: float
    raises: bool


def parse_zero(zero: str) -> Zero:
    """Read "inf", "raise" or "clip:EPS".

    >>> parse_zero("clip:1e-15")
    Zero(clip=1e-15, raises=False)
    """
    if not isinstance(zero, str):
        raise XentTypeError(
            f'zero must be "inf", "raise" or "clip:EPS", got {zero!r}; a clip of {zero!r} is '
            f'written zero="clip:{zero}"',
            value=zero,
        )
    if zero in ("inf", "raise"):
        return Zero(0.0, zero == "raise")
    kind, _, number = zero.partition(":")
    try:
        clip = float(number)
    except ValueError:
        clip = -1.0
    if kind != "clip" or not 0 < clip < 1:
        raise XentValueError(
            f'zero must be "inf", "raise" or "clip:EPS" with 0 < EPS < 1, got {zero!r}', value=zero
        )
    return Zero(clip, False)
