"""Chapter 3: each control moves what it should; the numbers are those of 50-digit arithmetic."""

import math

import pytest
from learn import exact

from xent.learn.pictures.divergence import kept_at_one

P, Q = (0.7, 0.2, 0.1), (0.3, 0.3, 0.4)
DAYS = ("sun", "cloud", "rain")
TOP, BOTTOM = 34, 224  # 1 and 0 on the axis of the bars


def shows(reader, p, q, unit="nat", rel=1e-12):
    reader.shows("entropy", float(exact.entropy(p, unit)), rel)
    reader.shows("divergence", float(exact.divergence(p, q, unit)), rel)
    reader.shows("cross_entropy", float(exact.cross_entropy(p, q, unit)), rel)
    reader.shows("swapped", float(exact.divergence(q, p, unit)), rel)
    total = reader.number("entropy") + reader.number("divergence")
    assert total == pytest.approx(reader.number("cross_entropy"), rel=1e-15)


def at(reader, which):
    return [reader.value("bars", f"{which}_{day}") for day in DAYS]


def test_the_parts_add_up(chapter):
    reader = chapter("divergence")
    shows(reader, P, Q)
    reader.set("bars", "unit", "bit")
    shows(reader, P, Q, "bit")


def test_a_slider_takes_from_its_own_distribution(chapter):
    reader = chapter("divergence")
    reader.set("bars", "q_sun", 0.6)
    assert at(reader, "p") == list(P)
    shows(reader, P, (0.6, 0.4 * 3 / 7, 0.4 * 4 / 7))


def test_a_bar_is_dragged(chapter):
    reader = chapter("divergence")
    reader.drag("bars", "p_rain", BOTTOM - 0.55 * (BOTTOM - TOP))
    assert reader.value("bars", "p_rain") == 0.55
    shows(reader, (0.45 * 7 / 9, 0.45 * 2 / 9, 0.55), Q)


def test_swap_and_back(chapter):
    reader = chapter("divergence")
    reader.press("bars", "swap")
    assert at(reader, "p") == list(Q)
    shows(reader, Q, P)
    reader.press("bars", "swap")
    shows(reader, P, Q)


def test_equal_distributions_cost_the_entropy(chapter):
    reader = chapter("divergence")
    reader.press("bars", "same")
    reader.shows("divergence", 0)
    reader.shows("cross_entropy", float(exact.entropy(P)))
    reader.says("equal")


@pytest.mark.parametrize(("lang", "words"), [("en", "10.0 %"), ("zh", "雨")])
def test_a_zero_makes_it_infinite_and_is_told(chapter, lang, words):
    reader = chapter("divergence", lang)
    reader.press("bars", "never")
    reader.says("impossible")
    assert words in reader.page.locator('[data-say="impossible"]').inner_text()
    reader.shows("cross_entropy", math.inf)
    reader.shows("divergence", math.inf)
    reader.shows("entropy", float(exact.entropy(P)))
    # the other way round nothing is lost
    reader.press("bars", "swap")
    reader.says("harmless")
    shows_finite = float(exact.divergence((0.7, 0.3, 0.0), P))
    reader.shows("divergence", shows_finite, 1e-12)


def test_a_label_of_the_article(chapter):
    reader = chapter("divergence")
    reader.press("bars", "label")
    reader.shows("entropy", 0)
    reader.shows("cross_entropy", float(exact.information(0.7)))
    reader.shows("swapped", math.inf)


def test_two_outcomes(chapter):
    reader = chapter("divergence")
    p, q = (0.7, 1 - 0.7), (0.2, 0.8)
    reader.shows("binary_entropy", float(exact.entropy(p)))
    reader.shows("binary_divergence", float(exact.divergence(p, q)), 1e-12)
    reader.shows("binary_cross_entropy", float(exact.cross_entropy(p, q)), 1e-12)
    reader.drag("binary", "q", 40 + 0.6 * (744 - 40))
    assert reader.value("binary", "q") == 0.6
    reader.shows("binary_divergence", float(exact.divergence(p, (0.6, 0.4))), 1e-12)
    reader.drag("binary", "p", 40 + 0.3 * (744 - 40))
    assert reader.value("binary", "p") == 0.3
    reader.set("binary", "q", 0)
    reader.says("endless")
    reader.set("binary", "p", 0)
    reader.says("endless", here=False)
    reader.shows("binary_cross_entropy", 0)


def test_what_is_left_is_shared():
    assert kept_at_one({"p_sun": 1.0, "p_cloud": 0.0, "p_rain": 0.0}, "p_sun") == {
        "p_cloud": 0.0, "p_rain": 0.0,
    }  # fmt: skip
    assert kept_at_one({"p_sun": 0.5, "p_cloud": 0.0, "p_rain": 0.0}, "p_sun") == {
        "p_cloud": 0.25, "p_rain": 0.25,
    }  # fmt: skip
    assert kept_at_one({}, "unit") == {}
