"""No control of any chapter can be moved to where a picture or a number cannot be computed."""

import functools
import random
import re

import pytest

from xent.learn.catalog import written
from xent.learn.controls import Button, Choice, Slider

marimo = pytest.importorskip("marimo")

MOVES = 40
SLUGS = [chapter.slug for chapter in written() if chapter.slug != "your_numbers"]


@functools.cache
def stages_of(slug):
    """The pictures with controls of a chapter, as its notebook builds them."""
    import importlib

    from xent.learn.stage import Stage

    app = importlib.import_module(f"xent.learn.chapters.{slug}").app
    _, names = app.run()
    found = [getattr(value, "widget", None) for value in names.values()]
    return [widget for widget in found if isinstance(widget, Stage)]


def anywhere(rng, control):
    """Some value of a control; its ends as often as all others."""
    if isinstance(control, Choice):
        return rng.choice(list(control.options))
    if isinstance(control, Slider):
        middle = rng.uniform(control.low, control.high)
        return rng.choice([control.low, control.high, middle, round(middle)])
    return None


def stay_inside(stage):
    """Each slider is between its ends."""
    for control in stage._controls.values():
        if isinstance(control, Slider):
            where = (stage.spec["name"], control.name)
            assert control.low <= stage.values[control.name] <= control.high, where


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("end", ["low", "high"])
def test_a_button_goes_no_further_than_the_sliders(slug, end):
    for stage in stages_of(slug):
        controls = stage._controls.values()
        for button in (control for control in controls if isinstance(control, Button)):
            for slider in (control for control in controls if isinstance(control, Slider)):
                stage.asked = {"n": -1, "moved": slider.name, "value": getattr(slider, end)}
            for n in range(3):
                stage.asked = {"n": n, "moved": button.name, "value": None}
            stay_inside(stage)


@pytest.mark.parametrize("slug", SLUGS)
def test_whatever_the_controls_are_there_is_a_picture(slug):
    rng = random.Random(slug)
    found = stages_of(slug)
    assert found
    for stage in found:
        controls = list(stage._controls.values())
        assert any(isinstance(control, (Slider, Button)) for control in controls)
        for n in range(1, MOVES):
            control = rng.choice(controls)
            stage.asked = {"n": n, "moved": control.name, "value": anywhere(rng, control)}
            shown = stage.shown
            where = (stage.spec["name"], stage.values)
            assert shown["n"] == n
            assert shown["wrong"] == "", where
            stay_inside(stage)
            for svg in (shown["wide"], shown["narrow"]):
                numbers = re.sub(r'aria-label="[^"]*"|>[^<]*<', "", svg)
                assert not re.search(r"\b(nan|inf)\b", numbers), where
            for name, end in shown["until"].items():
                moved = stage._controls[stage._controls[name].moves]
                assert moved.low <= end <= moved.high, where
