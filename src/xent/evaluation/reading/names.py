"""Names of columns: which belong together, which class each stands for, which is near."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Sequence

from xent.errors import SourceError, XentValueError

__all__ = [
    "class_list",
    "class_names",
    "class_values",
    "column_named",
    "expand",
    "grouped",
    "is_integer",
    "match_suffixes",
    "nearest",
    "repeated",
    "same_number",
    "span",
]

# "p_3", "prob cat", "p[3]", "p3": a stem, perhaps a separator, and the class
_PARTS = re.compile(
    r"^(?P<stem>[A-Za-z]+(?:_(?:proba?|probs|true|pred))?)"
    r"(?:[_\-.: \[](?P<name>.+?)\]?|(?P<number>\d+))$"
)


def nearest(name: str, names: Iterable[str], what: str = "there are") -> str:
    """Return a sentence with the nearest names, or with all of them.

    >>> nearest("lable", ["label", "p_0", "p_1"])
    'the nearest is label'
    """
    names = list(names)
    lower = {n.lower(): n for n in reversed(names)}
    close = [lower[n] for n in difflib.get_close_matches(name.lower(), lower, n=3)]
    if close:
        return ("the nearest is " if len(close) == 1 else "the nearest are ") + ", ".join(close)
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"{what} {shown}" if names else "there are no columns"


def column_named(argument: str, name: str, names: Sequence[str]) -> str:
    """Return `name` if it is a column, else raise with the nearest names."""
    if name in names:
        return name
    raise SourceError(
        f"{argument} must name a column, got {name!r}; {nearest(name, names)}", value=name
    )


def class_list(text: str) -> list[str]:
    """Return the classes of "cat,dog" or of the range "1..10".

    >>> class_list("1..3"), class_list("cat, dog")
    (['1', '2', '3'], ['cat', 'dog'])
    """
    numbers = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", text.strip())
    if numbers:
        return [str(j) for j in range(int(numbers[1]), int(numbers[2]) + 1)]
    return [name.strip() for name in text.split(",")]


def repeated(names: Iterable[str]) -> str | None:
    """Return the first name that comes a second time, or None.

    >>> repeated(["a", "b", "a"])
    'a'
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def expand(argument: str, chosen: str | Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the columns that a choice names: "a", "a,b", "p_*" or a list of these."""
    items = [chosen] if isinstance(chosen, str) else list(chosen)
    found: list[str] = []
    known = set(names)
    for item in items:
        if item in known:
            found.append(item)
            continue
        for part in (p.strip() for p in item.split(",")):
            if any(c in part for c in "*?["):
                hits = fnmatch.filter(names, part)
                if not hits:
                    raise SourceError(
                        f"{argument} must match columns, got {part!r}; {nearest(part, names)}",
                        value=part,
                    )
                found += hits
            else:
                found.append(column_named(argument, part, names))
    twice = repeated(found)
    if twice is not None:
        raise XentValueError(
            f"{argument} must name each column once, got {twice!r} twice", value=twice
        )
    return found


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Return columns by the stem of their names, in lower case, for stems of two or more.

    >>> grouped(["id", "p_cat", "p_dog", "y1", "y2"])
    {'p': ['p_cat', 'p_dog'], 'y': ['y1', 'y2']}
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        parts = _PARTS.match(name)
        if parts:
            groups.setdefault(parts["stem"].lower(), []).append(name)
    return {stem: found for stem, found in groups.items() if len(found) > 1}


def class_names(columns: Sequence[str]) -> list[str]:
    """Return the class of each column: its name without the stem that all share.

    >>> class_names(["p_cat", "p_dog"]), class_names(["cat", "dog"]), class_names(["p0", "p1"])
    (['cat', 'dog'], ['cat', 'dog'], ['0', '1'])
    """
    parts = [_PARTS.match(name) for name in columns]
    found = [p for p in parts if p]
    if len(columns) > 1 and len(found) == len(columns) and len({p["stem"] for p in found}) == 1:
        return [p["name"] if p["name"] is not None else p["number"] for p in found]
    return list(columns)


def class_values(classes: Sequence[str]) -> list[int] | None:
    """Return the numbers that stand for classes in a target; None where those are positions.

    >>> class_values(["2", "1"]), class_values(["True", "False"]), class_values(["a", "1"])
    ([2, 1], [1, 0], None)
    """
    if sorted(name.lower() for name in classes) == ["false", "true"]:
        return [int(name.lower() == "true") for name in classes]
    if same_number(classes) or not all(is_integer(name) for name in classes):
        return None
    values = [int(name) for name in classes]
    return values if all(-(2**63) < value < 2**63 for value in values) else None


def is_integer(text: str) -> bool:
    """Return whether a text is a whole number: digits of no other script, not too many.

    >>> is_integer("-12"), is_integer(""), is_integer("1.0"), is_integer("\u00b2")
    (True, False, False, False)
    """
    return re.fullmatch("-?[0-9]{1,20}", text) is not None


def same_number(classes: Sequence[str]) -> tuple[str, str] | None:
    """Return the first two names that are one number, which only text tells apart, or None.

    >>> same_number(["01", "2", "1"]), same_number(["1", "2", "1.0"])
    (('01', '1'), None)
    """
    names: dict[int, str] = {}
    for name in filter(is_integer, classes):
        first = names.setdefault(int(name), name)
        if first != name:
            return first, name
    return None


def match_suffixes(outcomes: Sequence[str], columns: Sequence[str]) -> list[str] | None:
    """Return the outcome columns in the order of the prediction columns' classes, or None."""
    by_name = dict(zip(class_names(outcomes), outcomes, strict=True))
    wanted = class_names(columns)
    if len(outcomes) == len(columns) and set(by_name) == set(wanted):
        return [by_name[name] for name in wanted]
    return None


def span(columns: Sequence[str]) -> str:
    """Return "p_0 ... p_9" for many columns, all of a few.

    >>> span(["p_0", "p_1", "p_2", "p_3", "p_4"])
    'p_0 ... p_4'
    """
    return ", ".join(columns) if len(columns) < 5 else f"{columns[0]} ... {columns[-1]}"
