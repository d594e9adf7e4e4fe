"""Chapter 5, one label: what a picture of one class costs, in numbers and in pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from xent.evaluation.numbers import number
from xent.learn.pictures.animals import (
    CLASSES,
    COLOURS,
    LARGEST_LOGIT,
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
from xent.learn.pictures.labels import OneLabel, OneLabelBatch, one_label, one_label_batch
from xent.learn.pictures.parts import width_of
from xent.learn.svg import WIDE, Frame, bar, circle, handle, line, picture, text, ticks
from xent.units import nats_per

__all__ = [
    "ARTICLE",
    "LARGEST_CONSTANT",
    "OTHERS",
    "batch_of",
    "batch_picture",
    "code_of",
    "curve_picture",
    "forward",
    "forward_picture",
    "gradient_picture",
    "in_bits",
    "of_values",
    "started",
]

LARGEST_CONSTANT = 2.0
ARTICLE: Numbers = (math.log(3), math.log(6), 0.0)  # their softmax is (0.3, 0.6, 0.1)
# two more pictures for the batch: probabilities, and the true class
OTHERS: tuple[tuple[Numbers, int], ...] = (((0.5, 0.25, 0.25), 0), ((0.1, 0.1, 0.8), 2))


def of_values(values: Mapping[str, Any]) -> OneLabel:
    """Return the picture that the controls show.

    >>> of_values({"cat": 0.0, "frog": 1.0, "mouse": 0.0, "constant": 2.0, "truth": "frog"}).logits
    (2.0, 3.0, 2.0)
    """
    logits = [values[name] + values["constant"] for name in CLASSES]
    return one_label(logits, CLASSES.index(values["truth"]))


def batch_of(yours: OneLabel) -> OneLabelBatch:
    """Return the batch of the reader's picture and two that stand still."""
    logits = [yours.logits, *(tuple(math.log(q) for q in probs) for probs, _ in OTHERS)]
    return one_label_batch(logits, [yours.truth, *(truth for _, truth in OTHERS)])


def started(name: str, truth: str) -> dict[str, float]:
    """Return where the controls go for a start: "article", "nothing", "right" or "wrong".

    >>> started("wrong", "frog")
    {'cat': 5.0, 'frog': -4.0, 'mouse': -1.0, 'constant': 0.0}
    """
    true = CLASSES.index(truth)
    logits = list(ARTICLE)
    if name == "nothing":
        logits = [0.0] * 3
    elif name == "right":
        logits = [5.0 if i == true else -2.0 for i in range(3)]
    elif name == "wrong":
        logits = [-1.0] * 3
        logits[true], logits[true - 1] = -4.0, 5.0
    return {**dict(zip(CLASSES, logits, strict=True)), "constant": 0.0}


def code_of(one: OneLabel) -> str:
    """Return lines of Python that compute the picture's loss and gradient, with their results."""
    logits = [round(z, 4) for z in one.logits]
    same = one_label(logits, one.truth)
    gradient = ", ".join(f"{g:.4f}" for g in same.gradient)
    return (
        "import numpy as np\nimport xent\n\n"
        f"logits = np.array({logits})  # {', '.join(CLASSES)}\n"
        f"truth = {one.truth}  # {CLASSES[one.truth]}\n\n"
        f"xent.softmax_cross_entropy(logits, truth)  # {same.loss:.6g}\n"
        "loss_and_gradient = xent.value_and_grad(xent.softmax_cross_entropy)\n"
        f"loss_and_gradient(logits, truth)[1]  # {gradient}\n"
    )


def in_bits(nats: float) -> float:
    """Return nats in bits.

    >>> in_bits(math.log(2))
    1.0
    """
    return nats / nats_per("bit")


def forward(say: Say) -> Draw:
    """Return what draws `forward_picture` from the values of the controls."""
    return lambda values, width: forward_picture(of_values(values), say, width, values["constant"])


