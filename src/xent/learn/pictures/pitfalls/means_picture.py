"""Sums of losses as areas: two parts of a batch, and two classes with weights, as SVG."""

from __future__ import annotations

from xent.learn.numbers import shown
from xent.learn.pictures.parts import Words, legend
from xent.learn.pictures.pitfalls.class_weights import Weighted
from xent.learn.pictures.pitfalls.mean_of_means import Parts
from xent.learn.svg import Frame, bar, line, picture, text

__all__ = ["draw_parts", "draw_weighted"]

HEIGHT = 350


def draw_parts(parts: Parts, t: Words, width: int) -> str:
    """Return each part as an area, rows wide and its mean high, and the two means."""
    entries = (
        ("soft-a", t("part_a")),
        ("soft-b", t("part_b")),
        ("line-good", t("mean_of_rows")),
        ("line-bad", t("mean_of_means")),
    )
    names, high = legend(entries, 8, 14, width)
    rows = sum(part.count for part in parts.totals)
    most = 1.15 * max([*(part.mean() for part in parts.totals), 1.0])
    frame = Frame(
        x=(0, rows), y=(0, most), left=50, right=width - 70, top=36 + high, bottom=HEIGHT - 52
    )
    drawn = [names, frame.axes(t("rows"), t("mean_loss"))]
    begin = 0
    for part, colour in zip(parts.totals, "ab", strict=True):
        left, right = frame.at_x(begin), frame.at_x(begin + part.count)
        top = frame.at_y(part.mean())
        drawn.append(bar(left, top, right - left, frame.bottom - top, f"soft-{colour}"))
        drawn.append(line(left, top, right, top, f"line-{colour}"))
        begin += part.count
    drawn += _levels(frame, ((parts.mean, "good"), (parts.mean_of_means, "bad")))
    words = t("means_label", right=shown(parts.mean), wrong=shown(parts.mean_of_means))
    return picture(width, HEIGHT, *drawn, label=words)


def draw_weighted(batch: Weighted, t: Words, width: int) -> str:
    """Return each class as an area, its weight wide and its loss high, and the two means."""
    entries = (
        ("soft-a", t("common")),
        ("soft-b", t("rare")),
        ("line-p", t("by_weights")),
        ("line-q", t("by_rows")),
    )
    names, high = legend(entries, 8, 14, width)
    weight, rows = float(batch.total.weight), batch.total.count
    most = 1.15 * max(batch.common_loss, batch.rare_loss, batch.by_rows)
    frame = Frame(
        x=(0, max(weight, rows)), y=(0, most), left=50, right=width - 70, top=36 + high,
        bottom=HEIGHT - 52,
    )  # fmt: skip
    drawn = [names, frame.axes(t("weight_axis"), t("loss_nats"))]
    begin = 0.0
    for wide, loss, colour in (
        (rows - batch.rare, batch.common_loss, "a"),
        (batch.rare * batch.weight, batch.rare_loss, "b"),
    ):
        left, right, top = frame.at_x(begin), frame.at_x(begin + wide), frame.at_y(loss)
        drawn.append(bar(left, top, right - left, frame.bottom - top, f"soft-{colour}"))
        drawn.append(line(left, top, right, top, f"line-{colour}"))
        begin += wide
    # the same area over the weights and over the rows: two heights
    for wide, mean, colour in ((weight, batch.by_weights, "p"), (rows, batch.by_rows, "q")):
        drawn.append(
            line(frame.left, frame.at_y(mean), frame.at_x(wide), frame.at_y(mean), f"line-{colour}")
        )
        drawn.append(
            line(
                frame.at_x(wide), frame.at_y(mean), frame.at_x(wide), frame.bottom, f"dash-{colour}"
            )
        )
    drawn.append(_names(frame, ((batch.by_weights, "p"), (batch.by_rows, "q"))))
    words = t("weights_label", first=shown(batch.by_weights), second=shown(batch.by_rows))
    return picture(width, HEIGHT, *drawn, label=words)


def _levels(frame: Frame, levels: tuple[tuple[float, str], ...]) -> list[str]:
    drawn = [
        line(frame.left, frame.at_y(value), frame.right, frame.at_y(value), f"line-{colour}")
        for value, colour in levels
    ]
    return [*drawn, _names(frame, levels)]


def _names(frame: Frame, levels: tuple[tuple[float, str], ...]) -> str:
    """The levels at the right end, apart by a line of text at least."""
    (first, _), (second, _) = levels
    ys = [frame.at_y(first), frame.at_y(second)]
    if abs(ys[0] - ys[1]) < 17:
        middle, lower = sum(ys) / 2, ys[0] >= ys[1]
        ys = [middle + (8.5 if lower else -8.5), middle + (-8.5 if lower else 8.5)]
    return "".join(
        text(shown(value, 4), x=frame.right + 8, y=y + 4.5, class_=f"text-{colour}")
        for y, (value, colour) in zip(ys, levels, strict=True)
    )
