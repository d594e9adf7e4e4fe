"""The cliff of float32, in the loss and in its gradient, as SVG."""

from __future__ import annotations

import numpy as np

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, legend, pair, upright
from xent.learn.pictures.pitfalls.float32_cliff import Cliff, compute
from xent.learn.svg import Frame, picture

__all__ = ["LOGITS", "draw"]

LOGITS = (-60.0, 40.0)
_GRID = np.arange(LOGITS[0], LOGITS[1] + 0.25, 0.25)
PANEL = 170


def draw(at: Cliff, t: Words, width: int) -> str:
    """Return the losses above the gradients; `at` is the one logit looked at."""
    curves = compute(_GRID, at.label)
    z = float(at.z[0])
    entries = (("line-good", t("of_logit")), ("line-bad", t("of_sigmoid", by=at.computed_by)))
    names, high = legend(entries, 8, 14, width)
    top = 36 + high
    first = Frame(x=LOGITS, y=(-5, 115), left=50, right=width - 16, top=top, bottom=top + PANEL)
    top = first.bottom + 64
    ends = (-1.1, 0.1) if at.label else (-0.1, 1.1)
    second = Frame(x=LOGITS, y=ends, left=50, right=width - 16, top=top, bottom=top + PANEL)
    xs = [-60, -40, -20, 0, 20, 40]
    parts = [
        names,
        first.axes("", t("loss_nats"), x_ticks=xs, y_ticks=[0, 50, 100]),
        second.axes(
            t("logit"), t("gradient"), x_ticks=xs,
            y_ticks=[-1, -0.5, 0] if at.label else [0, 0.5, 1],
        ),
        upright(first, z),
        upright(second, z),
    ]  # fmt: skip
    x = _GRID.tolist()
    side = "left" if z > 10 else "right"
    for frame, both, values in (
        (first, (curves.exact, curves.rounded), (at.exact, at.rounded)),
        (
            second,
            (curves.exact_slope, curves.rounded_slope),
            (at.exact_slope, at.rounded_slope),
        ),
    ):
        # the right curve is drawn thin over the other: where both agree, both are seen
        for line_of, colour in ((both[1], "bad"), (both[0], "good")):
            parts.append(frame.curve(zip(x, line_of.tolist(), strict=True), f"line-{colour}"))
        right, wrong = float(values[0][0]), float(values[1][0])
        parts.append(pair(frame, z, ((wrong, "bad"), (right, "good")), side))
    parts.append(first.handle("z", z, first.y[0], "ink", along="x", low=LOGITS[0], high=LOGITS[1]))
    words = t(
        "cliff_label",
        z=shown(z),
        right=shown(float(at.exact[0])),
        wrong=shown(float(at.rounded[0])),
    )
    return picture(width, second.bottom + 46, *parts, label=words)
