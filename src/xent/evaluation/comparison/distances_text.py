"""The part of a comparison's table that is about two predictions, not about the truth."""

from __future__ import annotations

import math

from xent.evaluation.comparison.result import Pair
from xent.evaluation.comparison.spread import PERCENTS
from xent.evaluation.numbers import UNITS, number, percent, table

__all__ = ["distances"]


def distances(p: Pair) -> list[str]:
    """Return the lines about divergences, the truth's probability and the likeliest class."""
    named = [
        ("KL(A || B)", p.a_from_b),
        ("KL(B || A)", p.b_from_a),
        ("p(truth), A - B", p.truth),
    ]
    there = [(name, s) for name, s in named if s is not None]
    if not there:
        return []
    rows = [["", *(name for name, _ in there)]]
    rows.append(["mean", *(number(s.mean) for _, s in there)])
    if any(s.num_infinite for _, s in there):
        rows.append(["infinite rows", *(f"{s.num_infinite:,}" for _, s in there)])
    rows.append(["root mean square", *(_finite(s.root_mean_square) for _, s in there)])
    rows.append(["least", *(number(s.low) for _, s in there)])
    for percent_ in PERCENTS:
        rows.append([f"{percent_:g} %", *(number(s.percentiles[percent_]) for _, s in there)])
    rows.append(["largest", *(number(s.high) for _, s in there)])
    lines = ["  " + line for line in table(rows)]
    unit = f"KL in {UNITS[p.unit]}; " if p.a_from_b is not None else ""
    lines.insert(0, f"  how far the predictions are apart ({unit}percentiles over rows)")
    if not math.isnan(p.same_top):
        what = "class" if p.a_from_b is not None else "token"
        lines.append(f"  the same likeliest {what} in {percent(p.same_top)} of rows")
    return ["", *lines]


def _finite(value: float) -> str:
    return "-" if math.isnan(value) else number(value)
