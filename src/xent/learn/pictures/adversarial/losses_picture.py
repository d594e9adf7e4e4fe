"""The generator's two losses and their pushes over the discriminator's logit, as SVG."""

from __future__ import annotations

import numpy as np

from xent.learn.numbers import shown
from xent.learn.pictures.adversarial.losses import generator
from xent.learn.pictures.parts import Words, legend, pair, upright
from xent.learn.svg import Frame, picture

__all__ = ["LOGITS", "draw"]

LOGITS = (-10.0, 10.0)
_GRID = np.linspace(*LOGITS, 401)
PANEL = 180


def draw(logit: float, t: Words, width: int) -> str:
    """Return the losses above their derivatives; both at `logit` have their numbers."""
    entries = (("line-a", t("non_saturating")), ("line-c", t("saturating")))
    names, high = legend(entries, 8, 14, width)
    top = 36 + high
    first = Frame(x=LOGITS, y=(-11, 11), left=50, right=width - 16, top=top, bottom=top + PANEL)
    top = first.bottom + 64
    second = Frame(x=LOGITS, y=(-1.1, 0.1), left=50, right=width - 16, top=top, bottom=top + PANEL)
    curves, at = generator(_GRID), generator([logit])
    parts = [
        names,
        first.axes("", t("loss_nats"), y_ticks=[-10, -5, 0, 5, 10]),
        second.axes(t("fake_logit"), t("push"), y_ticks=[-1, -0.5, 0]),
        upright(first, logit),
        upright(second, logit),
    ]
    side = "left" if logit > 4 else "right"
    for frame, names_of in (
        (first, ("loss", "saturating")),
        (second, ("slope", "saturating_slope")),
    ):
        for name, colour in zip(names_of, "ac", strict=True):
            values = getattr(curves, name).tolist()
            parts.append(frame.curve(zip(_GRID.tolist(), values, strict=True), f"line-{colour}"))
        both = [(float(getattr(at, n)[0]), c) for n, c in zip(names_of, "ac", strict=True)]
        parts.append(pair(frame, logit, both, side))
    parts.append(first.handle("logit", logit, -11, "ink", along="x", low=LOGITS[0], high=LOGITS[1]))
    words = t(
        "losses_label",
        z=shown(logit),
        first=shown(float(at.slope[0])),
        second=shown(float(at.saturating_slope[0])),
    )
    return picture(width, second.bottom + 46, *parts, label=words)
