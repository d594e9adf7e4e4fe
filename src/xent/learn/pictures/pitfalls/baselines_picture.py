"""A loss on a line from perfect to guessing, as SVG."""

from __future__ import annotations

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, width_of
from xent.learn.pictures.pitfalls.baselines import Judged
from xent.learn.svg import Frame, bar, circle, line, picture, text

__all__ = ["MOST", "draw"]

MOST = 8.0  # of the slider: ln 1,000 and some
HEIGHT, LINE = 158, 60


def end_of(judged: Judged) -> float:
    """Where the line ends: some way beyond all that stands on it."""
    return 1.2 * max(judged.uniform, judged.frequencies, judged.loss)


def draw(judged: Judged, t: Words, width: int) -> str:
    """Return the loss, the entropy of the labels and ln K on one line."""
    frame = Frame(x=(0, end_of(judged)), y=(0, 1), left=16, right=width - 16, top=20, bottom=LINE)
    better, worse = frame.at_x(judged.frequencies), frame.at_x(judged.uniform)
    parts = [
        bar(frame.left, LINE - 8, better - frame.left, 16, "soft-good"),
        bar(better, LINE - 8, frame.right - better, 16, "soft-bad"),
        line(frame.left, LINE, frame.right, LINE, "rule"),
    ]
    marks = [
        (better, t("label_entropy"), judged.frequencies),
        (worse, t("uniform"), judged.uniform),
    ]
    if worse - better < 1:  # the classes are even: one mark with both names
        marks = [(worse, f"{t('label_entropy')} = {t('uniform')} =", judged.uniform)]
    for i, (x, _, _) in enumerate(marks):
        parts.append(line(x, LINE - 12, x, LINE + 20 + 34 * i, "rule"))
    for i, (x, name, value) in enumerate(marks):
        parts.append(_within(f"{name} {shown(value)}", x, LINE + 34 + 34 * i, "label halo", frame))
    at = frame.at_x(judged.loss)
    parts.append(circle(at, LINE, 8, "fill-q knob"))
    parts.append(_within(f"{t('your_loss')} {shown(judged.loss)}", at, LINE - 24, "text-q", frame))
    words = t(
        "baselines_label",
        loss=shown(judged.loss),
        entropy=shown(judged.frequencies),
        uniform=shown(judged.uniform),
    )
    return picture(width, HEIGHT, *parts, label=words)


def _within(content: str, x: float, y: float, look: str, frame: Frame) -> str:
    """A label centred on a mark, or as near as the picture has room."""
    half = width_of(content) / 2
    x = min(max(x, frame.left + half), frame.right - half)
    return text(content, x=x, y=y, class_=f"{look} mid")
