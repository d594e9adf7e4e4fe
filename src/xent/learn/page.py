"""What every chapter shares: its language, its frame, its texts, its figures and its numbers."""

from __future__ import annotations

import importlib
import math
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.numbers import number
from xent.learn.catalog import CHAPTERS, LANGUAGES, Chapter, Lang, chapter_of, html_lang, neighbours
from xent.learn.controls import Control
from xent.learn.palette import standalone
from xent.learn.svg import NARROW, WIDE
from xent.learn.texts.common import COMMON
from xent.report.chinese import in_chinese
from xent.report.page.tables import printable

__all__ = [
    "Card", "Page", "as_typed", "filled", "message_html", "of_one", "shown", "words", "wrong_html",
]  # fmt: skip


def shown(value: float, digits: int = 4) -> str:
    """Return a number as the pages write it: with a true minus sign, and infinity as its sign.

    >>> shown(-0.25), shown(float("inf")), shown(1e-7), shown(1507), shown(float("nan"))
    ('−0.2500', '∞', '1.000e−07', '1,507', '–')
    """
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return number(value, digits).replace("-", "−")


def of_one(value: float) -> str:
    """Return a probability, or a sum of some, with two decimals; only 0 and 1 are written so.

    >>> of_one(0.7), of_one(0.0033), of_one(0.9967), of_one(1.00333), of_one(1.0), of_one(7e-8)
    ('0.70', '0.0033', '0.997', '1.003', '1.00', '7.0e−08')
    """
    written = f"{value:.2f}"
    if float(written) not in (0, 1) or float(written) == value:
        return written
    if written == "0.00":
        return shown(value, 2)
    return f"{value:.{min(12, -math.floor(math.log10(abs(value - 1))))}f}"


def as_typed(text: str, most: int = 40) -> str:
    """Return what somebody typed as Markdown that shows just that, and not more of it than fits.

    >>> as_typed("<b>"), as_typed("9" * 50, most=2)
    ('<bdi>&#60;b&#62;</bdi>', '<bdi>99…</bdi>')
    """
    short = text if len(text) <= most else text[:most] + "…"
    # what is neither letter nor digit may mean something in Markdown, in HTML or in a formula
    plain = (c if c.isalnum() or c == "…" else f"&#{ord(c)};" for c in printable(short))
    return f"<bdi>{''.join(plain)}</bdi>"


def filled(text: str, **values: Any) -> str:
    """Return a text with its [[names]] filled in; floats are written with `shown`.

    >>> filled("H = [[h]] nats", h=0.80182)
    'H = 0.8018 nats'
    """

    def value(match: re.Match[str]) -> str:
        got = values[match[1]]
        return shown(got) if isinstance(got, float) else str(got)

    return re.sub(r"\[\[(\w+)\]\]", value, text)


@dataclass(frozen=True)
class Card:
    """A number, large, with its name; `name` is what tests ask for."""

    name: str
    label: str
    value: float
    unit: str = ""
    colour: str = "ink"


