"""What the library says, in Chinese: sentences of `messages`, recognised and filled in."""

from __future__ import annotations

import functools
import itertools
import re

from xent.report.messages import MESSAGES

__all__ = ["in_chinese"]

LONGEST = 2000  # characters; what is longer holds names that nobody reads
MOST_SENTENCES = 12
# a place, or the end of a word that may be there
_PLACE = re.compile(r"\{(\w+)\}|\((s|es)\)")
_WHOLE = re.compile(r"n(_\w+)?")
_CODE = re.compile(r"(D\d\d): (.+)", re.DOTALL)


@functools.lru_cache(maxsize=256)
def in_chinese(message: str) -> tuple[str, ...] | None:
    """Return the sentences of a message in Chinese; None where one of them has no translation.

    What is wrong comes first, what to do about it after it.

    >>> in_chinese("every value must be a number; is a column missing?")
    ('每个值都必须是数', '是不是少了一列？')
    >>> in_chinese("a.csv must have rows, got none")
    ('a.csv 里没有数据行',)
    >>> in_chinese("to be or not to be") is None
    True
    """
    if len(message) > LONGEST:
        return None
    coded = _CODE.fullmatch(message)
    if coded:
        found = in_chinese(coded[2])
        return found and (f"{coded[1]}：{found[0]}", *found[1:])
    # a name may hold "; " itself: then no sentence ends there
    for parting in itertools.islice(re.finditer("; ", message), MOST_SENTENCES):
        first = _sentence(message[: parting.start()])
        rest = in_chinese(message[parting.end() :]) if first is not None else None
        if first is not None and rest is not None:
            return (first, *rest)
    whole = _sentence(message)
    return None if whole is None else (whole,)


def _sentence(text: str) -> str | None:
    for pattern, chinese in _patterns():
        match = pattern.fullmatch(text)
        filled = match and _filled(chinese, match.groupdict())
        if filled is not None:
            return filled
    return None


def _filled(chinese: str, values: dict[str, str]) -> str | None:
    """Return a sentence with its places filled in; None where one that is a sentence is not known.

    What is no sentence but a number or a name stays as it is.
    """
    told = dict(values)
    for name, value in values.items():
        if name.endswith("_"):
            sentence = _sentence(value)
            if sentence is None and not _is_value(value):
                return None
            told[name] = value if sentence is None else sentence
    return _PLACE.sub(lambda match: told[match[1]], chinese)


def _is_value(text: str) -> bool:
    """Return whether a text is a number, or something quoted."""
    return bool(re.fullmatch(r"[-+]?(\d[\d.,e+-]*|inf|nan)|'.*'|\".*\"", text, re.DOTALL))


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(_pattern(english), re.DOTALL), zh) for english, zh in MESSAGES)


def _pattern(english: str) -> str:
    """Return what recognises a sentence.

    >>> _pattern("{n} row(s) of {name}")
    '(?P<n>-?[0-9,]+)\\\\ rows?\\\\ of\\\\ (?P<name>.+?)'
    """
    parts, end = [], 0
    for place in _PLACE.finditer(english):
        name, ending = place.groups()
        parts.append(re.escape(english[end : place.start()]))
        if ending:
            parts.append("s?" if ending == "s" else f"(?:{ending})?")
        else:
            kind = "-?[0-9,]+" if _WHOLE.fullmatch(name) else ".+?"
            parts.append(f"(?P<{name}>{kind})")
        end = place.end()
    return "".join([*parts, re.escape(english[end:])])
