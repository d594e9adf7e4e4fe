"""The band that softmax twice locks the loss into, as SVG."""

from __future__ import annotations

import math

import numpy as np

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, dot, legend, upright
from xent.learn.pictures.pitfalls.double_softmax import Twice, compute
from xent.learn.svg import Frame, bar, line, picture, text, ticks

__all__ = ["SURE", "draw"]

SURE = (-12.0, 20.0)
_GRID = np.linspace(*SURE, 321)
HEIGHT = 380


def draw(at: Twice, t: Words, width: int) -> str:
    """Return both losses over how sure the model is; `at` is the one row looked at."""
    curves = compute(at.classes, _GRID)
    floor, ceiling = compute(at.classes, [np.inf, -np.inf]).twice.tolist()
    sure = float(at.sure[0])
    entries = (("line-good", t("once")), ("line-bad", t("twice")), ("soft-bad", t("band")))
    names, high = legend(entries, 8, 14, width)
    most = 1.25 * max(ceiling, math.log(at.classes))
    frame = Frame(
        x=SURE, y=(-0.08 * most, most), left=50, right=width - 16, top=36 + high, bottom=HEIGHT - 52
    )
    once = np.where(curves.once <= most, curves.once, np.nan)
    top, bottom = frame.at_y(ceiling), frame.at_y(floor)
    parts = [
        names,
        bar(frame.left, top, frame.right - frame.left, bottom - top, "soft-bad"),
        frame.axes(t("sure"), t("loss_nats"), x_ticks=[-10, 0, 10, 20], y_ticks=ticks(0, most)),
        line(frame.left, bottom, frame.right, bottom, "dash-bad"),
        text(t("floor", value=shown(floor)), x=frame.right - 4, y=bottom + 17,
             class_="text-bad halo end"),
        upright(frame, sure),
        frame.curve(zip(_GRID.tolist(), once.tolist(), strict=True), "line-good"),
        frame.curve(zip(_GRID.tolist(), curves.twice.tolist(), strict=True), "line-bad"),
    ]  # fmt: skip
    side = "left" if sure > 8 else "right"
    for value, colour, look in (
        (float(at.twice[0]), "bad", "above left" if sure > 16 else "above"),
        (float(at.once[0]), "good", side),
    ):
        parts.append(dot(frame, sure, value, colour, shown(value, 4), look))
    parts.append(
        frame.handle("sure", sure, frame.y[0], "ink", along="x", low=SURE[0], high=SURE[1])
    )
    words = t("twice_label", classes=at.classes, floor=shown(floor), ceiling=shown(ceiling))
    return picture(width, HEIGHT, *parts, label=words)
