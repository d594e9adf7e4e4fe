"""Units of information: how many nats one nat, bit or ban is."""

from __future__ import annotations

import math
from typing import Literal

from xent.errors import XentValueError

__all__ = ["NATS_PER", "UNITS", "Unit", "nats_per", "perplexity_of"]

Unit = Literal["nat", "bit", "ban"]

NATS_PER: dict[str, float] = {"nat": 1.0, "bit": math.log(2.0), "ban": math.log(10.0)}
UNITS = tuple(NATS_PER)


def nats_per(unit: str) -> float:
    """Return how many nats one `unit` is: 1 for "nat", log 2 for "bit", log 10 for "ban".

    >>> nats_per("bit")
    0.6931471805599453
    """
    try:
        return NATS_PER[unit]
    except (KeyError, TypeError):
        raise XentValueError(
            f"unit must be one of {UNITS}, got {unit!r}", code="D30", value=unit
        ) from None


def perplexity_of(nats: float) -> float:
    """Return exp of a loss: how many equally likely outcomes leave one as unsure.

    Above 709.78 nats, where no double holds it, it is inf.

    >>> round(perplexity_of(math.log(6)), 12), perplexity_of(1000.0)
    (6.0, inf)
    """
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf
