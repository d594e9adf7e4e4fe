"""Every picture: each control moves it, each handle is dragged, and it is taken away."""

import importlib
import inspect
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from xent.learn.catalog import written

SVG = "{http://www.w3.org/2000/svg}"
CHAPTERS = [chapter.slug for chapter in written() if chapter.slug != "your_numbers"]


@pytest.fixture(params=CHAPTERS)
def reader(request, chapter):
    """Someone at a chapter of which every picture is there: one comes after the rest."""
    reader = chapter(request.param)
    for place in places(request.param):
        reader.page.wait_for_selector(place)
    return reader


def places(slug):
    """Where the pictures of a chapter are, by the names that its code gives them."""
    modules = [f"chapters.{slug}", *(["pictures.pitfalls.stages"] if slug == "pitfalls" else [])]
    source = "".join(inspect.getsource(importlib.import_module(f"xent.learn.{m}")) for m in modules)
    found = re.findall(r'page\.(stage|figure)\(\s*"(\w+)"', source)
    assert found
    return [f'[data-{kind}="{name}"]' for kind, name in found]


def test_every_picture_is_moved_and_taken_away(reader):
    figures = reader.page.locator("[data-stage], [data-figure]")
    for i in range(figures.count()):
        stands_alone(reader.page, figures.nth(i))
    stages = reader.page.locator("[data-stage]")
    for i in range(stages.count()):
        stage = stages.nth(i).get_attribute("data-stage")
        # a handle goes where there is nothing to drag, as where probabilities need not add up
        each_handle_is_dragged(reader, stage)
        each_control_moves(reader, stage)


def stands_alone(page, figure):
    """A picture is downloaded under its own name, and its file needs nothing else."""
    name = figure.get_attribute("data-stage") or figure.get_attribute("data-figure")
    with page.expect_download() as waiting:
        figure.locator(":is(.download, .x-download)").click()
    assert waiting.value.suggested_filename == f"{name}.svg"
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert float(root.get("width")) == 760
    assert root.find(f".//{SVG}text").text, "no words"
    assert "var(" not in text
    assert "class=" in text


def each_control_moves(reader, stage):
    """No control is dead: where the others are now, or have been moved to, it changes something.

    What keeps a sum at one changes nothing while the sum is one, so there are three rounds.
    """
    found = reader.stage(stage).locator("[data-control]")
    names = [found.nth(i).get_attribute("data-control") for i in range(found.count())]
    dead = set(names)
    for patience in (1, 1, 20):  # seconds until a number has changed
        tried = names if patience == 1 else dead
        dead -= {name for name in tried if moves(reader, stage, name, patience)}
        if not dead:
            return
    pytest.fail(f"{stage}: nothing moves by {', '.join(sorted(dead))}")


def moves(reader, stage, name, patience):
    """Whether the picture is another after a control was moved, or a number of the page."""
    control = reader.control(stage, name)
    before, numbers = drawn(reader, stage), cards(reader)
    if control.get_attribute("type") == "range":
        middle = (float(control.get_attribute("min")) + float(control.get_attribute("max"))) / 2
        reader.press(stage, name, "PageDown" if reader.value(stage, name) > middle else "PageUp")
    elif control.get_attribute("role") == "group":
        other = control.locator('[data-option][aria-pressed="false"]').first
        reader.set(stage, name, other.get_attribute("data-option"))
    else:
        reader.press(stage, name)
        if control.get_attribute("data-playing") is not None:
            reader.press(stage, name)
    if drawn(reader, stage) != before:
        return True
    reader._until(lambda: cards(reader) != numbers, seconds=patience)
    return cards(reader) != numbers


def each_handle_is_dragged(reader, stage):
    """Each dot follows the hand, and so does its slider."""
    found = reader.stage(stage).locator("svg.picture .handle")
    names = [found.nth(i).get_attribute("data-handle") for i in range(found.count())]
    for name in names:
        knob = reader.stage(stage).locator(f'svg.picture .handle[data-handle="{name}"]')
        start, end = (float(knob.get_attribute(f"data-{side}")) for side in ("from", "to"))
        before = reader.value(stage, name)
        for share in (0.25, 0.75):
            reader.drag(stage, name, start + share * (end - start))
        assert reader.value(stage, name) != before, f"{stage}: {name}"


def drawn(reader, stage):
    return reader.stage(stage).locator("svg.picture").last.evaluate("svg => svg.outerHTML")


def cards(reader):
    """What the numbers of the page are."""
    found = "cards => cards.map(card => card.dataset.value)"
    return reader.page.locator("[data-number]").evaluate_all(found)
