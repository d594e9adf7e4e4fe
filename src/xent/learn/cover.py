"""The cover: what there is to learn, in order; plain HTML without a notebook behind it."""

from __future__ import annotations

from html import escape
from pathlib import Path

from xent.learn.catalog import Lang, html_lang, written
from xent.learn.page import Page
from xent.learn.palette import page_variables, picture_style
from xent.learn.pictures import divergence
from xent.learn.pictures.small import small
from xent.learn.svg import NARROW, WIDE
from xent.learn.texts.common import COMMON
from xent.learn.texts.marimo import IN_FILES, SAID
from xent.report.page.fill import island

__all__ = ["cover", "head", "missing"]

ASSETS = Path(__file__).parent / "assets"


def head() -> str:
    """Return the styles and the script that the cover and every chapter have."""
    style = page_variables() + picture_style() + (ASSETS / "page.css").read_text(encoding="utf-8")
    script = (ASSETS / "page.js").read_text(encoding="utf-8")
    words = island({"said": SAID, "in_files": IN_FILES})
    return (
        f'<style>{style}</style><script type="application/json" id="x-words">{words}</script>'
        f"<script>{script}</script>"
    )


def cover(lang: Lang) -> str:
    """Return the page of contents."""
    rows = "".join(
        f'<li><a href="/{lang}/{c.address}/"><span><b>{escape(c.title[lang])}</b>'
        f"<span>{escape(c.lead[lang])}</span></span>{small(c.slug)}</a></li>"
        for c in written()
    )
    return _page(
        lang, COMMON["subject"][lang], f"{_hero(lang)}<ol>{rows}</ol>", COMMON["about"][lang]
    )


def _hero(lang: Lang) -> str:
    """Return what it is all about, as a picture: H(p) + KL(p‖q) = H(p, q)."""
    page = Page("divergence", lang)
    values = divergence.believed((0.7, 0.2, 0.1), (0.3, 0.3, 0.4)) | {"unit": "nat"}
    draw = divergence.total(page.t, values)
    return (
        f'<div class="x-figure"><div class="x-wide">{draw(WIDE)}</div>'
        f'<div class="x-narrow">{draw(NARROW)}</div></div>'
    )


def missing(lang: Lang) -> str:
    """Return the page for an address that does not exist."""
    contents = f'<p><a href="/{lang}/">{escape(COMMON["contents"][lang])}</a></p>'
    return _page(lang, COMMON["subject"][lang], contents, COMMON["missing"][lang])


def _page(lang: Lang, title: str, content: str, lead: str) -> str:
    other: Lang = "zh" if lang == "en" else "en"
    return (
        f'<!doctype html><html lang="{html_lang(lang)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)} · xent learn</title>{head()}</head>'
        '<body class="cover"><main><nav class="x-bar"><span></span><span class="x-tools">'
        f'<a class="x-button" href="/{other}/" lang="{html_lang(other)}" data-switch="lang">'
        f"{escape(COMMON['language'][other])}</a>"
        '<button type="button" class="x-button" data-switch="theme">'
        f"{escape(COMMON['theme'][lang])}</button></span></nav>"
        '<p class="x-kicker">xent learn</p>'
        f'<h1>{escape(title)}</h1><p class="x-lead">{escape(lead)}</p>{content}'
        "</main></body></html>"
    )
