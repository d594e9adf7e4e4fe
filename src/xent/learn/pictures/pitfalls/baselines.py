"""Is 0.69 good? A loss beside what guessing costs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xent.diagnostics.known_values import Explanation, explain
from xent.errors import XentValueError
from xent.evaluation.numbers import percent
from xent.learn.html import as_typed

__all__ = [
    "MOST_CLASSES",
    "Judged",
    "Wrong",
    "adjusted",
    "counts_of",
    "judge",
    "judge_typed",
    "shares_of",
]

MOST_CLASSES = 1000
_MOST_DIGITS = 15  # no more rows than a float counts
_SEPARATORS = re.compile(r"[\s,;:，、；：]+")


class Wrong(XentValueError):
    """What somebody typed cannot be counts; `key` is the text of the chapter that says why."""

    def __init__(self, key: str, *, value: object) -> None:
        super().__init__(f"counts: {key}, got {value!r}", value=value)
        self.key = key

    @property
    def facts(self) -> dict[str, object]:
        """What the text is filled in with."""
        value = self.value
        told = as_typed(value) if isinstance(value, str) else value
        return {"value": told, "most": f"{MOST_CLASSES:,}"}


@dataclass(frozen=True)
class Judged:
    """A loss and its baselines, in nats.

    Attributes
    ----------
    given : tuple of float
        How frequent each class is: counts, or shares.
    uniform : float
        ln K: the same probability for each class.
    frequencies : float
        The entropy of the labels: their frequencies, for each row.
    probability : float
        The geometric mean of the probability that the truth got.
    skill : float
        The share of the entropy of the labels that the model saves; below 0 it is worse
        than knowing the frequencies alone. NaN where one class has all labels.
    """

    loss: float
    given: tuple[float, ...]
    classes: int
    uniform: float
    frequencies: float
    probability: float
    skill: float

    @property
    def bits(self) -> float:
        return self.loss / math.log(2)

    @property
    def verdict(self) -> str:
        """Which text of the chapter says it: "good_yes", "good_no", or "good_none"."""
        if math.isnan(self.skill):
            return "good_none"
        return "good_yes" if self.skill > 0 else "good_no"

    @property
    def look(self) -> str:
        """How the text looks: "good", "wrong" or "note"."""
        return {"good_yes": "good", "good_no": "wrong", "good_none": "note"}[self.verdict]

    @property
    def facts(self) -> dict[str, object]:
        """What the text is filled in with."""
        return {
            "percent": percent(self.skill),
            "prob": self.probability,
            "by": self.loss - self.frequencies,
            "entropy": self.frequencies,
        }


def counts_of(text: str) -> list[int]:
    """Return the counts that somebody typed, one for each class.

    >>> counts_of("900, 100")
    [900, 100]

    Raises
    ------
    Wrong
        If there are too few numbers or too many, or such as cannot be counts.
    """
    parts = [part for part in _SEPARATORS.split(text) if part]
    if not 2 <= len(parts) <= MOST_CLASSES:
        raise Wrong("how_many", value=len(parts))
    for part in parts:
        if not part.isdecimal() or len(part) > _MOST_DIGITS:
            raise Wrong("no_count", value=part)
    counts = [int(part) for part in parts]
    if not sum(counts):
        raise Wrong("all_zero", value=text)
    return counts


def judge_typed(loss: float, text: str) -> tuple[Judged | None, Wrong | None]:
    """Return the loss beside the baselines of the counts, or what is wrong with these."""
    try:
        return judge(loss, counts_of(text)), None
    except Wrong as wrong:
        return None, wrong


def shares_of(classes: int, largest: float) -> list[float]:
    """Return the shares of classes of which one has so much, and the rest is even.

    >>> shares_of(3, 0.5)
    [0.5, 0.25, 0.25]
    """
    return [largest] + [(1 - largest) / (classes - 1)] * (classes - 1)


def adjusted(values: Mapping[str, Any], moved: str) -> dict[str, float]:
    """Return a whole number of classes, and a largest share that no other class exceeds.

    >>> adjusted({"classes": 10.3, "share": 0.02}, "share")
    {'classes': 10.0, 'share': 0.1}
    """
    classes = float(round(values["classes"]))
    return {"classes": classes, "share": max(values["share"], 1 / classes)}


def judge(loss: float, frequencies: Sequence[float]) -> Judged:
    """Return the loss beside its baselines.

    >>> judged = judge(0.69, [900, 100])
    >>> round(judged.uniform, 4), round(judged.frequencies, 4), round(judged.skill, 2)
    (0.6931, 0.3251, -1.12)
    """
    found: Explanation = explain(loss, class_frequencies=frequencies)
    assert found.uniform is not None
    assert found.frequencies is not None
    return Judged(
        loss,
        tuple(frequencies),
        len(frequencies),
        found.uniform,
        found.frequencies,
        found.probability,
        math.nan if found.skill is None else found.skill,
    )
