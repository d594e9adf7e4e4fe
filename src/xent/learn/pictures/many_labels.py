"""Chapter 6, many labels: each node by itself, in numbers and in pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from xent.evaluation.numbers import number
from xent.learn.pictures.animals import (
    CLASSES,
    COLOURS,
    Draw,
    Numbers,
    Say,
    enough,
    gradient_bars,
    listed,
    probability_bar,
    ruler,
    share,
    signed,
)
from xent.learn.pictures.labels import (
    Both,
    ManyLabels,
    ManyLabelsBatch,
    both,
    many_labels,
    many_labels_batch,
)
from xent.learn.svg import WIDE, Frame, bar, line, picture, text, ticks

__all__ = [
    "LABELS",
    "OTHER",
    "START",
    "batch_of",
    "batch_picture",
    "both_drawn",
    "both_picture",
    "change_of_others",
    "code_of",
    "gradient_picture",
    "moved",
    "nodes",
    "nodes_picture",
    "of_values",
    "started",
]


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


PROBS = (0.1, 0.7, 0.8)  # of the article
START = tuple(_logit(p) for p in PROBS)
LABELS = (0, 1, 1)
OTHER = ((0.9, 0.5, 0.4), (1, 0, 0))  # probabilities and labels of the second picture


def of_values(values: Mapping[str, Any]) -> ManyLabels:
    """Return the picture that the controls show.

    >>> of_values(started()).labels
    (0, 1, 1)
    """
    logits = [values[name] for name in CLASSES]
    return many_labels(logits, [int(values[f"label_{name}"] == "1") for name in CLASSES])


def started() -> dict[str, Any]:
    """Return where the controls stand for the article's numbers."""
    labels = {f"label_{name}": str(y) for name, y in zip(CLASSES, LABELS, strict=True)}
    return {**dict(zip(CLASSES, START, strict=True)), **labels}


def batch_of(yours: ManyLabels) -> ManyLabelsBatch:
    """Return the batch of the reader's picture and one that stands still."""
    probs, labels = OTHER
    return many_labels_batch([yours.logits, [_logit(p) for p in probs]], [yours.labels, labels])


def moved(values: Mapping[str, Any]) -> tuple[Both, Both]:
    """Return softmax and sigmoid of the article's logits before and after one has moved."""
    logits = list(START)
    logits[CLASSES.index(values["who"])] += values["by"]
    return both(START), both(logits)


def change_of_others(before: Numbers, after: Numbers, who: str) -> float:
    """Return by how much the probabilities of the other classes have changed, together.

    >>> change_of_others((0.5, 0.3, 0.2), (0.8, 0.1, 0.1), "cat")
    -0.3
    """
    pairs = zip(CLASSES, before, after, strict=True)
    return math.fsum(b - a for name, a, b in pairs if name != who)


def code_of(many: ManyLabels) -> str:
    """Return lines of Python that compute the picture's losses, with their results."""
    logits = [round(z, 4) for z in many.logits]
    same = many_labels(logits, many.labels)
    losses = ", ".join(f"{x:.4f}" for x in same.losses)
    return (
        "import numpy as np\nimport xent\n\n"
        f"logits = np.array({logits})  # {', '.join(CLASSES)}\n"
        f"labels = np.array({list(many.labels)})\n\n"
        f'xent.sigmoid_cross_entropy(logits, labels, reduction="none")  # {losses}\n'
        f"xent.sigmoid_cross_entropy(logits, labels, axis=-1)  # {same.loss:.6g}: a picture\n"
        f"xent.sigmoid_cross_entropy(logits, labels)  # {same.loss / 3:.6g}: a node\n"
    )


def nodes(say: Say) -> Draw:
    """Return what draws `nodes_picture` from the values of the controls."""
    return lambda values, width: nodes_picture(of_values(values), say, width)


def both_drawn(say: Say) -> Draw:
    """Return what draws `both_picture` from the values of the controls."""
    return lambda values, width: both_picture(*moved(values), say, width)


