"""JSON for machines."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["plain", "to_json"]


def to_json(numbers: Any) -> str:
    """Return JSON; what JSON has no number for is text that float() and Number() read.

    >>> print(to_json({"log_loss": float("inf")}))
    {
      "log_loss": "Infinity"
    }
    """
    return json.dumps(plain(numbers), indent=2, allow_nan=False)


def plain(value: Any) -> Any:
    """Return numbers with what JSON has none for as text."""
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
