"""Calibration as numbers, for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xent.evaluation.result import Evaluation

__all__ = ["as_numbers"]


def as_numbers(e: Evaluation) -> dict[str, Any]:
    """Return what an evaluation says of calibration, in its unit; nothing where it has none."""
    numbers: dict[str, Any] = {}
    if e.decomposition:
        numbers["decomposition"] = [d.to_dict() for d in e.decomposition]
    if e.row_decomposition:
        numbers["row_decomposition"] = [d.to_dict() for d in e.row_decomposition]
    if e.by_class_decomposition:
        numbers["by_class_decomposition"] = [d.to_dict() for d in e.by_class_decomposition]
    for name in ("temperature", "shift"):
        found = getattr(e, name)
        if found is not None:
            numbers[name] = {**vars(found), "gain_bounds": list(found.gain_bounds)}
    if e.label_shifts is not None:
        numbers["label_shifts"] = e.label_shifts.to_dict()
    return numbers
