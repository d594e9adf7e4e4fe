"""The small pictures of the cover: one a chapter, without words, computed as the large ones are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from xent.diagnostics.policy import checks
from xent.information import entropy, self_information
from xent.learn.example_files import one_label_file
from xent.learn.judge import judge
from xent.learn.pictures.animals import COLOURS
from xent.learn.pictures.labels import many_labels, one_label
from xent.learn.pictures.many_labels import LABELS, START
from xent.learn.pictures.one_label import ARTICLE
from xent.learn.pictures.your_numbers import parts_of
from xent.learn.svg import Frame, bar, line, tag
from xent.losses import sigmoid, softmax, softmax_cross_entropy

__all__ = ["small"]

WIDTH, HEIGHT = 132.0, 72.0
P, Q = (0.7, 0.2, 0.1), (0.3, 0.3, 0.4)  # a truth, and a model that is far from it


@cache
def small(slug: str) -> str:
    """Return the small picture of a chapter; a screen reader passes over it.

    >>> small("entropy")[:29]
    '<svg xmlns="http://www.w3.org'
    """
    return tag(
        "svg",
        DRAWN[slug](),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        width=int(WIDTH),
        height=int(HEIGHT),
        aria_hidden="true",
        class_="picture small",
    )


def _frame(x: tuple[float, float], y: tuple[float, float]) -> Frame:
    return Frame(x, y, 6, WIDTH - 6, 6, HEIGHT - 6)


def _floor(frame: Frame) -> str:
    return line(frame.left, frame.bottom, frame.right, frame.bottom, "rule")


def _curves(frame: Frame, *curves: tuple[Any, Any, str]) -> str:
    """Return lines through arrays of x and y, each with its look."""
    drawn = (frame.curve(list(zip(x, y, strict=True)), look) for x, y, look in curves)
    return _floor(frame) + "".join(drawn)


def _self_information() -> str:
    p = np.geomspace(np.exp(-4), 1, 60)
    return _curves(_frame((0, 1), (0, 4)), (p, self_information(p), "line-p"))


def _entropy() -> str:
    p = np.linspace(0, 1, 61)
    coins = entropy(np.stack([p, 1 - p], axis=-1), axis=-1)
    return _curves(_frame((0, 1), (0, np.log(2))), (p, coins, "line-p"))


def _divergence() -> str:
    frame = _frame((0, 3), (0, 0.75))
    bars = [_floor(frame)]
    for i, (p, q) in enumerate(zip(P, Q, strict=True)):
        for value, shift, look in ((p, 0.12, "fill-p"), (q, 0.5, "fill-q")):
            left, top = frame.at(i + shift, value)
            bars.append(bar(left, top, 13, frame.bottom - top, look))
    return "".join(bars)


def _squared_error() -> str:
    """How hard each loss pushes a logit whose label is 1."""
    z = np.linspace(-8, 4, 80)
    p = sigmoid(z)
    squared = 2 * (1 - p) * p * (1 - p)
    return _curves(_frame((-8, 4), (0, 1)), (z, 1 - p, "line-good"), (z, squared, "line-bad"))


def _columns(probs: Sequence[float], labels: Sequence[int]) -> str:
    frame = _frame((0, 3), (0, 1))
    parts = [_floor(frame)]
    for i, (q, y, colour) in enumerate(zip(probs, labels, COLOURS, strict=True)):
        left, top = frame.at(i + 0.2, q)
        parts.append(bar(left, top, 24, frame.bottom - top, f"fill-{colour}"))
        wanted = frame.at_y(y)
        parts.append(line(left - 4, wanted, left + 28, wanted, "line-p"))
    return "".join(parts)


def _one_label() -> str:
    return _columns(one_label(ARTICLE, 1).probs, (0, 1, 0))


def _many_labels() -> str:
    return _columns(many_labels(START, LABELS).probs, LABELS)


def _adversarial() -> str:
    """The two losses of a generator, by what the discriminator says of what it made."""
    d = np.linspace(0.02, 0.98, 80)
    frame = _frame((0, 1), (-4, 4))
    middle = line(frame.left, frame.at_y(0), frame.right, frame.at_y(0), "rule")
    saturating = frame.curve(list(zip(d, np.log1p(-d), strict=True)), "line-bad")
    return middle + saturating + frame.curve(list(zip(d, -np.log(d), strict=True)), "line-good")


def _pitfalls() -> str:
    """The loss of a class as its logit grows, and what is left of it after a second softmax."""
    z = np.linspace(-2, 8, 80)
    logits = np.stack([z, np.zeros_like(z), np.zeros_like(z)], axis=-1)
    truth = np.zeros(len(z), dtype=int)
    once = softmax_cross_entropy(logits, truth, reduction="none")
    with checks(silence=["D04"]):  # the mistake is meant
        twice = softmax_cross_entropy(softmax(logits), truth, reduction="none")
    return _curves(_frame((-2, 8), (0, 3)), (z, once, "line-good"), (z, twice, "line-bad"))


def _your_numbers() -> str:
    """What the loss of the first example file is made of."""
    found = judge("one_label.csv", one_label_file()).evaluation
    parts = parts_of(found) if found is not None else ()
    frame = _frame((0, max((part.end for part in parts), default=1.0)), (0, 4))
    return "".join(
        bar(
            frame.at_x(part.start), 8 + 15 * i, frame.at_x(part.end) - frame.at_x(part.start), 11,
            f"fill-{part.colour}",
        )
        for i, part in enumerate(parts)
    )  # fmt: skip


DRAWN: dict[str, Callable[[], str]] = {
    "self_information": _self_information,
    "entropy": _entropy,
    "divergence": _divergence,
    "squared_error": _squared_error,
    "one_label": _one_label,
    "many_labels": _many_labels,
    "adversarial": _adversarial,
    "pitfalls": _pitfalls,
    "your_numbers": _your_numbers,
}
