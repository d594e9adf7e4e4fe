"""Chapter 8: each control moves what it should."""

import math

import pytest

from xent.learn.pictures.pitfalls import overconfidence


def test_softmax_twice_and_the_cliff_of_float32(chapter):
    reader = chapter("pitfalls")
    for classes in (10, 1000):
        reader.set("double", "classes", math.log10(classes))
        floor = math.log1p((classes - 1) / math.e)
        reader.shows("floor", floor)
        reader.shows("uniform", math.log(classes))
        reader.shows("weaker", classes, rel=1e-12)
    reader.set("double", "sure", 20)
    reader.shows("once", math.log1p(999 * math.exp(-20)), rel=1e-12)
    reader.shows("twice", floor, rel=1e-5)
    reader.set("double", "sure", -12)
    reader.shows("twice", floor + 1, rel=1e-4)
    reader.quiet()
    assert "6.909" not in reader.page.locator('[data-say="twice_say"]').inner_text()
    assert "5.909" in reader.page.locator('[data-say="twice_say"]').inner_text()
    reader.shows("exact", 20, rel=1e-6)
    reader.shows("rounded", 100)
    reader.shows("rounded_slope", 0)
    reader.shows("exact_slope", 1, rel=1e-6)
    reader.set("cliff", "z", 16)
    reader.shows("rounded_slope", 1, rel=1e-3)
    reader.set("cliff", "label", "1")
    reader.set("cliff", "z", -50)
    reader.shows("rounded_slope", -1.92875e-10, rel=1e-4)
    reader.shows("exact_slope", -1, rel=1e-6)
    reader.says("by_torch")
    assert "torch 2." in reader.page.locator('[data-say="by_torch"]').inner_text()


def test_the_picture_that_imports_torch_comes_after_all_others():
    marimo = pytest.importorskip("marimo")
    from marimo._ast.app import InternalApp

    from xent.learn.chapters import pitfalls

    assert marimo
    cells = InternalApp(pitfalls.app)
    code = [cells.graph.cells[i].code for i in cells.execution_order]
    torch, last = (
        next(i for i, text in enumerate(code) if word in text)
        for word in ("stages.falling(", "page.footer()")
    )
    assert torch > last
    assert len(code) - torch <= 2  # but for what is said under it


def test_means_and_weights(chapter):
    reader = chapter("pitfalls")
    reader.shows("mean", 2.4)
    reader.shows("mean_of_means", 4)
    reader.shows("row", 5)
    reader.press("means", "even")
    reader.shows("mean", 4)
    reader.shows("row", 1)
    reader.set("means", "loss_b", 3)
    reader.shows("mean", 2.5)
    reader.set("means", "rows_b", 250)
    reader.shows("mean", (500 * 2 + 250 * 3) / 750)
    reader.shows("mean_of_means", 2.5)
    common, rare = -math.log(0.9), -math.log(0.3)
    reader.shows("plain", 0.95 * common + 0.05 * rare)
    for weight in (10.0, 19.0):
        if weight == 19:
            reader.press("weights", "balanced")
        total = 95 * common + 5 * weight * rare
        reader.shows("by_weights", total / (95 + 5 * weight))
        reader.shows("by_rows", total / 100)
        reader.shows("guess_weights", math.log(2))
        reader.shows("guess_rows", math.log(2) * (95 + 5 * weight) / 100)
    reader.set("weights", "rare", 50)
    reader.set("weights", "rare_prob", 0.9)
    reader.shows("by_weights", common)


def test_smoothing_and_baselines(chapter):
    reader = chapter("pitfalls")
    reader.shows("smoothing_floor", 0.500288035057758)
    reader.shows("other_floor", 0.5448054311250702)
    reader.shows("best_prob", 0.91)
    reader.shows("best_lead", math.log(91))
    reader.set("smoothing", "epsilon", 0)
    reader.shows("smoothing_floor", 0)
    reader.shows("best_lead", math.inf)
    reader.set("smoothing", "epsilon", 0.5)
    reader.set("smoothing", "classes", math.log10(2))
    reader.shows("smoothing_floor", -0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    reader.shows("judged_skill", 1 - 0.69 / math.log(2), rel=1e-12)
    reader.press("baselines", "nine")
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    reader.shows("judged_frequencies", entropy)
    reader.shows("judged_skill", 1 - 0.69 / entropy, rel=1e-12)
    reader.press("baselines", "ten")
    reader.shows("judged_uniform", math.log(10))
    reader.set("baselines", "loss", 2)
    reader.shows("judged_prob", math.exp(-2))
    # no class may be more frequent than the most frequent one
    reader.set("baselines", "share", 0)
    assert reader.value("baselines", "share") == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("lang", "wrong"),
    [
        (
            "en",
            [
                ("12, many", "no_count", "“many” is no number of rows"),
                ("7", "how_many", "this has 1"),
                ("0, 0", "all_zero", "All counts are 0"),
            ],
        ),
        (
            "zh",
            [
                ("12, many", "no_count", "“many”不是行数"),
                ("7", "how_many", "这里有 1 个"),
                ("0, 0", "all_zero", "所有行数都是 0"),
            ],
        ),
    ],
)
def test_counts_that_are_none_are_told_in_words(chapter, lang, wrong):
    reader = chapter("pitfalls", lang, width=390, scheme="dark")
    reader.shows("typed_frequencies", -0.9 * math.log(0.9) - 0.1 * math.log(0.1))
    field = reader.page.locator("marimo-text input")
    for typed, key, words in wrong:
        field.fill(typed)
        field.press("Enter")
        reader.says(key)
        assert words in reader.page.locator(f'[data-say="{key}"]').inner_text()
    field.fill("5, 5, 10")
    field.press("Enter")
    reader.shows("typed_frequencies", 1.5 * math.log(2))
    assert "[[" not in reader.page.locator("#App").inner_text()
    assert reader.page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_loss_rises_with_the_accuracy_and_a_temperature_takes_it_back(chapter):
    run = overconfidence.train()
    last = len(run.steps) - 1
    reader = chapter("pitfalls")
    reader.shows("accuracy", 100 * run.accuracy[last])
    reader.shows("held_out", run.held_out[last])
    reader.press("overconfidence", "best")
    reader.shows("accuracy", 100 * run.accuracy[run.best])
    reader.shows("held_out", run.held_out[run.best])
    reader.press("overconfidence", "end")
    reader.press("overconfidence", "cool")
    best = overconfidence.best_temperature(run, last)
    reader.shows("cooled", overconfidence.at_temperature(run, last, best))
    reader.shows("held_out", run.held_out[last])
    reader.shows("accuracy", 100 * run.accuracy[last])
    # the run plays from its start
    reader.control("overconfidence", "play").click()
    reader.page.wait_for_selector("[data-playing]")
    # the page looks at each frame of its own
    step = reader.control("overconfidence", "step").element_handle()
    reader.page.wait_for_function("at => 0 < Number(at.value) && Number(at.value) < 2", arg=step)
    reader.press("overconfidence", "best")
    assert reader.page.locator("[data-playing]").count() == 0
    reader.shows("held_out", run.held_out[run.best])
    reader.drag("double", "sure", 50 + (10 + 12) / 32 * (744 - 50))
    assert reader.value("double", "sure") == 10
