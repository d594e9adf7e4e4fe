"""`xent learn`: cross-entropy, to play with, in the browser."""

from __future__ import annotations

from typing import Annotated

from xent.cli.common import Lang
from xent.cli.options import OK, option, whole

__all__ = ["learn"]


def learn(
    *,
    lang: Lang = "en",
    port: Annotated[
        int | None, whole("Port of this machine (default: the first free from 2718).")
    ] = None,
    no_browser: Annotated[bool, option("Print the address and open no browser.")] = False,
) -> int:
    """Open the article to play with in the browser: entropy, cross-entropy, losses."""
    from xent.learn.server import serve

    serve(lang, port=port, open_browser=not no_browser)
    return OK
