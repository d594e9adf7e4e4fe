"""Two normal distributions, the best discriminator between them, and a chase, as SVG."""

from __future__ import annotations

import math

import numpy as np

from xent.learn.numbers import shown
from xent.learn.pictures.adversarial.gaussians import CAUGHT, Chase, Game
from xent.learn.pictures.parts import Words, dot, legend, powers
from xent.learn.svg import Frame, line, picture

__all__ = ["MEANS", "RATE", "draw", "draw_chase"]

MEANS = (-6.0, 6.0)
RATE = 0.1  # the learning rate of the chase
_SHOWN = (-8.0, 8.0)
_LOG_LAST = 4
PANEL = 180


def draw(game: Game, t: Words, width: int) -> str:
    """Return the densities above the best discriminator's answers."""
    entries = (("line-p", t("data")), ("line-q", t("made")), ("line-gap", t("best_d")))
    names, high = legend(entries, 8, 14, width)
    top = 36 + high
    most = 1.08 * max(float(game.data.max()), float(game.made.max()))
    first = Frame(x=_SHOWN, y=(0, most), left=50, right=width - 16, top=top, bottom=top + PANEL)
    top = first.bottom + 64
    second = Frame(x=_SHOWN, y=(0, 1), left=50, right=width - 16, top=top, bottom=top + 120)
    seen = (game.x >= _SHOWN[0]) & (game.x <= _SHOWN[1])
    x = game.x[seen].tolist()

    def points(values: np.ndarray) -> list[tuple[float, float]]:
        return list(zip(x, values[seen].tolist(), strict=True))

    half = second.at_y(0.5)
    parts = [
        names,
        first.axes("", t("density")),
        second.axes(t("sample"), t("said_real"), y_ticks=[0, 0.5, 1]),
        line(second.left, half, second.right, half, "dash-muted"),
        first.area(points(game.data), "soft-p"),
        first.area(points(game.made), "soft-q"),
        first.curve(points(game.data), "line-p"),
        first.curve(points(game.made), "line-q"),
        second.curve(points(game.said_real), "line-gap"),
        first.handle("mean", game.mean, 0, "q", along="x", low=MEANS[0], high=MEANS[1]),
    ]
    words = t("gaussians_label", mean=shown(game.mean), divergence=shown(game.divergence))
    return picture(width, second.bottom + 46, *parts, label=words)


def draw_chase(chase: Chase, t: Words, width: int) -> str:
    """Return the mean of the generator over steps, under both losses."""
    entries = (("line-a", t("non_saturating")), ("line-c", t("saturating")))
    names, high = legend(entries, 8, 14, width)
    frame = Frame(
        x=(0, _LOG_LAST), y=(0, 8), left=50, right=width - 16, top=36 + high, bottom=280 + high
    )
    xs, x_names = powers(0, _LOG_LAST)
    parts = [
        names,
        frame.axes(t("steps"), t("distance"), x_ticks=xs, x_names=x_names, y_ticks=[0, 2, 4, 6, 8]),
        line(frame.left, frame.at_y(CAUGHT), frame.right, frame.at_y(CAUGHT), "dash-muted"),
    ]
    for means, arrived, colour in (
        (chase.means, chase.finished[0], "a"),
        (chase.saturating_means, chase.finished[1], "c"),
    ):
        last = len(means) - 1
        steps = np.unique(np.geomspace(1, last, 300).round().astype(int))
        points = zip(np.log10(steps).tolist(), means[steps].tolist(), strict=True)
        parts.append(frame.curve(points, f"line-{colour}"))
        if arrived:
            parts.append(
                dot(frame, math.log10(last), float(means[-1]), colour, f"{last:,}", "above")
            )
    words = t(
        "chase_label",
        start=shown(chase.start),
        first=f"{chase.steps[0]:,}",
        second=f"{chase.steps[1]:,}",
    )
    return picture(width, frame.bottom + 52, *parts, label=words)
