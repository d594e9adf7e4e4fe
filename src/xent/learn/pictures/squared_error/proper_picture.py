"""What each answer costs on average, as SVG."""

from __future__ import annotations

import math

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, dot, legend, upright
from xent.learn.pictures.squared_error.proper import Scores
from xent.learn.svg import Frame, picture

__all__ = ["draw"]

HEIGHT, MOST = 340, 2.0
COLOURS = {"log_score": "a", "brier": "c", "absolute": "b"}
SIDES = {"log_score": "above", "brier": "below"}


def draw(scores: Scores, t: Words, width: int) -> str:
    """Return three expected scores over the answer, and where each is least."""
    names, high = legend(
        [(f"line-{colour}", t(name)) for name, colour in COLOURS.items()], 8, 14, width
    )
    frame = Frame(
        x=(0, 1), y=(-0.12, MOST), left=50, right=width - 16, top=36 + high, bottom=HEIGHT - 52
    )
    parts = [
        names,
        frame.axes(t("answer"), t("expected_cost"), y_ticks=[0, 0.5, 1, 1.5, 2]),
        upright(frame, scores.truth, "dash-p"),
    ]
    for name, colour in COLOURS.items():
        costs = getattr(scores, name)
        points = [
            (q, c if c <= MOST else math.nan)
            for q, c in zip(scores.q.tolist(), costs.tolist(), strict=True)
        ]
        parts.append(frame.curve(points, f"line-{colour}"))
    for name, colour in COLOURS.items():
        best = scores.best(name)
        cost = float(getattr(scores, name).min())
        side = SIDES.get(name, "left" if best > 0.5 else "right")
        parts.append(dot(frame, best, cost, colour, shown(cost, 3), side))
    parts.append(frame.handle("truth", scores.truth, frame.y[0], "p", along="x", low=0, high=1))
    words = t("proper_label", truth=shown(scores.truth))
    return picture(width, HEIGHT, *parts, label=words)
