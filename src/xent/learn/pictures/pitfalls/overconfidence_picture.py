"""Losses and accuracy of a run over its steps, as SVG."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, dot, legend, log_handle, powers, upright
from xent.learn.pictures.pitfalls.overconfidence import Run, at_temperature
from xent.learn.svg import Frame, picture

__all__ = ["LAST_STEP", "draw"]

LAST_STEP = 3000
LOG_LAST = math.log10(LAST_STEP)


def draw(run: Run, index: int, temperature: float, t: Words, width: int) -> str:
    """Return the losses above the accuracy; the dots are at one step."""
    entries = (
        ("line-muted", t("training_loss")),
        ("line-bad", t("held_out_loss")),
        ("dash-a", t("cooled")),
        ("line-good", t("accuracy")),
    )
    names, high = legend(entries, 8, 14, width)
    top = 36 + high
    first = Frame(
        x=(0, LOG_LAST), y=(0, 1.25), left=50, right=width - 16, top=top, bottom=top + 190
    )
    top = first.bottom + 64
    second = Frame(
        x=(0, LOG_LAST), y=(0.5, 0.75), left=50, right=width - 16, top=top, bottom=top + 110
    )
    xs, x_names = powers(0, int(LOG_LAST))
    log_steps = np.log10(run.steps[1:])
    x = float(np.log10(run.steps[index]))

    def points(values: NDArray[np.float64]) -> list[tuple[float, float]]:
        return list(zip(log_steps.tolist(), values[1:].tolist(), strict=True))

    side = "above left" if x > 0.75 * LOG_LAST else "right"
    loss, accuracy = float(run.held_out[index]), float(run.accuracy[index])
    cooled = np.array([at_temperature(run, i, temperature) for i in range(len(run.steps))])
    best = float(np.log10(run.steps[run.best]))
    parts = [
        names,
        first.axes("", t("loss_nats"), x_ticks=xs, x_names=x_names, y_ticks=[0, 0.5, 1]),
        second.axes(
            t("steps"), t("accuracy"), x_ticks=xs, x_names=x_names, y_ticks=[0.5, 0.6, 0.7],
            y_names=["50 %", "60 %", "70 %"],
        ),
        upright(first, best, "dash-bad"),
        upright(second, best, "dash-bad"),
        upright(first, x),
        upright(second, x),
        first.curve(points(run.training), "line-muted"),
        first.curve(points(run.held_out), "line-bad"),
        second.curve(points(run.accuracy), "line-good"),
        dot(first, x, loss, "bad", shown(loss, 3), side),
        dot(second, x, accuracy, "good", f"{100 * accuracy:.1f} %", side),
    ]  # fmt: skip
    if temperature != 1:
        parts.append(first.curve(points(cooled), "dash-a"))
        parts.append(dot(first, x, float(cooled[index]), "a", shown(float(cooled[index]), 3), side))
    parts.append(log_handle(first, "step", x, 0, "ink", 0, LOG_LAST))
    words = t(
        "overconfidence_label",
        step=f"{run.steps[index]:,}",
        loss=shown(loss),
        accuracy=f"{100 * accuracy:.1f} %",
    )
    return picture(width, second.bottom + 46, *parts, label=words)
