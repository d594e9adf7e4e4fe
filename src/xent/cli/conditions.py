"""Conditions of --fail-if: a number of the evaluation, a comparison and a limit."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import Any

from xent.errors import XentValueError
from xent.evaluation.reading.names import nearest

__all__ = ["Condition", "parse_condition"]

COMPARISONS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Condition:
    """`log_loss>0.4`, taken apart."""

    text: str
    name: str
    comparison: str
    limit: float

    def _value(self, numbers: dict[str, Any]) -> float:
        known = [
            n for n, v in numbers.items() if isinstance(v, (int, float)) and not isinstance(v, bool)
        ]
        if self.name not in known:
            raise XentValueError(
                f"fail_if must name a number of the evaluation, got {self.name!r}; "
                f"{nearest(self.name, known)}",
                value=self.name,
            )
        return float(numbers[self.name])

    def holds(self, numbers: dict[str, Any]) -> bool:
        """Whether it is so; a number that is nan fails every gate."""
        value = self._value(numbers)
        return value != value or bool(COMPARISONS[self.comparison](value, self.limit))

    def shown(self, numbers: dict[str, Any]) -> str:
        """The number as it is."""
        return f"{self.name} is {self._value(numbers)!r}"


def parse_condition(text: str) -> Condition:
    """Return the condition of a text.

    >>> parse_condition("log_loss>0.4").holds({"log_loss": 0.5})
    True
    """
    parts = re.fullmatch(r"\s*([a-z_]+)\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*", text)
    if parts:
        try:
            limit = float(parts[3])
        except ValueError:
            limit = math.nan
        if not math.isnan(limit):  # no number is above or below nan: a gate always open
            return Condition(text.strip(), parts[1], parts[2], limit)
    raise XentValueError(
        f'fail_if must be a name, a comparison and a number, such as "log_loss>0.4", got {text!r}',
        value=text,
    )