class Page:
    """One chapter in one language, inside a running notebook.

    `Page.open(slug)` finds the language in the address that the browser asked for.
    """

    def __init__(self, slug: str, lang: Lang) -> None:
        self.slug, self.lang = slug, lang
        self.chapter: Chapter = chapter_of(slug)
        self._texts = importlib.import_module(f"xent.learn.texts.{slug}").TEXTS

    @classmethod
    def open(cls, slug: str) -> Page:
        """Return the page of the request that this notebook serves; English outside of one."""
        import marimo

        request = marimo.app_meta().request
        path = str(request.url["path"]) if request is not None else ""
        first = path.strip("/").split("/")[0]
        return cls(slug, next((lang for lang in LANGUAGES if lang == first), "en"))

    # texts ------------------------------------------------------------------------------

    def t(self, key: str, **values: Any) -> str:
        """Return a text of this chapter, or one that all chapters share."""
        texts = self._texts.get(key) or COMMON[key]
        return filled(_joined(texts[self.lang]), **values)

    def md(self, key: str, **values: Any) -> Any:
        """Return a text as Markdown with formulas."""
        import marimo

        return marimo.md(self.t(key, **values))

    # frame ------------------------------------------------------------------------------

    def heading(self) -> Any:
        """Return the top of the page: where one is, the language, the theme, the title."""
        other: Lang = "zh" if self.lang == "en" else "en"
        number = CHAPTERS.index(self.chapter) + 1
        position = self.t("position", number=number, of=len(CHAPTERS))
        return _html(
            f'<div class="x-head" data-chapter="{self.slug}" data-lang="{self.lang}">'
            f'<nav class="x-bar" aria-label="{escape(self.t("this_page"))}">'
            f'<a href="/{self.lang}/">{escape(self.t("contents"))}</a>'
            f'<span class="x-tools"><a class="x-button" href="/{other}/{self.chapter.address}/" '
            f'lang="{html_lang(other)}" data-switch="lang">'
            f"{escape(COMMON['language'][other])}</a>"
            f'<button type="button" class="x-button" data-switch="theme">'
            f"{escape(self.t('theme'))}</button></span></nav>"
            f'<p class="x-kicker">{escape(position)}</p>'
            f"<h1>{escape(self.chapter.title[self.lang])}</h1>"
            f'<p class="x-lead">{escape(self.chapter.lead[self.lang])}</p></div>'
        )

    def footer(self) -> Any:
        """Return the links to the chapters before and after this one."""
        before, after = neighbours(self.slug)
        parts = [
            f'<a rel="{rel}" href="/{self.lang}/{c.address}/"><small>{escape(self.t(rel))}</small>'
            f"{escape(c.title[self.lang])}</a>"
            if c
            else "<span></span>"
            for rel, c in (("prev", before), ("next", after))
        ]
        name = escape(self.t("chapters"))
        return _html(f'<nav class="x-foot" aria-label="{name}">{"".join(parts)}</nav>')

    # pictures and numbers ---------------------------------------------------------------

    def stage(
        self, name: str, controls: Sequence[Control], draw: Callable[[dict[str, Any], int], str],
        *, caption: str = "", adjust: Any = None,
    ) -> Any:  # fmt: skip
        """Return a picture with controls; `caption` is the key of a text. See `stage.Stage`."""
        import marimo

        from xent.learn.stage import Stage

        caption = self.t(caption) if caption else ""
        widget = Stage(
            name, controls, draw, adjust=adjust, caption=caption, download=self.t("download"),
            words=lambda message: words(message, self.lang),
        )  # fmt: skip
        return marimo.ui.anywidget(widget)

    def figure(self, name: str, draw: Callable[[int], str], *, caption: str = "") -> Any:
        """Return a picture without controls; `caption` is the key of a text."""
        return _html(figure(name, draw, self.t(caption) if caption else "", self.t("download")))

    def download(self, label: str, filename: str, contents: bytes, kind: str) -> Any:
        """Return a link that downloads a file, which the page holds."""
        address = f"data:{kind};base64,{b64encode(contents).decode()}"
        return _html(
            f'<a class="x-button" download="{escape(filename)}" href="{address}">'
            f"{escape(label)}</a>"
        )

    def cards(self, cards: Sequence[Card]) -> Any:
        """Return numbers, large, side by side; tests find them by their name."""
        return _html(cards_html(cards))

    def say(self, key: str, *, look: str = "note", **values: Any) -> Any:
        """Return a text with a rule beside it; `look` is "note", "good" or "wrong"."""
        import marimo

        # Markdown leaves alone what stands inside of HTML
        inner = marimo.md(self.t(key, **values)).text
        return _html(f'<div class="x-say x-{look}" data-say="{key}">{inner}</div>')

    def told(self, make: Callable[[], Any]) -> Any:
        """Return what `make` returns, or what is wrong with its input, in words."""
        try:
            return make()
        except (XentValueError, XentTypeError) as error:
            return _html(wrong_html(self.t("wrong"), str(error), self.lang))


def figure(name: str, draw: Callable[[int], str], caption: str, download: str) -> str:
    """Return a picture in both widths, its caption, and a link that downloads it."""
    wide, narrow = draw(WIDE), draw(NARROW)
    address = "data:image/svg+xml;charset=utf-8," + quote(standalone(wide))
    return (
        f'<figure class="x-figure" data-figure="{name}">'
        f'<div class="x-wide">{wide}</div><div class="x-narrow">{narrow}</div>'
        f'<div class="x-under"><figcaption>{caption}</figcaption>'
        f'<a class="x-button x-download" download="{name}.svg" href="{address}">'
        f"{escape(download)}</a></div></figure>"
    )


def cards_html(cards: Sequence[Card]) -> str:
    """Return number cards; `data-value` has every digit."""
    return '<dl class="x-cards">' + "".join(
        f'<div data-number="{escape(c.name)}" data-value="{float(c.value)!r}">'
        f"<dt>{c.label}</dt>"
        f'<dd class="text-{c.colour}">{shown(c.value)}'
        f"{f' <small>{escape(c.unit)}</small>' if c.unit else ''}</dd></div>"
        for c in cards
    ) + "</dl>"  # fmt: skip


def wrong_html(title: str, message: str, lang: Lang = "en") -> str:
    """Return what is wrong and the hints, in words, a line each."""
    return (
        f'<div class="x-say x-wrong" role="alert" data-wrong=""><b>{escape(title)}</b> '
        f"{message_html(message, lang)}</div>"
    )


def message_html(message: str, lang: Lang) -> str:
    """Return a message of the library in a language; in English, and said so, if it has no other.

    >>> message_html("a.csv must have rows, got none", "zh")
    'a.csv 里没有数据行'
    >>> message_html("to be; or not", "zh")
    '原文（英文）：<span lang="en">to be<br>or not</span>'
    """
    found = in_chinese(message) if lang == "zh" else None
    lines = found or [part for part in message.partition("; ") if part != "; "]
    told = "<br>".join(escape(line) for line in lines if line)
    if lang == "en" or found:
        return told
    return f'{escape(COMMON["in_english"][lang])}<span lang="en">{told}</span>'


def words(message: str, lang: Lang) -> str:
    """Return a message of the library as one line of text, in a language if it has one there.

    >>> words("target: y; probabilities of class 1 from p", "zh")
    '真相：y；类别 1 的概率：p'
    """
    found = in_chinese(message) if lang == "zh" else None
    return "；".join(found) if found else message


def _joined(text: str) -> str:
    """Return a text whose lines end without a space where Chinese has none.

    >>> _joined("信息，\\n熵")
    '信息，熵'
    """
    return re.sub(
        r"(?<=[\u3000-\u9fff\uff00-\uffef”])\n(?=[\u3000-\u9fff\uff00-\uffef“])", "", text
    )


def _html(text: str) -> Any:
    import marimo

    return marimo.Html(text)
