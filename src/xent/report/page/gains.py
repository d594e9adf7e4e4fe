"""What recalibration would gain, as the page shows it: a table, a temperature, a note."""

from __future__ import annotations

import math
from typing import Any

from xent.evaluation.calibration.missing import way_out
from xent.evaluation.numbers import counted
from xent.evaluation.result import Evaluation
from xent.report.page.model import Cell, Column, Range, Table, Temperature
from xent.report.page.parts import finite

__all__ = ["gains_note_of", "gains_of", "temperature_of"]


def gains_of(e: Evaluation) -> Table | None:
    """Return what each way to recalibrate would gain on these rows, by chance too."""
    rows: list[tuple[Cell, ...]] = []
    whole = [d for d in e.decomposition if d.name != "top label"]
    for d in (*whole, *e.row_decomposition):
        m = d.miscalibration
        if math.isfinite(m.value):
            rows.append((f"g_{d.kind}", m.value, m.corrected, _ends(m, e.level), m.null, m.p_value))
    known = {row[0] for row in rows}
    shift = e.shift if e.shift is not None else e.label_shifts
    for key, found in (("g_temperature", e.temperature), ("g_shift", shift)):
        if found is not None and key not in known and math.isfinite(found.gain):
            ends = _ends(found, e.level)
            rows.append((key, found.gain, found.gain - found.null, ends, found.null, found.p_value))
    if not rows:
        return None
    columns = [
        Column("remedy", "key"),
        Column("gain_column"),
        Column("corrected"),
        Column("gain_range", "range"),
        Column("null"),
        Column("p_value", "p"),
    ]
    if all(row[3] is None for row in rows):
        del columns[3]
        rows = [row[:3] + row[4:] for row in rows]
    return Table(tuple(columns), tuple(rows), title="gains_table", total=len(rows), sorts=False)


def _ends(found: Any, level: float) -> Range | None:
    """Return the interval of a gain; None where none is known."""
    low, high = getattr(found, "low", None), getattr(found, "high", None)
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    return Range(low, high, level)


def gains_note_of(e: Evaluation) -> str:
    """Return which recalibrations are missing, and how to have them, or what they were seen in."""
    note = e.row_terms_note
    sampled = next((d.sampled for d in e.row_decomposition), 0)
    if sampled:
        return (
            f"Vector scaling and prior shift were fitted to a sample of {counted(sampled)}, "
            "chosen by what the rows hold."
        )
    cure = way_out(note)
    missing = f"Vector scaling and prior shift are not here: {note}{'; ' if cure else ''}{cure}."
    return missing if note else ""


def temperature_of(e: Evaluation) -> Temperature | None:
    """Return what one number would gain, in the unit."""
    found = e.temperature
    if found is None:
        return None
    low, high = found.gain_bounds
    return Temperature(
        temperature=found.temperature,
        beta=found.beta,
        loss=found.loss,
        gain=found.gain,
        gain_low=finite(low),
        gain_high=finite(high),
        standard_error=finite(found.standard_error),
        p_value=finite(found.p_value),
        note=found.note or "",
    )
