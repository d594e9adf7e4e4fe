"""The application: marimo's notebooks, one mounted for each chapter and language, and the cover.

What marimo sends is changed in two ways: the page says which language it is in, and a policy
forbids the browser to ask anything of any other machine.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from typing import Any

from xent.learn.catalog import LANGUAGES, Lang, chapter_of, html_lang, written
from xent.learn.cover import cover, head, missing

__all__ = ["application"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# scripts are marimo's own and inline; its plugins are compiled in the page
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob: ws://{host}; "
    "frame-ancestors 'none'; form-action 'none'; base-uri 'self'"
)
HOSTS = ("127.0.0.1", "localhost", "[::1]")


def application(lang: Lang) -> App:
    """Return the ASGI application; / leads to the cover in `lang`."""
    import marimo

    builder = marimo.create_asgi_app(quiet=True, include_code=False, html_head=head())
    for chapter in written():
        for language in LANGUAGES:
            # one file is one application, which reads its language from the address
            builder = builder.with_app(
                path=f"/{language}/{chapter.address}", root=str(chapter.file)
            )
    return _Front(builder.build(), lang)


class _Front:
    """What stands before marimo: the cover, the language of a page, and who may ask."""

    def __init__(self, notebooks: App, lang: Lang) -> None:
        self._notebooks, self._lang = notebooks, lang
        self._addresses = {c.address for c in written()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        host = _header(scope, b"host")
        if host.rsplit(":", 1)[0] not in HOSTS or not _same_origin(scope, host):
            # a page elsewhere that reaches this port under another name
            await _refuse(scope, send)
            return
        parts = [part for part in scope["path"].split("/") if part]
        lang: Lang = next((k for k in LANGUAGES if parts[:1] == [k]), self._lang)
        if scope["type"] == "http":
            if not parts:
                await _respond(send, 307, "", host, [(b"location", f"/{lang}/".encode())])
                return
            if parts == [lang]:
                await _respond(send, 200, cover(lang), host)
                return
            if parts[0] != lang or parts[1] not in self._addresses:
                await _respond(send, 404, missing(lang), host)
                return
            if len(parts) == 2 and not scope["path"].endswith("/"):
                there = f"/{lang}/{parts[1]}/"
                await _respond(send, 307, "", host, [(b"location", there.encode())])
                return
            if len(parts) == 2:
                title = f"{chapter_of(parts[1]).title[lang]} · xent learn"
                await self._notebooks(scope, receive, _Dressed(send, lang, title, host))
                return
        await self._notebooks(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Tell the notebooks to end when the server does: their threads keep a program alive."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for route in getattr(self._notebooks, "routes", ()):
            state = getattr(getattr(route, "app", None), "state", None)
            manager = getattr(state, "session_manager", None)
            if manager is not None:
                await manager.shutdown()
        await send({"type": "lifespan.shutdown.complete"})


class _Dressed:
    """Passes a page of marimo on with its language, its title and the policy."""

    def __init__(self, send: Send, lang: Lang, title: str, host: str) -> None:
        self._send, self._lang, self._title, self._host = send, lang, title, host
        self._start: MutableMapping[str, Any] = {}
        self._body = b""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        text = self._body.decode("utf-8", "replace")
        text = text.replace('<html lang="en">', f'<html lang="{html_lang(self._lang)}">', 1)
        # pictures for a lost connection: a browser warns of what is loaded early and not used
        text = re.sub(r'<link rel="preload"[^>]*as="image"[^>]*>', "", text)
        begin, end = text.find("<title>"), text.find("</title>")
        if 0 <= begin < end:
            text = f"{text[:begin]}<title>{escape(self._title)}{text[end:]}"
        kept = [
            (k, v)
            for k, v in self._start["headers"]
            if k.lower() not in (b"content-length", b"etag")
        ]
        policy = (b"content-security-policy", POLICY.format(host=self._host).encode())
        body = text.encode()
        length = (b"content-length", str(len(body)).encode())
        await self._send({**self._start, "headers": [*kept, policy, length]})
        await self._send({"type": "http.response.body", "body": body})


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")


def _same_origin(scope: Scope, host: str) -> bool:
    origin = _header(scope, b"origin")
    return not origin or origin == f"http://{host}"


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await _respond(send, 403, "this address serves its own machine only", "")


async def _respond(
    send: Send, status: int, text: str, host: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = text.encode()
    told = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", POLICY.format(host=host).encode()),
        (b"cache-control", b"no-cache"),
        *(headers or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})
