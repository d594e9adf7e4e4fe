"""JSON for machines."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["to_json"]


def to_json(numbers: Any) -> str:
    """Return JSON; what JSON has no number for is text that float() and Number() read.

    >>> print(to_json({"log_loss": float("inf")}))
    {
      "log_loss": "Infinity"
    }
    """
    return json.dumps(_plain(numbers), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
