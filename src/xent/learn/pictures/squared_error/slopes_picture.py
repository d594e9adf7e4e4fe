"""Gradients and curvatures over the logit, as SVG."""

from __future__ import annotations

import math

import numpy as np

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, legend, pair, upright
from xent.learn.pictures.squared_error.slopes import Slopes, compute
from xent.learn.svg import Frame, bar, picture

__all__ = ["LOGITS", "draw"]

LOGITS = (-10.0, 10.0)
_GRID = np.linspace(*LOGITS, 401)
HEIGHT, PANEL = 520, 170


def draw(at: Slopes, label: int, t: Words, width: int) -> str:
    """Return both derivatives, the one above the other; `at` is the one logit looked at."""
    curves = compute(_GRID, label)
    z = float(at.z[0])
    entries = (
        ("line-a", t("cross_entropy")),
        ("line-c", t("squared_error")),
        ("soft-bad", t("concave")),
    )
    names, high = legend(entries, 8, 14, width)
    ends = (-1.05, 0.05) if label else (-0.05, 1.05)
    first = Frame(
        x=LOGITS, y=ends, left=50, right=width - 16, top=36 + high, bottom=36 + high + PANEL
    )
    top = first.bottom + 64
    second = Frame(
        x=LOGITS, y=(-0.12, 0.28), left=50, right=width - 16, top=top, bottom=top + PANEL
    )
    # p = 1/3 for the label 1, 2/3 for 0
    edge = -math.log(2) if label else math.log(2)
    start, stop = (LOGITS[0], edge) if label else (edge, LOGITS[1])
    parts = [names]
    for frame in (first, second):
        left, right = frame.at_x(start), frame.at_x(stop)
        parts.append(bar(left, frame.top, right - left, frame.bottom - frame.top, "soft-bad"))
    parts.append(first.axes("", t("gradient"), y_ticks=[-1, -0.5, 0] if label else [0, 0.5, 1]))
    parts.append(second.axes(t("logit"), t("curvature"), y_ticks=[-0.1, 0, 0.1, 0.2]))
    for frame, both in (
        (first, (curves.cross_entropy, curves.squared_error)),
        (second, (curves.cross_entropy_curvature, curves.squared_error_curvature)),
    ):
        parts.append(upright(frame, z))
        for values, colour in zip(both, "ac", strict=True):
            points = zip(_GRID.tolist(), values.tolist(), strict=True)
            parts.append(frame.curve(points, f"line-{colour}"))
    side = "left" if z > 0.4 * LOGITS[1] else "right"
    for frame, both in (
        (first, (at.cross_entropy, at.squared_error)),
        (second, (at.cross_entropy_curvature, at.squared_error_curvature)),
    ):
        ends_of = [float(v[0]) for v in both]
        parts.append(pair(frame, z, list(zip(ends_of, "ac", strict=True)), side))
    parts.append(first.handle("z", z, ends[0], "ink", along="x", low=LOGITS[0], high=LOGITS[1]))
    words = t("slopes_label", z=shown(z), first=shown(ends_of[0]), second=shown(ends_of[1]))
    return picture(width, HEIGHT + high - 20, *parts, label=words)
