"""A Recalibration in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xent.evaluation.numbers import UNITS, counted, level_text, number, table
from xent.units import Unit, nats_per

if TYPE_CHECKING:
    from xent.evaluation.recalibration.applying import Improvement
    from xent.evaluation.recalibration.recalibration import Recalibration

__all__ = ["render", "render_improvement"]

MAX_CLASSES = 30


def render(r: Recalibration, unit: Unit = "nat") -> str:
    """Return what was fitted, and what it gained on the rows of the fit."""
    t = r.training
    what = "labels" if r.kind == "labels" else "classes"
    lines = [
        f"{r.method} recalibration of {len(r.classes)} {what}, fitted to "
        f"{counted(t.num_rows)} of {t.name}"
    ]
    lines += [f"  {line}" for line in _parameters(r)]
    a_row = " a label decision" if r.kind == "labels" else ""
    per = nats_per(unit)
    lines.append(
        f"  log loss of these rows: {number(t.log_loss_before / per)} before, "
        f"{number(t.log_loss / per)} after, in {UNITS[unit]}{a_row}"
    )
    if not math.isnan(t.optimism):
        lines.append(
            f"  gain {number((t.log_loss_before - t.log_loss) / per)}, of which about "
            f"{number(t.optimism / per)} is for {counted(t.num_parameters, 'parameter')} "
            "fitted to these rows"
        )
    elif r.curves:
        lines.append(
            f"  gain {number((t.log_loss_before - t.log_loss) / per)}, and any curve fits its own "
            "rows too well: see what others gain"
        )
    if t.num_impossible:
        are = "is" if t.num_impossible == 1 else "are"
        lines.append(
            f"  {counted(t.num_impossible, 'impossible row')} (the truth had probability 0) "
            f"{are} not in it"
        )
    lines += [f"  note: {note}" for note in t.notes]
    return "\n".join(lines)


def render_improvement(i: Improvement | None, name: str, unit: Unit = "nat") -> str:
    """Return what a recalibration gains on rows that it was not fitted to."""
    if i is None:
        return f"applied to {name}, which does not hold the truth: what it gains is not known"
    per, units = nats_per(unit), UNITS[unit]
    percents = level_text(i.interval.level)
    lines = [
        f"applied to {counted(i.num_rows)} of {name}",
        f"  log loss {number(i.before / per)} before, {number(i.after / per)} after, in {units}",
    ]
    if i.interval:
        low, high = number(i.interval.low / per), number(i.interval.high / per)
        lines.append(f"  gain {number(i.gain / per)}, {percents} interval {low} to {high}")
    else:
        lines.append(f"  gain {number(i.gain / per)}; no interval: {i.interval.note}")
    if i.of_the_fit:
        lines.append(
            "  note: these are the rows that it was fitted to, so the gain is too good: "
            "see what others gain"
        )
    if i.interval and i.interval.low <= 0 <= i.interval.high:
        lines.append("  note: the interval holds 0: these rows do not tell that it helps")
    elif i.gain < 0:
        lines.append("  note: it does harm here: are these rows of the same kind?")
    if i.num_impossible_before or i.num_impossible_after:
        lines.append(
            f"  impossible rows, which are not in it: {i.num_impossible_before:,} before, "
            f"{i.num_impossible_after:,} after"
        )
    return "\n".join(lines)


def _parameters(r: Recalibration) -> list[str]:
    if r.curves:
        points = sum(len(c.logits) for c in r.curves)
        return [f"{len(r.curves)} rising curve{'s' * (len(r.curves) > 1)} of {points} points"]
    lines = []
    if len(r.scale) == 1 and r.method != "shift":
        lines.append(f"temperature {number(r.temperature)}{_sureness(r.temperature)}")
    if r.method == "temperature":
        return lines
    return lines + _of_classes(r)


def _sureness(temperature: float) -> str:
    if temperature == 1:
        return ""
    if math.isinf(temperature):
        return ": the scores tell nothing"
    return ": the scores were too sure" if temperature > 1 else ": the scores were not sure enough"


def _of_classes(r: Recalibration) -> list[str]:
    """A line a class: its scale where it has one, and what its odds are multiplied by."""
    head = ["label" if r.kind == "labels" else "class"]
    scales: Sequence[float] = r.scale if len(r.scale) > 1 else ()
    head += ["scale"] * bool(scales) + ["odds times"]
    rows = [head]
    for j, name in enumerate(r.classes[:MAX_CLASSES]):
        factor = "-" if math.isinf(r.bias[j]) else number(math.exp(r.bias[j]), 3)
        rows.append([name, *([number(scales[j])] if scales else []), factor])
    lines = table(rows)
    if len(r.classes) > MAX_CLASSES:
        lines.append(f"and {len(r.classes) - MAX_CLASSES:,} more")
    return lines
