"""Number cards in a line each: what a card is called names its text as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xent.learn.code import code_html
from xent.learn.html import Card
from xent.learn.page import Page

__all__ = ["named"]


def named(page: Page) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `numbers` and `told` for a page.

    ``numbers((name, value, unit, colour), ..., prefix="", **facts)`` returns cards whose labels are
    the texts ``card_NAME``, filled in with facts; a value may be an array of one entry, a unit is
    "", "%" or the key of a text. ``told(cards, key, look="note", code="", **facts)`` returns cards
    with a text under them, and lines of Python that give their numbers.
    """

    def numbers(*rows: tuple[str, Any, str, str], prefix: str = "", **facts: Any) -> Any:
        return page.cards(
            [
                Card(
                    prefix + name,
                    page.t(f"card_{name}", **facts),
                    _plain(value),
                    unit if unit in ("", "%") else page.t(unit),
                    colour,
                )
                for name, value, unit, colour in rows
            ]
        )

    def told(cards: Any, key: str, look: str = "note", code: str = "", **facts: Any) -> Any:
        import marimo

        plain = {name: _plain(value) for name, value in facts.items()}
        lines = [marimo.Html(code_html(code, "Python"))] if code else []
        return marimo.vstack([cards, page.say(key, look=look, **plain), *lines], gap=1)

    return numbers, told


def _plain(value: Any) -> Any:
    """A number of its own where it is the only entry of an array."""
    return value.item() if hasattr(value, "item") else value
