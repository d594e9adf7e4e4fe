"""A picture and its controls, without a browser: what is asked is answered, and not trusted."""

import math

import pytest

from xent.errors import XentValueError
from xent.learn.controls import Button, Choice, Play, Slider
from xent.learn.svg import NARROW, WIDE, picture

stages = pytest.importorskip("xent.learn.stage")


def draw(values, width):
    if values["p"] == 0.25:
        raise XentValueError("p must not be 0.25, got 0.25; take 0.5")
    return picture(width, 10, label=f"{values['p']:g} {values['unit']}")


@pytest.fixture
def stage():
    controls = [
        Slider("p", "p", 0.5),
        Choice("unit", "unit", "nat", {"nat": "nats", "bit": "bits"}),
        Button("double", "double", lambda values: {"p": 2 * values["p"]}),
    ]
    return stages.Stage("it", controls, draw, adjust=lambda v, moved: {"moved": moved})


def ask(stage, moved, value=None, n=1):
    stage.asked = {"n": n, "moved": moved, "value": value}
    return stage.shown


def test_the_first_picture_is_there_in_both_widths(stage):
    assert f'viewBox="0 0 {WIDE} 10"' in stage.shown["wide"]
    assert f'viewBox="0 0 {NARROW} 10"' in stage.shown["narrow"]
    assert stage.values == {"p": 0.5, "unit": "nat"}


def test_an_answer_has_the_number_of_its_question(stage):
    shown = ask(stage, "p", 0.75, n=7)
    assert shown["n"] == 7
    assert shown["values"] == {"p": 0.75, "unit": "nat", "moved": "p"}
    assert "0.75 nat" in shown["wide"]


def test_a_button_does_what_it_says(stage):
    ask(stage, "p", 0.375)
    assert ask(stage, "double", n=2)["values"]["p"] == 0.75


def test_a_button_goes_no_further_than_the_slider(stage):
    ask(stage, "p", 0.75)
    assert ask(stage, "double", n=2)["values"]["p"] == 1.0


@pytest.mark.parametrize(
    ("value", "becomes"),
    [(7, 1.0), (-1, 0.0), (math.nan, 0.5), (math.inf, 0.5), ("0.3", 0.5), (None, 0.5), ([1], 0.5)],
)
def test_what_comes_from_a_browser_is_not_trusted(stage, value, becomes):
    assert ask(stage, "p", value)["values"]["p"] == becomes


@pytest.mark.parametrize(("value", "becomes"), [("bit", "bit"), ("inch", "nat"), (3, "nat")])
def test_a_choice_is_one_of_its_options(stage, value, becomes):
    assert ask(stage, "unit", value)["values"]["unit"] == becomes


def test_an_unknown_control_changes_nothing(stage):
    assert ask(stage, "nobody", 1)["values"] == {"p": 0.5, "unit": "nat"}


def test_what_is_wrong_is_told_in_words_and_put_right(stage):
    shown = ask(stage, "p", 0.25)
    assert shown["wrong"] == "p must not be 0.25, got 0.25; take 0.5"
    assert shown["wide"] == ""
    assert ask(stage, "p", 0.3, n=2)["wrong"] == ""


def test_what_plays_is_told_where_it_ends_and_sends_nothing_itself():
    controls = [
        Slider("p", "p", 0.5),
        Slider("q", "q", 0.25),
        Play("go", "go", "stop", "q", lambda values: values["p"] + 0.25, seconds=2.0),
    ]
    it = stages.Stage("it", controls, lambda values, width: picture(width, 10, label="it"))
    assert it.values == {"p": 0.5, "q": 0.25}
    assert it.shown["until"] == {"go": 0.75}
    assert ask(it, "p", 0.125)["until"] == {"go": 0.375}
    told = it.spec["controls"][2]
    assert told == {
        "kind": "play", "name": "go", "label": "go", "pause": "stop", "moves": "q", "seconds": 2.0,
    }  # fmt: skip
    assert ask(it, "go", 1.0, n=2)["values"] == {"p": 0.125, "q": 0.25}
