"""Chapter 4: each control moves what it should."""

import math
import re

import pytest

# ends of the axis along x of every picture of the chapter, wide and narrow
LEFT, RIGHT = 50, {1280: 744, 390: 340}


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def told_step(reader, lang="en"):
    shown = reader.stage("race").locator("svg.picture").last.text_content()
    pattern = {"en": r"step ([\d,]+)", "zh": r"第 ([\d,]+) 步"}[lang]
    return int(re.search(pattern, shown)[1].replace(",", ""))


def playing(reader):
    return reader.control("race", "play").get_attribute("data-playing") is not None


# each picture that is drawn is noted in the page itself, so that none is missed
RECORD = """(figure, pattern) => {
  const step = () => {
    const shown = [...figure.querySelectorAll('svg.picture')].pop().textContent;
    return Number(shown.match(pattern)[1].replaceAll(',', ''));
  };
  window.steps = [];
  window.recorder?.disconnect();
  window.recorder = new MutationObserver(() => {
    window.steps.push(step());
    if (window.steps.at(-1) >= window.pauseAt) {
      window.pauseAt = Infinity;
      figure.querySelector('[data-control="play"]').click();
    }
  });
  window.recorder.observe(figure, { attributeFilter: ['data-n'] });
}"""


def record(reader, pause_at=math.inf):
    """Note the step of every picture from now on; press the button where it reaches `pause_at`."""
    reader.page.evaluate(f"() => {{ window.pauseAt = {pause_at:g}; }}".replace("inf", "Infinity"))
    reader.stage("race").evaluate(RECORD, r"step ([\d,]+)")


def recorded(reader):
    return reader.page.evaluate("window.steps")


def stands_still(reader):
    """Wait until the race is over, or was paused, and its last picture is there."""
    reader._until(lambda: not playing(reader), seconds=60)
    reader._until(lambda: reader.stage("race").get_attribute("data-waiting") is None)
    assert not playing(reader)


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
    step = told_step(reader, lang)
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


def test_the_race_plays_by_itself_and_stops_when_both_have_arrived(chapter):
    reader = chapter("squared_error")
    button = reader.control("race", "play")
    assert button.inner_text() == button.get_attribute("aria-label") == "Play the race"
    # 6 steps against 85
    reader.set("race", "start", -5)
    record(reader)
    button.focus()
    reader.page.keyboard.press("Space")
    reader.page.wait_for_selector("[data-playing]")
    assert button.get_attribute("aria-label") == "Pause the race"
    stands_still(reader)
    seen = recorded(reader)
    assert seen == sorted(seen)
    assert seen[0] < 6
    assert len(set(seen)) > 5, "the picture moves"
    assert seen[-1] == told_step(reader) == 85
    assert reader.value("race", "step") == pytest.approx(math.log10(85))
    assert button.get_attribute("aria-label") == "Play the race"
    z = -5.0
    for _ in range(85):
        p = sigmoid(z)
        z -= 2 * (p - 1) * p * (1 - p)
    reader.shows("se_p", sigmoid(z), rel=1e-10)
    # it asks no more
    asked = reader.stage("race").get_attribute("data-n")
    reader.page.wait_for_timeout(500)
    assert reader.stage("race").get_attribute("data-n") == asked


def test_the_race_pauses_goes_on_and_is_stopped_by_a_hand(chapter):
    reader = chapter("squared_error")
    button = reader.control("race", "play")
    record(reader, pause_at=5)
    button.click()
    stands_still(reader)
    paused = told_step(reader)
    assert 5 <= paused < 1507
    reader.page.wait_for_timeout(500)
    assert told_step(reader) == paused
    record(reader)
    button.press("Enter")
    reader._until(lambda: recorded(reader)[-1:] > [paused])
    assert min(recorded(reader)) >= paused
    # another control stops it, and the next time it begins at the start
    reader.press("race", "step", "ArrowRight")
    assert not playing(reader)
    record(reader)
    button.click()
    reader._until(lambda: len(recorded(reader)) > 0)
    assert recorded(reader)[0] < paused
    button.click()


def test_keys_reach_every_small_number_of_steps(chapter):
    reader = chapter("squared_error")
    reader.set("race", "step", 0)
    slider = reader.control("race", "step")
    for expected in (2, 3, 4, 5):
        reader.press("race", "step", "ArrowRight")
        assert told_step(reader) == expected
        assert slider.get_attribute("aria-valuetext") == str(expected)
    for expected in (4, 3, 2, 1, 1):
        reader.press("race", "step", "ArrowLeft")
        assert told_step(reader) == expected


def test_less_motion_is_the_end_at_once(chapter):
    reader = chapter("squared_error", "zh")
    reader.page.emulate_media(reduced_motion="reduce")
    assert reader.control("race", "play").get_attribute("aria-label") == "播放比赛"
    before = int(reader.stage("race").get_attribute("data-n"))
    reader.press("race", "play")
    assert int(reader.stage("race").get_attribute("data-n")) == before + 1
    assert told_step(reader, "zh") == 1507
    assert not playing(reader)


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
    reader.quiet()
    assert reader.number("line") > 0.1
    assert reader.number("logistic") == pytest.approx(before, abs=1e-3)
    said = reader.page.locator('[data-say="raw_race"]').inner_text()
    assert "after 1 step, at 1." in said
    assert "from −8 to 10" in said
    reader.drag("proper", "truth", LEFT + 0.3 * (RIGHT[1280] - LEFT))
    reader.shows("best_log", 0.3)
    reader.shows("best_brier", 0.3)
    reader.shows("best_absolute", 0)
