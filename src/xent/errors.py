"""What xent raises and warns.

    ValueError
      XentValueError          an argument has a wrong value or shape
        SourceError           a file of predictions is missing, malformed or unreadable
        MergeError            two states that do not belong together
    TypeError
      XentTypeError           an argument has a wrong type or dtype
    RuntimeError
      UnavailableError        a package is missing, or a named implementation cannot serve
    UserWarning
      MisuseWarning           accepted, but very likely not what was meant

Every one of them carries `code` (the rule that spoke, "D01", or None), `index`
(where the first offender is, or None) and `value` (what it is, or None), so that a
framework can raise it again in its own words.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "MergeError",
    "MisuseWarning",
    "SourceError",
    "UnavailableError",
    "XentTypeError",
    "XentValueError",
]


class _Coded(Exception):
    """A message with the rule, the place and the value that it is about."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        index: tuple[int, ...] | int | None = None,
        value: Any = None,
    ) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code
        self.index = index
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        # the message already holds the code, so __init__ must not see it again
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[_Coded], args: tuple[Any, ...], state: dict[str, Any]) -> _Coded:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class XentValueError(_Coded, ValueError):
    """An argument has a wrong value or shape."""


class SourceError(XentValueError):
    """A file of predictions is missing, malformed or unreadable."""


class MergeError(XentValueError):
    """Two states that do not belong together: other units, settings or versions."""


class XentTypeError(_Coded, TypeError):
    """An argument has a wrong type or dtype."""


class UnavailableError(_Coded, RuntimeError):
    """A package that this needs is missing, or a named implementation cannot serve the call."""


class MisuseWarning(_Coded, UserWarning):
    """Accepted, but very likely not what was meant."""
