"""The pictures of the chapter with their controls: each is a stage, and what it is at now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xent.learn.controls import Button, Choice, Play, Slider
from xent.learn.page import Page
from xent.learn.pictures.pitfalls import (
    baselines,
    baselines_picture,
    class_weights,
    double_softmax,
    double_softmax_picture,
    float32_cliff,
    float32_picture,
    mean_of_means,
    means_picture,
    overconfidence,
    overconfidence_picture,
    smoothing_floor,
    smoothing_picture,
)

__all__ = ["averaging", "doubling", "falling", "judging", "smoothing", "training", "weighing"]

Values = Mapping[str, Any]


def doubling(page: Page) -> tuple[Any, Callable[[Values], double_softmax.Twice]]:
    """Return softmax taken twice, and both losses of the row that the controls describe."""

    def now(values: Values) -> double_softmax.Twice:
        return double_softmax.compute(int(values["classes"]), [values["sure"]])

    stage = page.stage(
        "double",
        [
            Slider("classes", page.t("classes"), 10.0, 2.0, 1000.0, 1, logarithmic=True),
            Slider("sure", page.t("sure_slider"), 6.0, *double_softmax_picture.SURE, 0.5),
        ],
        lambda values, width: double_softmax_picture.draw(now(values), page.t, width),
        adjust=_whole_classes,
        caption="twice_caption",
    )
    return stage, now


def falling(page: Page) -> tuple[Any, Callable[[Values], float32_cliff.Cliff]]:
    """Return the cliff of float32, and both ways to the loss of the controls. It imports torch."""

    def now(values: Values) -> float32_cliff.Cliff:
        return float32_cliff.compute([values["z"]], int(values["label"]))

    stage = page.stage(
        "cliff",
        [
            Slider("z", page.t("z"), 20.0, *float32_picture.LOGITS, 0.5),
            Choice("label", page.t("label"), "0", {"0": "0", "1": "1"}),
        ],
        lambda values, width: float32_picture.draw(now(values), page.t, width),
        caption="cliff_caption",
    )
    return stage, now


def averaging(page: Page) -> tuple[Any, Callable[[Values], mean_of_means.Parts]]:
    """Return the mean of means, and the two parts of the controls."""

    def now(values: Values) -> mean_of_means.Parts:
        return mean_of_means.compute(
            (int(values["rows_a"]), values["loss_a"]), (int(values["rows_b"]), values["loss_b"])
        )

    t = page.t
    stage = page.stage(
        "means",
        [
            Slider("rows_a", t("rows_a"), 900.0, 10.0, 1000.0, 10, "a"),
            Slider("loss_a", t("loss_a"), 2.0, 0.0, 8.0, 0.1, "a"),
            Slider("rows_b", t("rows_b"), 100.0, 10.0, 1000.0, 10, "b"),
            Slider("loss_b", t("loss_b"), 6.0, 0.0, 8.0, 0.1, "b"),
            Button("uneven", t("uneven"), lambda _: {"rows_a": 900.0, "rows_b": 100.0}),
            Button("even", t("even"), lambda _: {"rows_a": 500.0, "rows_b": 500.0}),
        ],
        lambda values, width: means_picture.draw_parts(now(values), t, width),
        caption="means_caption",
    )
    return stage, now


def weighing(page: Page) -> tuple[Any, Callable[[Values], class_weights.Weighted]]:
    """Return class weights, and the weighted batch of the controls."""

    def now(values: Values) -> class_weights.Weighted:
        return class_weights.compute(
            int(values["rare"]), values["weight"], values["common_prob"], values["rare_prob"]
        )

    t = page.t
    stage = page.stage(
        "weights",
        [
            Slider("rare", t("rare_rows"), 5.0, 1.0, 50.0, 1, "b"),
            Slider("weight", t("weight"), 10.0, 1.0, 99.0, 0.5, "b"),
            Slider("common_prob", t("common_prob"), 0.9, 0.05, 0.99, 0.01, "a"),
            Slider("rare_prob", t("rare_prob"), 0.3, 0.05, 0.99, 0.01, "b"),
            Button("balanced", t("balanced"), class_weights.balanced),
        ],
        lambda values, width: means_picture.draw_weighted(now(values), t, width),
        caption="weights_caption",
    )
    return stage, now


def smoothing(page: Page) -> tuple[Any, Callable[[Values], smoothing_floor.Smoothed]]:
    """Return the floor of label smoothing, and what it is at the controls."""

    def now(values: Values) -> smoothing_floor.Smoothed:
        return smoothing_floor.compute(values["epsilon"], int(values["classes"]), [0.0])

    stage = page.stage(
        "smoothing",
        [
            Slider("epsilon", page.t("epsilon"), 0.1, 0.0, 0.5, 0.01, "a"),
            Slider("classes", page.t("classes"), 10.0, 2.0, 1000.0, 1, logarithmic=True),
        ],
        lambda values, width: smoothing_picture.draw(
            values["epsilon"], int(values["classes"]), page.t, width
        ),
        adjust=_whole_classes,
        caption="smoothing_caption",
    )
    return stage, now


def judging(page: Page) -> tuple[Any, Callable[[Values], baselines.Judged]]:
    """Return a loss beside its baselines, and what it is worth at the controls."""

    def now(values: Values) -> baselines.Judged:
        shares = baselines.shares_of(int(values["classes"]), values["share"])
        return baselines.judge(values["loss"], shares)

    t = page.t
    stage = page.stage(
        "baselines",
        [
            Slider("loss", t("your_loss"), 0.69, 0.0, baselines_picture.MOST, 0.01, "q"),
            Slider("classes", t("classes"), 2.0, 2.0, 1000.0, 1, logarithmic=True),
            Slider("share", t("share"), 0.5, 0.0, 0.99),
            Button("coin", t("coin"), lambda _: {"classes": 2.0, "share": 0.5}),
            Button("nine", t("nine"), lambda _: {"classes": 2.0, "share": 0.9}),
            Button("ten", t("ten"), lambda _: {"classes": 10.0, "share": 0.1}),
        ],
        lambda values, width: baselines_picture.draw(now(values), t, width),
        adjust=baselines.adjusted,
        caption="baselines_caption",
    )
    return stage, now


def training(page: Page) -> tuple[Any, Callable[[Values], tuple[overconfidence.Run, int, float]]]:
    """Return a training that plays, and the run, which of its steps it is at, the temperature."""
    run = overconfidence.train()
    last = float(overconfidence_picture.LAST_STEP)

    def now(values: Values) -> tuple[overconfidence.Run, int, float]:
        return run, overconfidence.nearest(run, values["step"]), values["temperature"]

    t = page.t
    stage = page.stage(
        "overconfidence",
        [
            Slider("step", t("step"), last, 1.0, last, 1, logarithmic=True),
            Slider("temperature", t("temperature"), 1.0, 0.5, 20.0, colour="a", logarithmic=True),
            Play("play", t("play"), t("pause"), "step", lambda _: last),
            Button("best", t("at_best"), lambda _: {"step": float(run.steps[run.best])}),
            Button("end", t("at_end"), lambda _: {"step": last}),
            Button("cool", t("cool"), overconfidence.cooled),
        ],
        lambda values, width: overconfidence_picture.draw(*now(values), t, width),
        caption="overconfidence_caption",
    )
    return stage, now


def _whole_classes(values: Values, moved: str) -> dict[str, float]:
    return {"classes": float(round(values["classes"]))}