def forward_picture(one: OneLabel, say: Say, width: int, constant: float = 0.0) -> str:
    """Return logits, probabilities and loss, a row a class; the logits can be dragged.

    The sliders stand at the logits less `constant`, which was added to all of them.
    """
    label = say(
        "forward_alt",
        logits=listed([signed(z) for z in one.logits]),
        probs=listed([share(q) for q in one.probs]),
        truth=say(CLASSES[one.truth]),
        loss=number(one.loss),
    )
    wide = width == WIDE
    reach = LARGEST_LOGIT + LARGEST_CONSTANT
    row, top = (62.0, 40.0) if wide else (92.0, 36.0)
    bottom = top + 3 * row
    if wide:
        logits = Frame((-reach, reach), (0, 1), 96, 356, top, bottom)
        probs = Frame((0, 1), (0, 1), 446, 660, top, bottom)
        headings = ((say("logit"), 226.0), ("softmax →", 401.0), (say("probability"), 553.0))
        parts = [text(name, x=x, y=18.0, class_="label mid") for name, x in headings]
        parts += [ruler(logits, (-6.0, -3.0, 0.0, 3.0, 6.0), bottom)]
        parts += [ruler(probs, (0.0, 0.5, 1.0), bottom)]
    else:
        logits = Frame((-reach, reach), (0, 1), 64, width - 10, top, bottom)
        probs = Frame((0, 1), (0, 1), 64, width - 86, top, bottom)
        parts = [text(say("above_below"), x=64.0, y=14.0, class_="label")]
    for i, name in enumerate(CLASSES):
        colour, true = COLOURS[i], i == one.truth
        middle = top + row * i + (row / 2 if wide else 24)
        parts.append(text(say(name), x=0.0, y=middle, class_=f"text-{colour}"))
        look = "tick strong" if true else "tick"
        parts.append(text(f"y = {int(true)}", x=0.0, y=middle + 18, class_=look))
        beside = 50.0 if wide else 0.0  # of the frame, where nothing else stands
        parts.append(_logit_bar(one.logits[i], constant, name, logits, middle, colour, beside))
        below = middle if wide else middle + 34
        parts.append(probability_bar(one.probs[i], probs, below, colour, aim=int(true)))
    foot = bottom + (52.0 if wide else 22.0)
    parts.append(text(_paid(one, say), x=float(width), y=foot, class_="big end"))
    return picture(width, foot + 12, *parts, label=label)


def _logit_bar(
    logit: float, constant: float, name: str, frame: Frame, middle: float, colour: str,
    beside: float,
) -> str:  # fmt: skip
    """Return a bar from zero, a handle at its end, and the number past it; on it near an edge."""
    zero, end = frame.at_x(0), frame.at_x(logit)
    room = beside + (frame.right - end if logit >= 0 else end - frame.left)
    right = (logit >= 0) == (room >= 13 + width_of(signed(logit)))
    x, look = (end + 13, "halo") if right else (end - 13, "halo end")
    return (
        line(zero, middle - 16, zero, middle + 16, "rule")
        + bar(zero, middle - 10, end - zero, 20, f"fill-{colour}")
        + handle(
            name, end, middle, colour, along="x",
            start=frame.at_x(constant - LARGEST_LOGIT), end=frame.at_x(constant + LARGEST_LOGIT),
        )
        + text(signed(logit), x=x, y=middle + 5, class_=look)
    )  # fmt: skip


def _paid(one: OneLabel, say: Say) -> str:
    return f"{say('loss')} = −ln({share(one.probs[one.truth])}) = {number(one.loss)} {say('nat')}"


