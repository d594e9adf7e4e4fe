"""Speak once: a `MisuseWarning` at the line of the user's code that called xent."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

from xent.diagnostics.policy import active, muted
from xent.errors import MisuseWarning

__all__ = ["forget", "listening", "note_once", "warn_once"]

_HOME = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")  # src/xent/
_seen: set[tuple[str, str, int]] = set()
_lock = threading.Lock()
_heard: ContextVar[list[tuple[str, MisuseWarning]] | None] = ContextVar(
    "xent.warnings", default=None
)


def warn_once(message: str, *, code: str, index: Any = None, value: Any = None) -> None:
    """Warn with `MisuseWarning`, once for each line outside xent and each code.

    The warning points at the innermost line that is neither in xent nor in torch, whose
    modules stand between a user and a loss module. Nothing is said at the level "off", or
    where `code` is silenced. The message gets the line that silences it.

    Parameters
    ----------
    message : str
        What was found, why it matters, and the fix; without the code.
    code : str
        The rule, such as "D04".
    index, value : optional
        Where the first offender is and what it is; attributes of the warning.

    Examples
    --------
    >>> import warnings
    >>> from xent.diagnostics.warn import forget, warn_once
    >>> forget()
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     for _ in range(3):
    ...         warn_once("rows sum to one", code="D04")
    >>> [str(w.message) for w in caught]
    ['D04: rows sum to one (silence: xent.checks(silence=["D04"]))']
    """
    _say("warning", MisuseWarning(message, code=code, index=index, value=value))


def note_once(message: str, *, code: str, index: Any = None, value: Any = None) -> None:
    """Do as `warn_once`, but at the level "full" only.

    For what is worth knowing and nothing wrong: a program that is right must not meet it
    unasked, least of all where warnings are errors.
    """
    if active() == "full":
        _say("note", MisuseWarning(message, code=code, index=index, value=value))


@contextmanager
def listening() -> Iterator[list[tuple[str, MisuseWarning]]]:
    """Collect, with "warning" or "note", what would be said inside the block; repeats too."""
    heard: list[tuple[str, MisuseWarning]] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def forget() -> None:
    """Forget what was said, so that every line may be told again (for tests)."""
    with _lock:
        _seen.clear()


def _say(severity: str, warning: MisuseWarning) -> None:
    code = warning.code or ""
    if active() == "off" or muted(code):
        return
    heard = _heard.get()
    if heard is not None:
        heard.append((severity, warning))
        return
    frame = _caller()
    site = (code, frame.f_code.co_filename, frame.f_lineno)
    with _lock:
        if site in _seen:
            return
        _seen.add(site)
    warning.args = (f'{warning} (silence: xent.checks(silence=["{code}"]))',)
    warnings.warn_explicit(
        warning,
        MisuseWarning,
        filename=frame.f_code.co_filename,
        lineno=frame.f_lineno,
        # of code without a module nothing would be said
        module=frame.f_globals.get("__name__") or frame.f_code.co_filename,
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


def _caller() -> FrameType:
    """Return the innermost frame outside xent and torch, else the outermost frame."""
    frame: FrameType = sys._getframe(1)
    while _is_inside(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _is_inside(frame: FrameType) -> bool:
    if frame.f_code.co_filename.startswith(_HOME):
        return True
    module = frame.f_globals.get("__name__")
    return isinstance(module, str) and (module == "torch" or module.startswith("torch."))