def nodes_picture(many: ManyLabels, say: Say, width: int) -> str:
    """Return a row a node: its probability against its label, and its loss; then the sum."""
    label = say(
        "nodes_alt",
        probs=listed([share(q) for q in many.probs]),
        labels=listed([str(y) for y in many.labels]),
        losses=listed([number(x) for x in many.losses]),
        loss=number(many.loss),
    )
    wide = width == WIDE
    row, top = (58.0, 34.0) if wide else (92.0, 30.0)
    bottom = top + 3 * row
    longest = enough(many.loss)
    if wide:
        probs = Frame((0, 1), (0, 1), 100, 350, top, bottom)
        losses = Frame((0, longest), (0, 1), 404, width - 56, top, bottom)
    else:
        probs = Frame((0, 1), (0, 1), 92, width - 84, top, bottom)
        losses = Frame((0, longest), (0, 1), 92, width - 58, top, bottom)
    parts = []
    if wide:
        parts += [
            text(say("probability"), x=probs.left, y=16.0, class_="label"),
            text(say("node_loss"), x=losses.left, y=16.0, class_="label"),
            ruler(probs, (0.0, 0.5, 1.0), bottom),
        ]
    else:
        parts.append(text(say("above_below"), x=92.0, y=14.0, class_="label"))
    parts.append(ruler(losses, ticks(0, longest), bottom + 46))
    at = 0.0
    for i, name in enumerate(CLASSES):
        y = top + row * i
        middle = y + (row / 2 if wide else 26)
        colour, there = COLOURS[i], many.labels[i]
        parts.append(text(say(name), x=0.0, y=middle, class_=f"text-{colour}"))
        state = f"y = {there} · " + say("is_there" if there else "not_there")
        parts.append(text(state, x=0.0, y=middle + 18, class_="tick"))
        parts.append(probability_bar(many.probs[i], probs, middle, colour, aim=there))
        line_of = middle if wide else middle + 32
        end = losses.at_x(many.losses[i])
        parts.append(bar(losses.left, line_of - 10, end - losses.left, 20, f"fill-{colour}"))
        parts.append(text(number(many.losses[i]), x=end + 6, y=line_of + 5, class_="halo"))
        # the same piece in the sum
        start, piece = losses.at_x(at), end - losses.left
        parts.append(bar(start, bottom + 14, piece, 20, f"fill-{colour}"))
        at += many.losses[i]
    left = losses.left - 8
    end = losses.at_x(many.loss)
    parts += [
        text(say("sum"), x=left, y=bottom + 29, class_="strong end"),
        text(number(many.loss), x=end + 6, y=bottom + 29, class_="strong halo"),
        text(say("nat"), x=losses.right, y=bottom + 78, class_="label end"),
    ]
    return picture(width, bottom + 86, *parts, label=label)


def gradient_picture(many: ManyLabels, say: Say, width: int) -> str:
    """Return the gradient by each logit as bars."""
    label = say("gradient_alt", gradient=listed([signed(g) for g in many.gradient]))
    return gradient_bars(many.gradient, say, width, label=label)


def batch_picture(batch: ManyLabelsBatch, say: Say, width: int) -> str:
    """Return the nodes of all pictures end to end, and the means of them, on one scale."""
    losses = [x for one in batch.pictures for x in one.losses]
    label = say(
        "batch_alt",
        losses=listed([number(x) for x in losses]),
        total=number(batch.total),
        pictures=number(batch.mean_over_pictures),
        nodes=number(batch.mean_over_nodes),
    )
    longest = enough(batch.total)
    row, top = 62.0, 8.0
    bottom = top + 3 * row
    frame = Frame((0, longest), (0, 1), 6, width - 56.0, top, bottom)
    parts = [ruler(frame, ticks(0, longest), bottom)]
    at = 0.0
    for i, loss in enumerate(losses):
        start, end = frame.at_x(at), frame.at_x(at + loss)
        look = f"fill-{COLOURS[i % len(CLASSES)]}"
        parts.append(bar(start, top + 24, max(end - start - 1, 0.5), 22, look))
        at += loss
    rows = [
        ("total", batch.total),
        ("mean_pictures", batch.mean_over_pictures),
        ("mean_nodes", batch.mean_over_nodes),
    ]
    for i, (key, value) in enumerate(rows):
        y = top + row * i
        parts.append(text(say(key), x=6.0, y=y + 16, class_="halo"))
        end = frame.at_x(value)
        if i:
            parts.append(bar(frame.left, y + 24, end - frame.left, 22, "fill-d"))
        parts.append(text(number(value), x=end + 6, y=y + 40, class_="strong halo"))
    parts.append(text(say("nat"), x=frame.right, y=bottom + 36, class_="label end"))
    return picture(width, bottom + 44, *parts, label=label)


