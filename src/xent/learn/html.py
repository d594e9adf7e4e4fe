"""The HTML of what a page shows: pictures, number cards, messages, what somebody typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from xent.learn.catalog import Lang
from xent.learn.numbers import shown
from xent.learn.palette import standalone
from xent.learn.svg import NARROW, WIDE
from xent.learn.texts.common import COMMON
from xent.report.chinese import in_chinese
from xent.report.page.tables import printable

__all__ = ["Card", "as_typed", "cards_html", "figure", "message_html", "words", "wrong_html"]


@dataclass(frozen=True)
class Card:
    """A number, large, with its name; `name` is what tests ask for."""

    name: str
    label: str
    value: float
    unit: str = ""
    colour: str = "ink"


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


def as_typed(text: str, most: int = 40) -> str:
    """Return what somebody typed as Markdown that shows just that, and not more of it than fits.

    >>> as_typed("<b>"), as_typed("9" * 50, most=2)
    ('<bdi>&#60;b&#62;</bdi>', '<bdi>99…</bdi>')
    """
    short = text if len(text) <= most else text[:most] + "…"
    # what is neither letter nor digit may mean something in Markdown, in HTML or in a formula
    plain = (c if c.isalnum() or c == "…" else f"&#{ord(c)};" for c in printable(short))
    return f"<bdi>{''.join(plain)}</bdi>"
