"""Chapter 1: each control moves what it should; the numbers are those of 50-digit arithmetic."""

import math

import pytest
from learn import exact

from xent.learn.pictures.self_information import EVENTS

LEFT, RIGHT = 38, 744  # the ends of the axis of the curve, in the wide picture


def test_a_coin_tells_one_bit(chapter):
    reader = chapter("self_information")
    reader.shows("nats", math.log(2))
    reader.shows("bits", 1)


def test_the_dot_is_dragged(chapter):
    reader = chapter("self_information")
    reader.drag("curve", "p", LEFT + 0.2 * (RIGHT - LEFT))
    assert reader.value("curve", "p") == 0.2
    reader.shows("nats", float(exact.information(0.2)))
    reader.shows("bits", float(exact.information(0.2, "bit")))


def test_the_dot_is_dragged_on_a_telephone(chapter):
    reader = chapter("self_information", width=390)
    view = reader.stage("curve").locator("svg.picture")
    assert view.evaluate("s => s.viewBox.baseVal.width") == 356
    reader.drag("curve", "p", 38 + 0.2 * (356 - 16 - 38))
    assert reader.value("curve", "p") == pytest.approx(0.2, abs=0.006)


def test_a_finger_drags_the_dot_and_does_not_scroll(chapter):
    reader = chapter("self_information", width=390)
    view = reader.stage("curve").locator("svg.picture")
    view.scroll_into_view_if_needed()
    box, knob = view.bounding_box(), view.locator(".knob").bounding_box()
    x, y = knob["x"] + 8, knob["y"] + 8
    to = box["x"] + (38 + 0.8 * (340 - 38)) * box["width"] / 356
    finger = reader.page.context.new_cdp_session(reader.page)
    scrolled = reader.page.evaluate("document.querySelector('#App').scrollTop")

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    with reader.answered("curve"):
        touch("touchStart", {"x": x, "y": y})
        for share in (0.25, 0.5, 0.75, 1):
            touch("touchMove", {"x": x + share * (to - x), "y": y - 60 * share})
        touch("touchEnd")
    assert reader.value("curve", "p") == pytest.approx(0.8, abs=0.006)
    assert reader.page.evaluate("document.querySelector('#App').scrollTop") == scrolled


@pytest.mark.parametrize("name", ["brazil", "china", "coin", "lottery"])
def test_events(chapter, name):
    reader = chapter("self_information")
    reader.press("curve", name)
    reader.shows("bits", float(exact.information(EVENTS[name], "bit")))


def test_the_unit_changes_every_picture(chapter):
    reader = chapter("self_information")
    figure = reader.page.locator('[data-figure="events"] .x-wide')
    figure.get_by_text("13.38", exact=True).wait_for()  # a royal flush, in nats
    reader.set("curve", "unit", "bit")
    figure.get_by_text("19.31", exact=True).wait_for()  # in bits
    reader.stage("curve").get_by_text("−log 0.500 = 1.000 bits").wait_for()


@pytest.mark.parametrize(("lang", "words"), [("en", "infinitely much"), ("zh", "无穷大")])
def test_a_slider_at_zero_is_told_in_words(chapter, lang, words):
    reader = chapter("self_information", lang)
    reader.says("zero", here=False)
    reader.set("curve", "p", 0)
    reader.says("zero")
    assert words in reader.page.locator('[data-say="zero"]').inner_text()
    reader.shows("nats", math.inf)
    reader.set("curve", "p", 1)
    reader.says("zero", here=False)
    reader.shows("nats", 0)


def test_what_two_events_tell_adds(chapter):
    reader = chapter("self_information")
    reader.shows("both", 3)
    reader.set("product", "b", 0.13)
    reader.shows("b", float(exact.information(0.13, "bit")))
    reader.shows("both", float(exact.information(0.065, "bit")))
    reader.drag("product", "a", 40 + 0.8 * 200)
    assert reader.value("product", "a") == 0.8
    reader.shows("a", float(exact.information(0.8, "bit")))
    reader.set("product", "unit", "nat")
    reader.shows("a", float(exact.information(0.8)))
    reader.drag("product", "b", 234 - 0.4 * 200)
    assert reader.value("product", "b") == 0.4
    reader.set("product", "a", 0)
    reader.says("out")


def test_the_odds_that_are_counted():
    assert 1 / EVENTS["lottery"] == 13_983_816
    assert 1 / EVENTS["flush"] == pytest.approx(649_740)
