"""Wherever the controls are, a picture is drawn, every number of it is one, and it stays inside."""

import importlib
import random
import re
import xml.etree.ElementTree as ElementTree

import pytest

from xent.learn.catalog import written
from xent.learn.controls import Button, Choice, Slider

STATES = 40
SVG = "{http://www.w3.org/2000/svg}"
# what a program says that has lost a value
LOST = re.compile(r"\b(nan|inf|none|null|undefined|infinity)\b|\[\[|e[-+]\d", re.I)
PLACES = ("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height", "r", "d", "points")


def stages(slug):
    """The pictures with controls of a chapter, as its notebook makes them."""
    marimo = pytest.importorskip("marimo")
    _, found = importlib.import_module(f"xent.learn.chapters.{slug}").app.run()
    kept = [value for value in found.values() if isinstance(value, marimo.ui.anywidget)]
    return {value.widget.spec["name"]: value.widget for value in kept}


def moves(controls, rng):
    """What a reader does: each control to its ends, each option, each button, then at random."""
    for control in controls:
        if isinstance(control, Slider):
            yield from ((control.name, end) for end in (control.low, control.high))
        elif isinstance(control, Choice):
            yield from ((control.name, option) for option in control.options)
    for _ in range(STATES):
        control = rng.choice(controls)
        if isinstance(control, Slider):
            yield control.name, rng.choice((control.low, control.high, *inside(control, rng)))
        elif isinstance(control, Choice):
            yield control.name, rng.choice(list(control.options))
        elif isinstance(control, Button):
            yield control.name, None


def inside(control, rng):
    share = rng.random()
    if control.logarithmic:
        return [control.low * (control.high / control.low) ** share] * 4
    steps = round((control.high - control.low) / control.step)
    return [control.low + control.step * rng.randrange(steps + 1)] * 4


def faults(svg):
    """What is wrong with a picture, in words."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox").split())
    yield from (f"label: {found[0]}" for found in LOST.finditer(root.get("aria-label")))
    for node in root.iter():
        for name in PLACES:
            if re.search("nan|inf", node.get(name, "")):
                yield f"{node.tag} {name}={node.get(name)}"
        for found in LOST.finditer(node.text or ""):
            yield f"text {node.text!r}: {found[0]}"
        if node.tag in (f"{SVG}text", f"{SVG}circle"):
            x, y = (float(node.get(a, 0)) for a in (("x", "y") if node.text else ("cx", "cy")))
            if not (0 <= x <= width and 0 <= y <= height):
                yield f"{node.tag} {node.text!r} at {x:g}, {y:g} of {width:g} x {height:g}"


@pytest.mark.parametrize("slug", [c.slug for c in written() if c.slug != "your_numbers"])
def test_every_state_of_the_controls_is_drawn(slug):
    rng = random.Random(20181)
    for name, stage in stages(slug).items():
        controls = list(stage._controls.values())
        for n, (moved, value) in enumerate(moves(controls, rng)):
            stage.asked = {"n": n, "moved": moved, "value": value}
            where = f"{name}: {stage.values}"
            assert stage.shown["n"] == n, where
            assert stage.shown["wrong"] == "", where
            for width in ("wide", "narrow"):
                assert list(faults(stage.shown[width])) == [], where
