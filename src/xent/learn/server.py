"""Serve the pages to this machine only, until Ctrl-C."""

from __future__ import annotations

import errno
import socket
import threading
import time
import webbrowser
from typing import Any

from xent.errors import UnavailableError, XentValueError
from xent.learn.catalog import LANGUAGES, Lang

__all__ = ["FIRST_PORT", "bound", "check_installed", "serve"]

HOST = "127.0.0.1"  # which only this machine reaches
FIRST_PORT, TRIES = 2718, 50
IN_TERMINAL = ("www-browser", "links", "elinks", "lynx", "w3m")
LONGEST_END = 20.0  # seconds that a computation has to come to its end


def check_installed() -> None:
    """Raise unless what the pages are made with is installed."""
    try:
        import anywidget  # noqa: F401
        import marimo  # noqa: F401
        import uvicorn  # noqa: F401
        import zmq  # noqa: F401
    except ImportError as error:
        raise UnavailableError(
            f'the pages need {error.name}, which is missing; pip install "xent[learn]"'
        ) from None


def bound(host: str, port: int | None) -> tuple[socket.socket, int | None]:
    """Return a listening socket, and the port that was taken where another had to be found.

    With a port, that one or an error that says who is in the way; without, the first free one
    from FIRST_PORT on.
    """
    if port is not None and not 0 <= port < 65536:
        raise XentValueError(f"port must be from 0 to 65535, got {port}", value=port)
    wanted = FIRST_PORT if port is None else port
    for number in range(wanted, wanted + (TRIES if port is None else 1)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # a port that was left a moment ago is free
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
            listener.listen(64)
            return listener, None if number == wanted else wanted
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE:
                continue
            raise XentValueError(
                f"port must be one that may be opened on {host}, got {number} "
                f"({error.strerror}); take one above 1023",
                value=number,
            ) from None
    if port is None:
        last = wanted + TRIES - 1
        raise XentValueError(
            f"no port from {wanted} to {last} is free on {host}; give one: --port N"
        )
    raise XentValueError(
        f"port must be free, got {port}, which another program listens on; "
        "leave --port out to take the next free one",
        value=port,
    )


def serve(
    lang: Lang = "en",
    *,
    port: int | None = None,
    open_browser: bool = True,
) -> None:
    """Serve the pages until Ctrl-C; nothing leaves this machine.

    Parameters
    ----------
    lang : {"en", "zh"}
        Language of the first page; the other is one click away.
    port : int, optional
        By default the first free one from 2718 on.
    open_browser : bool
        Show the cover in the reader's browser.

    Raises
    ------
    UnavailableError
        If marimo is not installed: pip install "xent[learn]".
    XentValueError
        If `port` is taken, or `lang` unknown.
    """
    if lang not in LANGUAGES:
        raise XentValueError(f"lang must be one of {LANGUAGES}, got {lang!r}", value=lang)
    check_installed()
    listener, taken = bound(HOST, port)
    import uvicorn

    from xent.learn.asgi import application

    here = listener.getsockname()[1]
    address = f"http://{HOST}:{here}/{lang}/"
    # an open page holds a connection, which Ctrl-C does not wait for
    config = uvicorn.Config(
        application(lang), log_level="error", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    if taken is not None:
        print(f"port {taken} is in use; {here} is free")
    print(f"xent learn: {address}\nCtrl-C stops it", flush=True)
    if open_browser:
        threading.Thread(target=_open, args=(server, address), daemon=True).start()
    others = set(threading.enumerate())
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()
    _let_end(set(threading.enumerate()) - others)
    print("stopped", flush=True)


def _let_end(threads: set[threading.Thread]) -> None:
    """Wait for what a page is still computing.

    A thread that compiled code holds when the interpreter ends would end it with an abort, and a
    file that is being judged would stay where it was written.
    """
    last = time.monotonic() + LONGEST_END
    for thread in threads:
        thread.join(max(0.0, last - time.monotonic()))


def _open(server: Any, address: str) -> None:
    while not server.started and not server.should_exit:
        time.sleep(0.05)
    if server.should_exit or _shown(address):
        return
    print("no browser was found here: open the address in yours", flush=True)


def _shown(address: str) -> bool:
    """Return whether a browser opened an address; one in the terminal would take the terminal."""
    try:
        found = webbrowser.get()
        in_terminal = type(found) is webbrowser.GenericBrowser and found.name in IN_TERMINAL
        return not in_terminal and found.open(address)
    except (webbrowser.Error, OSError):
        return False
