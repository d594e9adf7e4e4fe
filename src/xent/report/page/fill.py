"""The page as text: the template, filled; the same model gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from importlib import resources
from importlib.util import find_spec
from typing import Any

from xent.errors import UnavailableError
from xent.evaluation.numbers import level_text
from xent.report.chinese import in_chinese
from xent.report.machine import plain
from xent.report.page import sentences, tables
from xent.report.page.charts import evidence, reliability, scale, surprise, waterfall
from xent.report.page.model import Page, Table, Waterfall
from xent.report.page.texts import LANGUAGES, TEXTS, Translate, translator
from xent.report.page.written import count, short

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

    def said(tag: str, message: str, kind: str = "") -> Markup:
        """Return a message about the data, in English where it has no words in the language."""
        found = None
        if lang == "zh":  # what begins a sentence here may not begin one there
            found = in_chinese(message) or in_chinese(message[:1].lower() + message[1:])
        attributes = Markup(' class="{}"').format(kind) if kind else Markup("")
        if lang != "en" and not found:
            attributes += Markup(' lang="en"')
        words = "；".join(found) if found else message
        return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), attributes, words)

    shown = _shown(page, t)
    return environment.from_string(_asset("page.html.j2")).render(
        page=shown,
        t=t,
        html_lang=LANGUAGES[lang],
        said=said,
        slice_says=partial(sentences.slice_says, t=t, unit=t(page.unit)),
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
        level=level_text,
        interval=partial(tables.interval, t=t),
        facts=sentences.facts(shown, t),
        parts_say=partial(sentences.parts_say, t=t, unit=t(page.unit)),
        reliability_say=partial(sentences.reliability_say, t=t),
        bounds=partial(sentences.gain_bounds, t=t),
        temperature_says=partial(sentences.temperature_says, t=t),
        tail=surprise.tail_text(page.surprise, t) if page.surprise else "",
        named=named,
        term_tables=[tables.term_table(w, t) for w in shown.waterfalls],
        bin_tables=[tables.bin_table(r, t) for r in shown.reliability],
        left_out_table=tables.left_out_table(page.left_out, t, f"{page.clip:g}"),
        pairs_say=sentences.pairs_say(shown, t),
        pair_table=tables.pair_table(shown.comparison.pairs, t) if shown.comparison else None,
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
