"""What every chapter shares: its language, its frame, its texts, its figures and its numbers."""

from __future__ import annotations

import importlib
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from xent.errors import XentTypeError, XentValueError
from xent.learn.catalog import CHAPTERS, LANGUAGES, Chapter, Lang, chapter_of, html_lang, neighbours
from xent.learn.controls import Control
from xent.learn.html import Card, cards_html, figure, words, wrong_html
from xent.learn.numbers import shown
from xent.learn.texts.common import COMMON

__all__ = ["Page", "filled"]


def filled(text: str, **values: Any) -> str:
    """Return a text with its [[names]] filled in; floats are written with `shown`.

    >>> filled("H = [[h]] nats", h=0.80182)
    'H = 0.8018 nats'
    """

    def value(match: re.Match[str]) -> str:
        got = values[match[1]]
        return shown(got) if isinstance(got, float) else str(got)

    return re.sub(r"\[\[(\w+)\]\]", value, text)


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
