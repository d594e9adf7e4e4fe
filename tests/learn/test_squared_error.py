"""Chapter 4: each control moves what it should."""

import math
import re

import pytest

# ends of the axis along x of every picture of the chapter, wide and narrow
LEFT, RIGHT = 50, {1280: 744, 390: 340}


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def test_the_race(chapter):
    reader = chapter("squared_error")
    reader.shows("ce_steps", 9)
    reader.shows("se_steps", 1507)
    reader.shows("times", 1507 / 9)
    # the text has the probability that the race starts from
    assert "0.0003354" in reader.page.locator("#App").inner_text()
    reader.set("race", "start", -5)
    reader.shows("ce_steps", 6)
    reader.shows("se_steps", 85)
    reader.set("race", "scale", "half")
    reader.shows("se_steps", 168)
    reader.set("race", "rate", math.log10(2))  # the same steps as the whole at rate 1
    reader.shows("se_steps", 85)
    reader.press("race", "from_8")
    reader.shows("se_steps", 1507)
    reader.shows("ce_p", sigmoid(0.18352061114112772), rel=1e-12)  # step 9
    reader.set("race", "step", 0)
    reader.press("race", "next")
    z = -8.0
    for _ in range(2):
        z += 1 - sigmoid(z)
    reader.shows("ce_p", sigmoid(z), rel=1e-12)


@pytest.mark.parametrize(("width", "lang"), [(1280, "en"), (390, "zh")])
def test_the_step_is_dragged(chapter, width, lang):
    reader = chapter("squared_error", lang, width=width, scheme="dark")
    # the axis ends at 10^5.5
    reader.drag("race", "step", LEFT + 3 / 5.5 * (RIGHT[width] - LEFT))
    shown = reader.stage("race").locator("svg.picture").text_content()
    step = int(re.search({"en": r"step ([\d,]+)", "zh": r"第 ([\d,]+) 步"}[lang], shown)[1]
               .replace(",", ""))  # fmt: skip
    assert step == pytest.approx(1000, rel=0.05)
    z = -8.0
    for _ in range(step):
        p = sigmoid(z)
        z -= 2 * (p - 1) * p * (1 - p)
    reader.shows("se_p", sigmoid(z), rel=1e-10)
    reader.shows("ce_p", 0.5458, rel=1e-3)  # over since step 9
    said = reader.page.locator('[data-say="race_says"]').inner_text()
    assert {"en": "9 steps against 1,507", "zh": "9 步对 1,507 步"}[lang] in said
    assert "$" not in said
    assert "[[" not in reader.page.locator("#App").inner_text()
    assert reader.page.evaluate("document.documentElement.scrollWidth") == width


def test_the_gradients_and_the_shade(chapter):
    reader = chapter("squared_error")
    for z, label in ((-8.0, 1), (2.0, 1), (2.0, 0)):
        reader.set("slopes", "z", z) if label else reader.set("slopes", "label", "0")
        p = sigmoid(z)
        reader.shows("p", p)
        reader.shows("ce_slope", p - label, rel=1e-12)
        reader.shows("se_slope", 2 * (p - label) * p * (1 - p), rel=1e-12)
        reader.shows("ratio", 1 / (2 * p * (1 - p)), rel=1e-12)
    reader.set("slopes", "label", "1")
    for z, sign in ((-0.7, -1), (-0.6, 1)):  # the edge of the shade is -ln 2
        reader.set("slopes", "z", z)
        p = sigmoid(z)
        curvature = -2 * p * (1 - p) ** 2 * (1 - 3 * p)
        reader.shows("curvature", curvature, rel=1e-10)
        assert math.copysign(1, curvature) == sign
        reader.says("concave_here" if sign < 0 else "convex_here")


def test_the_other_side(chapter):
    reader = chapter("squared_error")
    reader.shows("line_errors", 2)
    reader.shows("logistic_errors", 2)
    before = reader.number("logistic")
    reader.set("raw", "far", 20)
    reader.shows("line_errors", 4)
    reader.shows("logistic_errors", 2)
    assert reader.number("line") > 0.1
    assert reader.number("logistic") == pytest.approx(before, abs=1e-3)
    said = reader.page.locator('[data-say="raw_race"]').inner_text()
    assert "after 1 step, at 1." in said
    assert "from −8 to 10" in said
    reader.drag("proper", "truth", LEFT + 0.3 * (RIGHT[1280] - LEFT))
    reader.shows("best_log", 0.3)
    reader.shows("best_brier", 0.3)
    reader.shows("best_absolute", 0)
