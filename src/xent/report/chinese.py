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


@functools.lru_cache(maxsize=256)
def _sentence(text: str) -> str | None:
    for template, chinese in _templates():
        values = template.values(text)
        filled = None if values is None else _filled(chinese, values)
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


class Template:
    """A sentence with places, and what stands in the places of a text.

    >>> Template("{n} row(s) of {name}, and {other}").values("2 rows of a.csv, and of b, and c")
    {'n': '2', 'name': 'a.csv', 'other': 'of b, and c'}

    A place of words ends where what follows it comes first. That finds a way to read the text
    if there is one, and never looks back: a name that somebody made up of our own words costs
    no more than another, where one pattern for the sentence would try every way to part it.
    """

    def __init__(self, english: str) -> None:
        self._words: list[str] = []
        between, end = [""], 0
        for place in _PLACE.finditer(english):
            name, ending = place.groups()
            between[-1] += re.escape(english[end : place.start()])
            if ending:
                between[-1] += "s?" if ending == "s" else f"(?:{ending})?"
            elif _WHOLE.fullmatch(name):
                between[-1] += f"(?P<{name}>-?[0-9,]+)"
            else:
                self._words.append(name)
                between.append("")
            end = place.end()
        between[-1] += re.escape(english[end:]) + r"\Z"
        self._between = [re.compile(part) for part in between]

    def values(self, text: str) -> dict[str, str] | None:
        """Return what stands in each place, none of it empty; None for another sentence."""
        found = self._between[0].match(text)
        values = {} if found is None else found.groupdict()
        for name, following in zip(self._words, self._between[1:], strict=True):
            if found is None or found.end() == len(text):
                return None
            begin = found.end()
            found = following.search(text, begin + 1)
            if found is not None:
                values |= {name: text[begin : found.start()]} | found.groupdict()
        return None if found is None else values


@functools.cache
def _templates() -> tuple[tuple[Template, str], ...]:
    return tuple((Template(english), chinese) for english, chinese in MESSAGES)
