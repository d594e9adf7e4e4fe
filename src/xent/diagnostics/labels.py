"""Names of classes: numbers written as text sort as text (D26)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xent.diagnostics.warn import warn_once

__all__ = ["check_label_order", "order_differs"]


def order_differs(classes: Iterable[Any]) -> bool:
    """Return whether all classes are whole numbers written as text, and sort differently so.

    >>> order_differs(["1", "2", "10"]), order_differs(["1", "2"]), order_differs([1, 2, 10])
    (True, False, False)
    """
    names = set(classes)
    if not names or not all(isinstance(name, str) for name in names):
        return False
    try:
        by_value = sorted(names, key=int)
    except ValueError:
        return False
    return sorted(names) != by_value


def check_label_order(classes: Iterable[Any]) -> None:
    """Warn D26 if sorting these labels as text puts them in another order than as numbers.

    To be called where no order of the classes was given, so that sorting decides which
    column of the probabilities belongs to which class.
    """
    classes = list(classes)
    if not order_differs(classes):
        return
    as_text = sorted(set(classes))
    by_value = sorted(set(classes), key=int)
    place = next(i for i, (a, b) in enumerate(zip(as_text, by_value, strict=True)) if a != b)
    warn_once(
        f"the {len(as_text)} classes are numbers written as text, and sorted as text "
        f"{as_text[place]!r} comes where {by_value[place]!r} is meant (column {place}): the "
        "probabilities would be read for the wrong classes. Pass classes=[...] in the order of "
        "the columns, or convert the labels to integers.",
        code="D26",
        index=place,
        value=as_text[place],
    )
