"""The page as text: the template, filled; the same model gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from importlib import resources
from importlib.util import find_spec
from typing import Any

from xent.errors import UnavailableError
from xent.evaluation.text import number, percent
from xent.report.machine import plain
from xent.report.page import tables
from xent.report.page.charts import evidence, reliability, scale, surprise, waterfall
from xent.report.page.model import Page, Reliability, Score, Table, Temperature, Waterfall
from xent.report.page.texts import LANGUAGES, TEXTS, Translate, translator
from xent.report.page.written import count, level, p_value, short

__all__ = ["LARGEST", "check_installed", "island", "render"]

LARGEST = 300_000  # bytes
MOST_ROWS = (200, 100, 50, 20, 10)  # of a table, until the page is small enough
MOST_PANELS = (12, 6, 3, 2, 1)


def render(page: Page, lang: str = "en") -> str:
    """Return the page as HTML, below 300 KB: long tables are cut to their first rows."""
    text = ""
    for rows, panels in zip(MOST_ROWS, MOST_PANELS, strict=True):
        text = _fill(_cut(page, rows, panels), lang)
        if len(text.encode()) < LARGEST:
            break
    return text


def island(numbers: Any) -> str:
    """Return JSON that no HTML parser and no script can take for anything else.

    >>> island({"a": "</script>&"})
    '{"a":"\\\\u003c/script\\\\u003e\\\\u0026"}'
    """
    text = json.dumps(plain(numbers), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def check_installed() -> None:
    """Raise before any work is done if what writes pages is not installed."""
    if find_spec("jinja2") is None:
        raise UnavailableError('a page needs the package jinja2; pip install "xent[evaluate]"')


def _fill(page: Page, lang: str) -> str:
    check_installed()
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    t = translator(lang)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False)
    css, js = _asset("page.css").strip(), _asset("page.js").strip()

    def cell(value: Any, column: Any, first: bool, places: int) -> Markup:
        return Markup(tables.cell(value, column, first, places, t))

    def named(table: Table, key: str) -> Table:
        return replace(table, name=t(key, name=tables.user_text(table.name)))

    shown = _shown(page, t)
    return environment.from_string(_asset("page.html.j2")).render(
        page=shown,
        t=t,
        html_lang=LANGUAGES[lang],
        # messages about the data are
        english=Markup("" if lang == "en" else ' lang="en"'),
        slice_says=partial(_slice_says, t=t, unit=t(page.unit)),
        subtitle=f"subtitle_{page.kind}",
        policy=_policy(css, js),
        css=Markup(css),
        js=Markup(js),
        island=Markup(island(page.numbers)),
        charts=_charts(shown, t, Markup),
        cell=cell,
        count=count,
        decimals=tables.decimals,
        number=partial(short, digits=4),
        level=level,
        interval=partial(tables.interval, t=t),
        facts=_facts(shown, t),
        parts_say=partial(_parts_say, t=t, unit=t(page.unit)),
        reliability_say=partial(_reliability_say, t=t),
        bounds=partial(_bounds, t=t),
        temperature_says=partial(_temperature_says, t=t),
        tail=surprise.tail_text(page.surprise, t) if page.surprise else "",
        named=named,
        term_tables=[tables.term_table(w, t) for w in shown.waterfalls],
        bin_tables=[tables.bin_table(r, t) for r in shown.reliability],
        left_out_table=tables.left_out_table(page.left_out, t, f"{page.clip:g}"),
        pair_table=tables.pair_table(page.comparison.pairs, t) if page.comparison else None,
    )


def _asset(name: str) -> str:
    return resources.files("xent.report.page").joinpath("assets").joinpath(name).read_text("utf-8")


def _policy(css: str, js: str) -> str:
    def sha256(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; style-src {sha256(css)}; script-src {sha256(js)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _shown(page: Page, t: Translate) -> Page:
    """Return the page with its texts as people see them; the numbers stay as they are."""
    page = replace(
        page,
        name=tables.user_text(page.name),
        note=_short(page.note),
        notes=tuple(
            replace(n, code=n.code[:20], text=_short(n.text), fix=_short(n.fix)) for n in page.notes
        ),
        reliability=tuple(replace(r, name=_outcome(r.name, t)) for r in page.reliability),
        waterfalls=tuple(replace(w, name=_method(w, t)) for w in page.waterfalls),
        fingerprint=tuple((key, _short(value)) for key, value in page.fingerprint),
        numbers=None,
    )
    found: Page = _printable(page)
    return found


def _short(text: str) -> str:
    return text if len(text) <= 1000 else text[:1000] + "…"


def _outcome(name: str, t: Translate) -> str:
    return t(f"n_{name}") if f"n_{name}" in TEXTS else tables.user_text(name)


def _method(w: Waterfall, t: Translate) -> str:
    name = _outcome(w.name, t)
    return t(f"d_{w.kind}", name=name) if f"d_{w.kind}" in TEXTS else name


def _printable(value: Any) -> Any:
    """Return the same with every text printable."""
    if isinstance(value, str):
        return tables.printable(value)
    if isinstance(value, tuple):
        return tuple(_printable(v) for v in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _printable(getattr(value, f.name)) for f in fields(value)})
    return value


def _cut(page: Page, rows: int, panels: int) -> Page:
    def shorter(table: Table | None) -> Table | None:
        return table and replace(table, rows=table.rows[:rows])

    return replace(
        page,
        classes=shorter(page.classes),
        slices=tuple(shorter(s) or s for s in page.slices[:panels]),
        worst=shorter(page.worst),
        comparison=page.comparison
        and replace(
            page.comparison,
            pairs=page.comparison.pairs[:rows],
            tables=tuple(shorter(x) or x for x in page.comparison.tables[:panels]),
            curves=page.comparison.curves[:panels],
        ),
        reliability=page.reliability[:panels],
        waterfalls=page.waterfalls[:panels],
        numbers=_shorter(page.numbers, rows),
    )


def _shorter(value: Any, rows: int) -> Any:
    """Return the numbers with long lists cut, and said to be so."""
    if isinstance(value, dict):
        found = {k: _shorter(v, rows) for k, v in value.items()}
        cut = {
            k: len(v) for k, v in value.items() if isinstance(v, (list, tuple)) and len(v) > rows
        }
        return {**found, "shortened_from": cut} if cut else found
    if isinstance(value, (list, tuple)):
        return [_shorter(v, rows) for v in value[:rows]]
    if isinstance(value, str) and len(value) > 1000:
        return value[:1000] + "…"
    return value


def _charts(page: Page, t: Translate, markup: Callable[[str], Any]) -> dict[str, Any]:
    curves = page.comparison.curves if page.comparison else ()
    alpha = page.comparison.alpha if page.comparison else 0.05
    return {
        "scale": markup(scale.draw(page.score, t, "scale")) if page.score else "",
        "waterfalls": [
            markup(waterfall.draw(w, t, f"wc-{i}")) for i, w in enumerate(page.waterfalls)
        ],
        "reliability": [
            markup(reliability.draw(r, t, f"rc-{i}")) for i, r in enumerate(page.reliability)
        ],
        "surprise": markup(surprise.draw(page.surprise, t, "sc", page.unit))
        if page.surprise
        else "",
        "curves": [markup(evidence.draw(c, t, f"ec-{i}", alpha)) for i, c in enumerate(curves)],
    }


def _facts(page: Page, t: Translate) -> list[tuple[str, str, str]]:
    """Return the facts beside the headline: name, value, small print."""
    s = page.score
    if s is None:
        return []
    facts: list[tuple[str, str, str]] = []
    if page.unit != "nat":
        facts.append((t("in_nats"), short(s.nats, 4), _ends(s, t, lambda nats: nats)))
    if page.unit != "bit":
        bits = short(s.nats / math.log(2), 4)
        facts.append((t("in_bits"), bits, _ends(s, t, lambda nats: nats / math.log(2))))
    facts.append((t("perplexity"), short(_exp(s.nats), 4), _ends(s, t, _exp)))
    facts.append((t("truth_probability"), number(math.exp(-s.nats)), ""))
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
    facts += [
        (t(key), write(v), "") for key, v, write in named if v is not None and math.isfinite(v)
    ]
    return facts


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _ends(s: Score, t: Translate, change: Callable[[float], float]) -> str:
    found = s.interval_nats
    if found is None:
        return ""
    return t("interval_of", low=short(change(found.low), 4), high=short(change(found.high), 4))


def _parts_say(w: Waterfall, t: Translate, unit: str) -> str:
    share = w.resolution.value / w.uncertainty.value if w.uncertainty.value > 0 else math.nan
    cost = w.miscalibration
    said = t("parts_say", share=percent(share), cost=short(cost.value), unit=unit)
    if cost.null is not None:
        said += t("parts_say_null", null=short(cost.null))
        if cost.p_value is not None:
            said += t("parts_say_p", p=_relation(cost.p_value))
    return said + t("stop")


def _relation(p: float) -> str:
    shown = p_value(p)
    return shown if shown.startswith("<") else f"= {shown}"


def _temperature_says(found: Temperature, t: Translate) -> str:
    if not found.gain > 0 or found.temperature == 1:
        return ""
    if found.p_value is not None and found.p_value > 0.05:
        return t("tempered", p=_relation(found.p_value))
    return t("overconfident" if found.temperature > 1 else "underconfident")


def _reliability_say(r: Reliability, t: Translate) -> str:
    outside = sum(map(reliability.is_outside, r.bins))
    return t("reliability_text", bins=len(r.bins), outside=outside)


def _slice_says(table: Table, t: Translate, unit: str) -> str:
    said = t(
        "slice_information",
        name=tables.user_text(table.name),
        value=short(table.values["information"]),
        unit=unit,
    )
    if "chance" in table.values:
        said += t("slice_chance", value=short(table.values["chance"], 2))
    return said


def _bounds(found: Temperature, t: Translate) -> str:
    if found.gain_low is None or found.gain_high is None:
        return ""
    low, high = number(found.gain_low), number(found.gain_high)
    return f"{t('gain_bounds')}: " + t("interval_of", low=low, high=high)
