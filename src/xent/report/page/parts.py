"""The parts of a page that an Evaluation has where they were asked for."""

from __future__ import annotations

import math
from typing import Any

from xent.evaluation.result import Evaluation
from xent.report.page.model import (
    Reliability,
    Surprise,
    Table,
    Temperature,
    Term,
    Waterfall,
)

__all__ = [
    "reliability_of",
    "slices_of",
    "surprise_of",
    "temperature_of",
    "waterfalls_of",
]

MOST_GROUPS = 13  # diagrams: one for the predicted class, and the classes that cost most


def waterfalls_of(e: Evaluation) -> tuple[Waterfall, ...]:
    """Return the decompositions whose parts are finite."""
    found = getattr(e, "decomposition", None) or ()
    shown = []
    for d in found if isinstance(found, (list, tuple)) else (found,):
        if math.isfinite(d.log_loss):
            shown.append(
                Waterfall(
                    name=d.name,
                    kind=d.kind,
                    score=d.log_loss,
                    uncertainty=_term(d.uncertainty),
                    resolution=_term(d.resolution),
                    miscalibration=_term(d.miscalibration),
                    within=d.within,
                )
            )
    return tuple(shown)


def _term(found: Any) -> Term:
    values = {name: _finite(getattr(found, name)) for name in Term.__dataclass_fields__}
    return Term(**{**values, "value": found.value})


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def reliability_of(e: Evaluation) -> tuple[Reliability, ...]:
    return ()


def surprise_of(e: Evaluation) -> Surprise | None:
    return None


def slices_of(e: Evaluation) -> tuple[Table, ...]:
    return ()


def temperature_of(e: Evaluation) -> Temperature | None:
    """Return what one number would gain, in the unit."""
    found = getattr(e, "temperature", None)
    if found is None:
        return None
    low, high = found.gain_bounds
    return Temperature(
        temperature=found.temperature,
        beta=found.beta,
        loss=found.loss,
        gain=found.gain,
        gain_low=_finite(low),
        gain_high=_finite(high),
        standard_error=_finite(found.standard_error),
        note=found.note or "",
    )
