"""What the page says in sentences, from its model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from xent.evaluation.numbers import bounds, number, percent, round_down
from xent.report.page import tables
from xent.report.page.charts.reliability import is_outside
from xent.report.page.model import Page, Pair, Reliability, Score, Table, Temperature, Waterfall
from xent.report.page.texts import Translate
from xent.report.page.written import p_value, short
from xent.units import perplexity_of

__all__ = [
    "facts",
    "gain_bounds",
    "pairs_say",
    "parts_say",
    "reliability_say",
    "slice_says",
    "temperature_says",
]

MOST_SAID = 4  # sentences about pairs of models


def facts(page: Page, t: Translate) -> list[tuple[str, str, str]]:
    """Return the facts beside the headline: name, value, small print."""
    s = page.score
    if s is None:
        return []
    found: list[tuple[str, str, str]] = []
    if page.unit != "nat":
        found.append((t("in_nats"), short(s.nats, 4), _ends(s, t, lambda nats: nats)))
    if page.unit != "bit":
        bits = short(s.nats / math.log(2), 4)
        found.append((t("in_bits"), bits, _ends(s, t, lambda nats: nats / math.log(2))))
    found.append((t("perplexity"), short(perplexity_of(s.nats), 4), _ends(s, t, perplexity_of)))
    found.append((t("truth_probability"), number(math.exp(-s.nats)), ""))
    labels = page.kind == "labels"
    four = partial(short, digits=4)
    named = (
        ("label_accuracy" if labels else "accuracy", s.accuracy, percent),
        ("exact_match", s.exact_match, percent),
        ("row_log_loss", s.row_log_loss, four),
        ("brier", s.brier, four),
        ("bits_per_byte", s.bits_per_byte, four),
        ("skill", s.skill, percent),
        ("uniform_skill", s.uniform_skill, percent),
    )
    found += [
        (t(key), write(v), "") for key, v, write in named if v is not None and math.isfinite(v)
    ]
    return found


def parts_say(w: Waterfall, t: Translate, unit: str) -> str:
    """Return what the waterfall shows."""
    share = w.resolution.value / w.uncertainty.value if w.uncertainty.value > 0 else math.nan
    cost = w.miscalibration
    value = round_down(cost.value, 3) if w.is_least else cost.value
    said = t(
        "parts_say_least" if w.is_least else "parts_say",
        share=percent(share),
        cost=short(value),
        unit=unit,
    )
    if cost.null is not None:
        said += t("parts_say_null", null=short(cost.null))
        if cost.p_value is not None:
            said += t("parts_say_p", p=_relation(cost.p_value))
    return said + t("stop")


def reliability_say(r: Reliability, t: Translate) -> str:
    """Return how many bins a calibrated model would seldom show."""
    outside = sum(map(is_outside, r.bins))
    return t("reliability_text", bins=len(r.bins), outside=outside)


def temperature_says(found: Temperature, t: Translate) -> str:
    """Return whether the model is too sure, or not sure enough; or nothing."""
    if not found.gain > 0 or found.temperature == 1:
        return ""
    if found.p_value is not None and found.p_value > 0.05:
        return t("tempered", p=_relation(found.p_value))
    return t("overconfident" if found.temperature > 1 else "underconfident")


def gain_bounds(found: Temperature, t: Translate) -> str:
    """Return the certain bounds of what a temperature gains."""
    if found.gain_low is None or found.gain_high is None:
        return ""
    low, high = bounds(found.gain_low, found.gain_high, 4)
    return f"{t('gain_bounds')}: " + t("interval_of", low=low, high=high)


def slice_says(table: Table, t: Translate, unit: str) -> str:
    """Return what a column tells about the label, and why its slices have no intervals."""
    said = ""
    if "information" in table.values:
        said = t(
            "slice_information",
            name=tables.user_text(table.name),
            value=short(table.values["information"]),
            unit=unit,
        )
        said += t("slice_chance", value=short(table.values["chance"], 2))
    how = [t(f"slice_{key}") for key in ("tied", "clustered") if key in table.values]
    return said + "".join(how)


def pairs_say(page: Page, t: Translate) -> list[str]:
    """Return which model of a pair is better, of the first pairs."""
    pairs = page.comparison.pairs[:MOST_SAID] if page.comparison else ()
    return [said for p in pairs if (said := _pair_says(p, t, t(page.unit)))]


def _pair_says(p: Pair, t: Translate, unit: str) -> str:
    found = p.interval
    if found is None or not math.isfinite(p.difference):
        return ""
    if found.low == found.high != 0:
        return ""  # equal differences do not tell how others would be
    first, second = tables.user_text(p.first), tables.user_text(p.second)
    if found.low <= 0 <= found.high:
        return t("undecided", first=first, second=second, interval=tables.interval(found, t))
    better, worse = (second, first) if p.difference > 0 else (first, second)
    ends = sorted((abs(found.low), abs(found.high)))
    sizes = replace(found, low=ends[0], high=ends[1])
    interval = tables.interval(sizes, t)
    size = short(abs(p.difference))
    return t("better", better=better, worse=worse, size=size, unit=unit, interval=interval)


def _relation(p: float) -> str:
    shown = p_value(p)
    return shown if shown.startswith("<") else f"= {shown}"


def _ends(s: Score, t: Translate, change: Callable[[float], float]) -> str:
    found = s.interval_nats
    if found is None:
        return ""
    return t("interval_of", low=short(change(found.low), 4), high=short(change(found.high), 4))
