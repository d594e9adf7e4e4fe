"""Calibration as lines of text: what the log loss is made of, and what would help."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xent.evaluation.calibration.missing import way_out
from xent.evaluation.calibration.temperature import NO_INFORMATION, SEPARABLE
from xent.evaluation.calibration.terms import POSSIBLE, Decomposition
from xent.evaluation.numbers import UNITS, bounds, counted, level_text, number, round_down

if TYPE_CHECKING:
    from xent.evaluation.calibration.shift import LabelShifts, Shift
    from xent.evaluation.result import Evaluation

__all__ = ["calibration_lines"]

FITTED = {
    "vector": "a better temperature and a bias a class",
    "shift": "biases of classes alone (other class frequencies)",
}
ENDLESS = "without end"  # in the note of a fit that separates its rows
SURE = 0.05  # what chance shows more often than this is no advice


def calibration_lines(e: Evaluation) -> list[str]:
    """Return the section of the table; empty where the summary says nothing of calibration."""
    if not e.decomposition:
        return []
    whole, *others = e.decomposition
    lines: list[str] = _equation(whole)
    for d in others:
        if d.name == POSSIBLE:
            lines += ["without the impossible rows", *_equation(d)]
        elif d.kind == "isotonic":
            lines.append(_miscalibration_of(d))
    lines += [_gain_of(d, e.level) for d in e.row_decomposition if _is_advice(d)]
    if e.row_terms_note:
        note = f"(vector scaling and prior shift are not here: {e.row_terms_note}"
        cure = way_out(e.row_terms_note)
        lines += [f"{note};", f" {cure})"] if cure else [f"{note})"]
    return ["  " + line for line in lines + _advice(e)]


def _equation(d: Decomposition) -> list[str]:
    """Return log loss = uncertainty - resolution + miscalibration, a term a line."""
    left = f"log loss {number(d.log_loss)} "
    decimals = _decimals(d)
    u, r, m = d.uncertainty, d.resolution, d.miscalibration
    sign, resolution, knows = "-", r.value, "what the model knows"
    if r.value < 0:
        # no temperature of scores this bad reaches what the frequencies lose
        sign, resolution, knows = "+", -r.value, "what the frequencies know better than the model"
    by_chance = ""
    if r.value > 0 and r.p_value is not None and r.p_value > SURE and r.null is not None:
        # of a temperature only a bound is known
        shows = "would show" if d.kind == "isotonic" else "would show up to"
        by_chance = f"a model that knows nothing {shows} {_fixed(r.null, decimals)} too"
    terms = [
        ("=", u.value, "what the labels leave open", ""),
        (sign, resolution, knows, by_chance),
        ("+", m.value, _name_of(d), _calibrated(d, decimals)),
    ]
    if d.shows_remainder:
        impossible = "rows that were called impossible, which it cannot repair"
        name = (
            impossible
            if math.isinf(d.remainder)
            else "what the clip of small probabilities changes"
        )
        terms.append(("+" if d.remainder > 0 else "-", abs(d.remainder), name, ""))
    values = [_fixed(value, decimals) for _, value, _, _ in terms]
    width = max(map(len, values))
    lines: list[str] = []
    for (sign, _, name, chance), value in zip(terms, values, strict=True):
        lines.append(f"{'' if lines else left:{len(left)}}{sign} {value.rjust(width)} {name}")
        if chance:
            lines.append(f"{'':{len(left) + width + 3}}({chance})")
    return lines


def _name_of(d: Decomposition) -> str:
    return "miscalibration" if d.kind == "isotonic" else f"what a better {d.kind} would gain"


def _calibrated(d: Decomposition, decimals: int) -> str:
    m = d.miscalibration
    if m.null is None or m.p_value is None or math.isinf(m.value):
        return ""
    shows = f"a calibrated model of this size would show {_fixed(m.null, decimals)} too"
    return f"{shows}; p {_p(m.p_value)}"


def _in_brackets(d: Decomposition, decimals: int) -> str:
    chance = _calibrated(d, decimals)
    return f" ({chance})" if chance else ""


def _miscalibration_of(d: Decomposition) -> str:
    decimals = _decimals(d)
    value = _fixed(d.miscalibration.value, decimals)
    if d.is_least:
        value = f"at least {_fixed(round_down(d.miscalibration.value, decimals), decimals)}"
    return f"{d.name}: {value} miscalibration{_in_brackets(d, decimals)}"


def _is_advice(d: Decomposition) -> bool:
    p = d.miscalibration.p_value
    return ENDLESS in d.note or (p is not None and p <= SURE)


def _gain_of(d: Decomposition, level: float) -> str:
    if ENDLESS in d.note:
        return f"{FITTED[d.kind]}: {d.note}"
    decimals = _decimals(d)
    gain = _fixed(d.miscalibration.value, decimals)
    seen = f" on a sample of {counted(d.sampled)}" if d.sampled else ""
    m = d.miscalibration
    said = "; ".join(filter(None, (_ends(m.low, m.high, level), _calibrated(d, decimals))))
    return f"{FITTED[d.kind]} would gain {gain}{seen}" + (f" ({said})" if said else "")


def _ends(low: float | None, high: float | None, level: float) -> str:
    """Return the interval of a gain over new rows; "" where it has no ends."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{level_text(level)} interval over new rows {number(low, 3)} to {number(high, 3)}"


