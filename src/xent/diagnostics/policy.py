"""Which checks run: `checks("off" | "fast" | "full")`, and the codes that are muted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from xent.diagnostics.rules import RULES
from xent.errors import XentTypeError, XentValueError

__all__ = ["LEVELS", "active", "checks", "muted"]

LEVELS = ("off", "fast", "full")


def checks(
    level: str | None = None, *, silence: Iterable[str] = ()
) -> AbstractContextManager[None]:
    """Return a context manager that sets which checks run inside a ``with`` block.

    Parameters
    ----------
    level : {"off", "fast", "full"}, optional
        Without one, the level stays as it is. Outside of every block it is what the
        environment variable ``XENT_CHECKS`` held at import, else "fast".

        ======================================================  =====  =====  =====
        what                                                    off    fast   full
        ======================================================  =====  =====  =====
        class indices in range, dtypes, shapes, axes            yes    yes    yes
        nothing to average, other units                         yes    yes    yes
        probabilities, where the computation sees them anyway   yes    yes    yes
        soft, one-hot and n-hot targets: values and row sums    no     yes    yes
        probabilities, where it needs a pass of its own         no     yes    yes
        samples of the logits (calls 1-20, every 1000th)        no     yes    every call
        warnings                                                no     yes    yes
        notes, which are about nothing wrong                    no     no     yes
        ======================================================  =====  =====  =====

        The first three lines are errors that protect memory or cost nothing, so no level
        turns them off.
    silence : iterable of str
        Codes that do not warn inside the block, such as ``("D04",)``, besides those that
        an outer block silences. An error is never silenced.

    Raises
    ------
    XentValueError
        If the level or a code is unknown; at the call, before the block is entered.

    Notes
    -----
    The setting belongs to the current context: other threads and other asyncio tasks do
    not see it. A thread that is started inside the block begins with the default, unless
    Python itself hands the context on (3.14, free-threaded builds).

    See Also
    --------
    xent.audit : runs every rule once, on purpose, and never raises for what it finds.

    Examples
    --------
    >>> from xent.diagnostics.policy import active, checks
    >>> with checks("off"):
    ...     active()
    'off'
    >>> with checks(silence=["D04"]):
    ...     active()
    'fast'
    """
    if level is not None:
        _check_level(level, "level")
    if isinstance(silence, str):
        raise XentTypeError(
            f'silence must be a list of codes such as ["D04"], got the text {silence!r}; '
            f"write silence=[{silence!r}]",
            value=silence,
        )
    codes = frozenset(silence)
    unknown = sorted(map(str, codes - RULES.keys()))
    if unknown:
        raise XentValueError(
            f"silence must hold codes of rules ({', '.join(RULES)}), got {unknown[0]!r}",
            value=unknown[0],
        )
    return _inside(level, codes)


def active() -> str:
    """Return the level that holds here: "off", "fast" or "full"."""
    return level_here.get()


def muted(code: str) -> bool:
    """Return whether a surrounding `checks` silences this code."""
    return code in _silenced.get()


@contextmanager
def _inside(level: str | None, codes: frozenset[str]) -> Iterator[None]:
    level_token = level_here.set(level_here.get() if level is None else level)
    silenced_token = _silenced.set(_silenced.get() | codes)
    try:
        yield
    finally:
        _silenced.reset(silenced_token)
        level_here.reset(level_token)


def _check_level(level: str, name: str) -> str:
    if level not in LEVELS:
        raise XentValueError(f"{name} must be one of {LEVELS}, got {level!r}", value=level)
    return level


_DEFAULT = _check_level(os.environ.get("XENT_CHECKS") or "fast", "XENT_CHECKS")
_NOTHING: frozenset[str] = frozenset()
level_here: ContextVar[str] = ContextVar("xent.checks.level", default=_DEFAULT)
_silenced: ContextVar[frozenset[str]] = ContextVar("xent.checks.silenced", default=_NOTHING)
