"""The smoothed loss and its floor, as SVG."""

from __future__ import annotations

import math

import numpy as np

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, dot, legend
from xent.learn.pictures.pitfalls.smoothing_floor import compute
from xent.learn.svg import Frame, line, picture, text

__all__ = ["draw"]

LEADS = (-2.0, 16.0)
_GRID = np.linspace(*LEADS, 361)
HEIGHT = 350


def draw(smoothing: float, classes: int, t: Words, width: int) -> str:
    """Return the loss with and without smoothing over the lead of the true class."""
    found = compute(smoothing, classes, _GRID)
    entries = (("line-a", t("smoothed")), ("line-muted", t("plain")))
    names, high = legend(entries, 8, 14, width)
    most = 1.05 * float(max(found.plain[0], found.loss[0]))
    frame = Frame(
        x=LEADS, y=(0, most), left=50, right=width - 16, top=36 + high, bottom=HEIGHT - 52
    )
    x = _GRID.tolist()
    floor = frame.at_y(found.floor)
    parts = [
        names,
        frame.axes(t("lead"), t("loss_nats")),
        frame.curve(zip(x, found.plain.tolist(), strict=True), "line-muted"),
        line(frame.left, floor, frame.right, floor, "dash-bad"),
        text(t("floor", value=shown(found.floor)), x=frame.right - 4, y=floor - 7,
             class_="text-bad halo end"),
        frame.curve(zip(x, found.loss.tolist(), strict=True), "line-a"),
    ]  # fmt: skip
    if math.isfinite(found.best_lead):
        parts.append(dot(frame, found.best_lead, found.floor, "a"))
    words = t("smoothing_label", floor=shown(found.floor), lead=shown(found.best_lead))
    return picture(width, HEIGHT, *parts, label=words)
