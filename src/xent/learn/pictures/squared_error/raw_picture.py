"""Two classifiers of the same points, as SVG."""

from __future__ import annotations

import numpy as np

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, legend
from xent.learn.pictures.squared_error.raw_outputs import Fits
from xent.learn.svg import Frame, circle, line, picture
from xent.losses import sigmoid

__all__ = ["FARTHEST", "NEAREST", "draw"]

NEAREST, FARTHEST = 2.0, 20.0
HEIGHT = 340


def draw(fits: Fits, t: Words, width: int) -> str:
    """Return the points, the line, the logistic curve, and where each decides."""
    entries = (
        ("line-c", t("raw_line")),
        ("line-a", t("raw_logistic")),
        ("dash-muted", t("raw_half")),
    )
    names, high = legend(entries, 8, 14, width)
    frame = Frame(
        x=(-3.5, FARTHEST + 0.5), y=(-0.35, 1.75), left=50, right=width - 16,
        top=36 + high, bottom=HEIGHT - 52,
    )  # fmt: skip
    x = np.linspace(*frame.x, 400)
    intercept, slope = fits.line
    at_x = [v for v in x if frame.y[0] <= intercept + slope * v <= frame.y[1]]
    logistic = sigmoid(fits.logistic[0] + fits.logistic[1] * x)
    parts = [
        names,
        frame.axes(t("raw_x"), t("raw_output"), y_ticks=[0, 0.5, 1, 1.5]),
        line(frame.left, frame.at_y(0.5), frame.right, frame.at_y(0.5), "dash-muted"),
        frame.curve([(v, intercept + slope * v) for v in at_x], "line-c"),
        frame.curve(zip(x.tolist(), logistic.tolist(), strict=True), "line-a"),
    ]
    for boundary, colour in ((fits.line_boundary, "c"), (fits.logistic_boundary, "a")):
        at = frame.at_x(boundary)
        parts.append(line(at, frame.at_y(0.5), at, frame.bottom, f"dash-{colour}"))
        parts.append(circle(at, frame.at_y(0.5), 4, f"fill-{colour} knob"))
    for at_point, label in zip(fits.x[:-1].tolist(), fits.y[:-1].tolist(), strict=True):
        parts.append(circle(*frame.at(at_point, label), 4.5, f"fill-{'p' if label else 'd'}"))
    parts.append(
        frame.handle("far", float(fits.x[-1]), 1, "p", along="x", low=NEAREST, high=FARTHEST)
    )
    words = t(
        "raw_label",
        first=shown(fits.line_boundary),
        second=shown(fits.logistic_boundary),
    )
    return picture(width, HEIGHT, *parts, label=words)
