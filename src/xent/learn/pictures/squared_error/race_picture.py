"""The race over its steps, as SVG."""

from __future__ import annotations

import math

import numpy as np

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, dot, legend, log_handle, powers, upright
from xent.learn.pictures.squared_error.race import Lane, Race
from xent.learn.svg import Frame, line, picture, text

__all__ = ["LAST_STEP", "LOG_LAST", "draw", "last"]

LOG_LAST = 5.5  # the axis ends there, whatever the race: 9 and 1,507 keep their places
LAST_STEP = int(10**LOG_LAST)
HEIGHT, BOTTOM = 372, 318
LOGITS = (-11.0, 2.5)
_POINTS = 300


def draw(race: Race, step: int, t: Words, width: int) -> str:
    """Return the logit over steps, and where both lanes are after `step`."""
    entries = (("line-a", t("cross_entropy")), ("line-c", t("squared_error")))
    names, high = legend(entries, 8, 14, width)
    frame = Frame(
        x=(0, LOG_LAST), y=LOGITS, left=50, right=width - 16, top=36 + high, bottom=BOTTOM
    )
    xs, x_names = powers(0, int(LOG_LAST))
    parts = [
        names,
        frame.axes(t("steps"), t("logit_axis"), x_ticks=xs, x_names=x_names),
        line(frame.left, frame.at_y(0), frame.right, frame.at_y(0), "dash-muted"),
        upright(frame, math.log10(step)),
    ]
    lanes = ((race.cross_entropy, "a"), (race.squared_error, "c"))
    for lane, colour in lanes:
        parts.append(frame.curve(_points(lane), f"line-{colour}"))
        if not lane.finished:
            continue
        end = math.log10(lane.steps)
        parts.append(dot(frame, end, float(lane.outputs[-1]), colour, f"{lane.steps:,}", "above"))
    for lane, colour in lanes:
        if step < lane.steps:
            z = lane.at(step)
            look = "below" if z > LOGITS[0] + 2 else "above"
            parts.append(dot(frame, math.log10(step), z, colour, shown(z, 3), look))
    parts.append(log_handle(frame, "step", math.log10(step), LOGITS[0], "ink", 0, LOG_LAST))
    parts.append(
        text(t("step_number", step=f"{step:,}"), **_beside(frame, step), class_="strong halo")
    )
    ends = [f"{lane.steps:,}" if lane.finished else "∞" for lane, _ in lanes]
    label = t("race_label", start=shown(race.start), first=ends[0], second=ends[1])
    return picture(width, HEIGHT, *parts, label=label)


def last(race: Race) -> int:
    """Return the step after which both have arrived, no later than the axis ends.

    >>> from xent.learn.pictures.squared_error.race import run
    >>> last(run(-8.0, 1.0))
    1507
    """
    return min(LAST_STEP, max(race.cross_entropy.steps, race.squared_error.steps))


def _beside(frame: Frame, step: int) -> dict[str, float | str]:
    at = frame.at_x(math.log10(step))
    if at > frame.right - 110:
        return {"x": at - 14, "y": frame.bottom - 9, "text_anchor": "end"}
    return {"x": at + 14, "y": frame.bottom - 9}


def _points(lane: Lane) -> list[tuple[float, float]]:
    """The logit after each step, as even over the logarithm of steps as they are whole."""
    even = np.geomspace(1, max(lane.steps, 1), _POINTS).round().astype(int)
    # what happens just before the end is steep
    late = np.linspace(0.8 * lane.steps, lane.steps, _POINTS).round().astype(int)
    steps = np.unique(np.concatenate([even, late[late > 0]]))
    return list(zip(np.log10(steps).tolist(), lane.outputs[steps].tolist(), strict=True))