def _advice(e: Evaluation) -> list[str]:
    lines = []
    t, unit = e.temperature, UNITS[e.unit]
    if t is not None:
        if t.note.startswith((NO_INFORMATION[:20], SEPARABLE[:20])):
            lines.append(t.note)
        elif t.note == "" and t.p_value <= SURE:
            low, high = bounds(*t.gain_bounds)
            lines.append(
                f"temperature {number(t.temperature, 3)} would gain {number(t.gain)} {unit} "
                f"(certainly between {low} and {high})"
            )
    if e.shift is not None and e.shift.p_value <= SURE and not e.shift.note:
        lines.append(
            f"adding {e.shift.shift:+.3g} to the logit of class {e.summary.classes[1]} would gain "
            f"{number(e.shift.gain)} {unit} ({_bounds(e.shift, e.level)})"
        )
    return lines + _shifts_of_labels(e)


def _shifts_of_labels(e: Evaluation) -> list[str]:
    """Return what a constant for each label would gain; nothing where chance gains it too."""
    found = e.label_shifts
    if found is None or found.p_value > SURE:
        return []
    most = ", ".join(f"{name} {shift:+.3g}" for name, shift in found.largest())
    return [
        f"adding a constant to the logits of each label would gain {number(found.gain)} "
        f"{UNITS[e.unit]} ({_bounds(found, e.level)}),",
        f"  most of it: {most}",
    ]


def _bounds(found: Shift | LabelShifts, level: float) -> str:
    """Return what a gain is certainly between on these rows, and its interval over new ones."""
    low, high = bounds(*found.gain_bounds)
    ends = _ends(found.low, found.high, level)
    certain = f"certainly between {low} and {high}"
    return f"{certain}; {ends}" if ends else certain


def _decimals(d: Decomposition) -> int:
    """Return how many decimals show 4 digits of the loss, or of the entropy if that is inf."""
    shown = d.log_loss if math.isfinite(d.log_loss) else d.uncertainty.value
    if not shown > 0:
        return 4
    return min(max(3 - math.floor(math.log10(shown)), 1), 8)


def _fixed(value: float, decimals: int) -> str:
    """Return a term with the decimals of the others; what they would show as 0 by its digits."""
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.{decimals}f}"
    return text if value == 0 or float(text) else number(value, 2)


def _p(p: float) -> str:
    # 0 is one that a float64 does not hold
    return "< 1e-12" if p < 1e-12 else f"= {p:.2g}"
