"""Chapter 9, your own numbers: what a log loss is made of, from an Evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xent.evaluation import Evaluation
from xent.learn.html import Card
from xent.learn.numbers import shown
from xent.learn.pictures.animals import Say, ruler
from xent.learn.svg import Frame, bar, line, picture, text, ticks

__all__ = ["Part", "cards_of", "parts_of", "parts_picture"]


@dataclass(frozen=True)
class Part:
    """One part of a loss, as a bar from where the last one ended."""

    key: str  # of the text that names it
    start: float
    end: float
    colour: str

    @property
    def value(self) -> float:
        """What it adds; below 0 for what it takes away."""
        return self.end - self.start


def parts_of(evaluation: Evaluation) -> tuple[Part, ...]:
    """Return what the loss is made of: H(y), what the model knows, its miscalibration, the loss.

    Empty where that is not known, or a row was impossible: an infinite loss has no parts.

    >>> from xent.evaluation import evaluate
    >>> parts = parts_of(evaluate(([1, 0, 1, 0], [0.8, 0.3, 0.6, 0.1])))
    >>> [part.key for part in parts]
    ['open', 'known', 'wrong_part', 'score']
    """
    found = evaluation.decomposition
    if not found or not math.isfinite(found[0].log_loss):
        return ()
    whole = found[0]
    after = whole.uncertainty.value - whole.resolution.value
    return (
        Part("open", 0.0, whole.uncertainty.value, "p"),
        Part("known", whole.uncertainty.value, after, "good"),
        Part("wrong_part", after, after + whole.miscalibration.value, "bad"),
        Part("score", 0.0, whole.log_loss, "q"),
    )


def cards_of(evaluation: Evaluation, say: Say) -> list[Card]:
    """Return the numbers that are shown large."""
    unit = say(evaluation.unit)
    cards = [Card("log_loss", say("card_loss"), evaluation.log_loss, unit, "q")]
    if evaluation.num_impossible:
        finite = evaluation.finite_log_loss
        cards.append(Card("finite_log_loss", say("card_finite"), finite, unit))
    if evaluation.summary.kind != "log_probs":
        frequencies = evaluation.frequency_log_loss
        cards += [
            Card("frequency_log_loss", say("card_frequency"), frequencies, unit, "p"),
            Card("skill_percent", say("card_skill"), 100 * evaluation.skill, "%"),
            Card("accuracy_percent", say("card_accuracy"), 100 * evaluation.accuracy, "%"),
        ]
    cards.append(Card("perplexity", say("card_perplexity"), evaluation.perplexity))
    return [card for card in cards if not math.isnan(card.value)]


def parts_picture(parts: tuple[Part, ...], unit: str, say: Say, width: int) -> str:
    """Return the parts as bars, each from where the last one ended."""
    label = say("parts_alt", unit=unit, **{part.key: shown(abs(part.value)) for part in parts})
    row, top = 58.0, 6.0
    bottom = top + row * len(parts)
    low = min(0.0, *(part.end for part in parts))
    high = max(part.end for part in parts)
    frame = Frame((low, high), (0, 1), 8, width - 70.0, top, bottom)
    pieces = [ruler(frame, ticks(low, high), bottom)]
    for i, part in enumerate(parts):
        y = top + row * i
        start, end = frame.at_x(part.start), frame.at_x(part.end)
        pieces.append(bar(start, y + 22, end - start, 22, f"fill-{part.colour}"))
        adds = part.key in ("known", "wrong_part")
        sign = ("−" if part.value < 0 else "+") if adds else ""
        x = max(start, end) + 7
        written = sign + shown(abs(part.value))
        pieces.append(text(written, x=x, y=y + 38, class_="strong halo"))
        pieces.append(text(say(part.key), x=8.0, y=y + 15, class_=f"text-{part.colour} halo"))
        if i + 1 < len(parts):
            pieces.append(line(end, y + 44, end, y + row + 22, "rule dashed"))
    pieces.append(text(unit, x=frame.right, y=bottom + 36, class_="label end"))
    return picture(width, bottom + 44, *pieces, label=label)