def curve_picture(one: OneLabel, say: Say, width: int) -> str:
    """Return the curve -log q with a dot for each class: the filled one is the truth's."""
    others = [number(x) for i, x in enumerate(one.losses) if i != one.truth]
    label = say(
        "curve_alt",
        truth=say(CLASSES[one.truth]),
        q=share(one.probs[one.truth]),
        loss=number(one.loss),
        others=listed(others),
    )
    wide = width == WIDE
    height = 330.0 if wide else 290.0
    highest = max(4.0, enough(max(one.losses)))
    frame = Frame((0, 1), (0, highest), 44, width - 16.0, 34, height - 46)
    start = math.exp(-highest)
    steps = [start ** (1 - k / 200) for k in range(201)]  # even in -log q
    parts = [
        frame.axes(say("curve_x"), say("curve_y")),
        frame.curve([(q, -math.log(q)) for q in steps], "line-ink"),
    ]
    x, y = frame.at(one.probs[one.truth], one.loss)
    parts += [line(frame.left, y, x, y, "rule dashed"), line(x, frame.bottom, x, y, "rule dashed")]
    taken: list[float] = []  # where names stand, from the top
    for i in sorted(range(len(CLASSES)), key=lambda i: -one.losses[i]):
        x, y = frame.at(one.probs[i], one.losses[i])
        true, colour = i == one.truth, COLOURS[i]
        look = f"fill-{colour} knob" if true else f"line-{colour} hollow"
        parts.append(circle(x, y, 7 if true else 6, look))
        end = one.probs[i] > 0.7
        at = y - (9 if end else 3)
        if taken and at - taken[-1] < 17 and not end:
            at = taken[-1] + 17
        taken.append(at)
        said = f"{say(CLASSES[i])} {number(one.losses[i], 3)}"
        look = f"text-{colour} halo" + " end" * end
        parts.append(text(said, x=x + (-11 if end else 12), y=at, class_=look))
    return picture(width, height, *parts, label=label)


def gradient_picture(one: OneLabel, say: Say, width: int) -> str:
    """Return the gradient by each logit as bars."""
    label = say("gradient_alt", gradient=listed([signed(g) for g in one.gradient]))
    return gradient_bars(one.gradient, say, width, label=label)


def batch_picture(batch: OneLabelBatch, say: Say, width: int) -> str:
    """Return the loss of each picture as a bar, and a line at their mean."""
    losses = [one.loss for one in batch.pictures]
    label = say(
        "batch_alt",
        count=len(losses),
        losses=listed([number(x) for x in losses]),
        mean=number(batch.mean),
    )
    wide = width == WIDE
    left, row, top = (150.0, 40.0, 36.0) if wide else (6.0, 58.0, 36.0)
    bottom = top + row * len(losses)
    longest = enough(max(losses))
    frame = Frame((0, longest), (0, 1), left, width - 60.0, top, bottom)
    bars, words = [], []
    for i, one in enumerate(batch.pictures):
        y = top + row * i + (0 if wide else 18)
        colour = COLOURS[one.truth]
        whose = say("picture", number=i + 1) if i else say("yours")
        who = f"{whose}: {say(CLASSES[one.truth])}"
        at = (0.0, y + 24) if wide else (6.0, y + 2)
        end = frame.at_x(one.loss)
        bars.append(bar(left, y + 8, end - left, 24, f"fill-{colour}"))
        words.append(text(who, x=at[0], y=at[1], class_=f"text-{colour} halo"))
        words.append(text(number(one.loss), x=end + 7, y=y + 25, class_="halo"))
    x = frame.at_x(batch.mean)
    near_end = batch.mean > 0.7 * longest
    look = "strong" + " end" * near_end
    mean = f"{say('mean')} {number(batch.mean)}"
    parts = [
        ruler(frame, ticks(0, longest), bottom),
        *bars,
        line(x, top - 10, x, bottom, "line-ink"),
        text(mean, x=x + (-6 if near_end else 6), y=top - 14, class_=look),
        text(say("nat"), x=frame.right, y=bottom + 34, class_="label end"),
        *words,
    ]
    return picture(width, bottom + 42, *parts, label=label)