def both_picture(before: Both, after: Both, say: Say, width: int) -> str:
    """Return softmax and sigmoid of the same logits: bars, where they were, and their sums."""
    mass = sum(after.sigmoid)
    label = say(
        "both_alt",
        softmax=listed([share(q) for q in after.softmax]),
        sigmoid=listed([share(q) for q in after.sigmoid]),
        mass=number(mass),
    )
    wide = width == WIDE
    panel, height = (360.0, 322.0) if wide else (float(width), 322.0)
    places = [(0.0, 0.0), (400.0, 0.0)] if wide else [(0.0, 0.0), (0.0, height + 14)]
    parts = []
    for (x, y), kind in zip(places, ("softmax", "sigmoid"), strict=True):
        parts.append(_panel(kind, getattr(before, kind), getattr(after, kind), say, x, y, panel))
    return picture(width, height + (0 if wide else height + 14), *parts, label=label)


def _panel(
    kind: str, before: Numbers, after: Numbers, say: Say, x: float, y: float, width: float
) -> str:
    """Return three columns from 0 to 1, and below them their pieces in one row."""
    frame = Frame((0, 3), (0, 1), x + 34, x + width - 8, y + 34, y + 214)
    parts = [text(kind, x=x, y=y + 14, class_="strong")]
    for at in (0.0, 0.5, 1.0):
        h = frame.at_y(at)
        parts.append(line(frame.left, h, frame.right, h, "rule" if at == 0 else "grid"))
        parts.append(text(f"{at:g}", x=frame.left - 7, y=h + 4, class_="tick end"))
    breadth = (frame.right - frame.left) / 3
    for i, name in enumerate(CLASSES):
        left = frame.left + breadth * i + breadth * 0.2
        top, was = frame.at_y(after[i]), frame.at_y(before[i])
        parts.append(bar(left, top, breadth * 0.6, frame.bottom - top, f"fill-{COLOURS[i]}"))
        if before[i] != after[i]:
            parts.append(bar(left, was, breadth * 0.6, frame.bottom - was, "dash-ink"))
        middle = left + breadth * 0.3
        parts.append(text(share(after[i]), x=middle, y=min(top, was) - 6, class_="mid halo"))
        parts.append(
            text(say(name), x=middle, y=frame.bottom + 18, class_=f"text-{COLOURS[i]} mid")
        )
    # the pieces end to end: softmax ends at 1, whatever the logits are
    sums = Frame((0, 3), (0, 1), frame.left, frame.right, y + 258, y + 290)
    at = 0.0
    for i, q in enumerate(after):
        start, end = sums.at_x(at), sums.at_x(at + q)
        parts.append(bar(start, y + 262, max(end - start, 0.0), 22, f"fill-{COLOURS[i]}"))
        at += q
    one = sums.at_x(1)
    total = f"{sum(after):.3f}" if kind == "sigmoid" else "1"
    parts += [
        line(one, y + 254, one, y + 292, "line-ink"),
        text("1", x=one, y=y + 308, class_="tick mid"),
        text(say("sums_to", sum=total), x=sums.at_x(max(at, 1)) + 7, y=y + 278,
             class_="strong halo") if at < 2.2 else
        text(say("sums_to", sum=total), x=sums.right, y=y + 250, class_="strong halo end"),
    ]  # fmt: skip
    return "".join(parts)
