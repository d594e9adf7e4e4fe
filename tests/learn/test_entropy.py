"""Chapter 2: each control moves what it should; the numbers are those of 50-digit arithmetic."""

import math

import pytest
from learn import exact

from xent.information import entropy
from xent.learn.pictures.entropy import LOTTERY, kept_at_one, level, terms_of

ARTICLE = (0.7, 0.2, 0.1)


def test_the_table_of_the_article(chapter):
    reader = chapter("entropy")
    reader.shows("entropy", float(exact.entropy(ARTICLE)))
    # the article adds rounded terms, 0.7 * 0.36 + 0.2 * 1.61 + 0.1 * 2.30, and writes 0.804
    assert reader.number("entropy") == pytest.approx(0.802, abs=5e-4)
    reader.shows("largest", math.log(3))
    reader.shows("perplexity", float(exact.mp.exp(exact.entropy(ARTICLE))))


@pytest.mark.parametrize(("lang", "says"), [("en", "Not rounded, it is"), ("zh", "不作舍入")])
def test_why_the_article_prints_another_digit(chapter, lang, says):
    reader = chapter("entropy", lang)
    told = reader.page.locator('[data-say="as_printed"]').inner_text()
    assert "0.7 × 0.36 + 0.2 × 1.61 + 0.1 × 2.30 = 0.804" in told
    assert says in told
    assert "0.8018" in told
    for move in (("terms", "unit", "bit"), ("terms", "unit", "nat"), ("terms", "a", 0.5)):
        reader.set(*move)
        reader.says("as_printed", here=move[1:] == ("unit", "nat"))


def test_a_slider_takes_from_the_others_in_proportion(chapter):
    reader = chapter("entropy")
    reader.set("terms", "a", 0.4)
    assert reader.value("terms", "b") == pytest.approx(0.4)
    assert reader.value("terms", "c") == pytest.approx(0.2)
    reader.shows("entropy", float(exact.entropy((0.4, 0.4, 0.2))))


def test_the_unit_is_that_of_every_number(chapter):
    reader = chapter("entropy")
    reader.set("terms", "unit", "bit")
    reader.shows("entropy", float(exact.entropy(ARTICLE, "bit")))
    reader.shows("largest", math.log2(3))


def test_equally_likely_is_where_it_is_largest(chapter):
    reader = chapter("entropy")
    reader.press("terms", "equal")
    reader.shows("entropy", math.log(3))
    reader.shows("perplexity", 3)
    reader.press("terms", "article")
    reader.shows("entropy", float(exact.entropy(ARTICLE)))


def test_a_handle_is_dragged(chapter):
    reader = chapter("entropy")
    left, right = 38, 746  # the ends of the axis of the wide picture
    reader.drag("terms", "a", left + 0.5 * (right - left))
    assert reader.value("terms", "a") == 0.5
    reader.shows("entropy", float(exact.entropy((0.5, 1 / 3, 1 / 6))), rel=1e-12)


def test_a_key_moves_what_was_dragged(chapter):
    reader = chapter("entropy")
    reader.drag("terms", "a", 38 + 0.5 * 708)
    with reader.answered("terms"):
        reader.page.keyboard.press("ArrowRight")
    assert reader.value("terms", "a") == 0.51


@pytest.mark.parametrize(("lang", "words"), [("en", "sum to 1.20"), ("zh", "之和是 1.20")])
def test_a_sum_that_is_not_one_is_told_in_words(chapter, lang, words):
    reader = chapter("entropy", lang)
    handles = reader.stage("terms").locator(".handle")
    assert handles.count() == 2
    reader.set("terms", "keep", "off")
    assert handles.count() == 0, "a border would be lost as soon as it moves"
    reader.set("terms", "a", 0.9)
    reader.says("not_one")
    assert words in reader.page.locator('[data-say="not_one"]').inner_text()
    reader.quiet()
    assert reader.page.locator('[data-number="entropy"]').count() == 0
    # and it is put right
    reader.set("terms", "keep", "on")
    reader.says("not_one", here=False)
    reader.shows("entropy", float(exact.entropy((0.75, 1 / 6, 1 / 12))), rel=1e-12)


def test_a_slider_at_zero_adds_nothing(chapter):
    reader = chapter("entropy")
    reader.set("terms", "c", 0)
    reader.shows("entropy", float(exact.entropy((7 / 9, 2 / 9))), rel=1e-11)
    reader.set("terms", "a", 1)
    reader.shows("entropy", 0)


def test_the_coin(chapter):
    reader = chapter("entropy")
    reader.shows("coin", 1)
    reader.press("coin", "bent")
    reader.shows("coin", float(exact.entropy((0.9, 1 - 0.9), "bit")))
    reader.shows("heads", float(exact.information(0.9, "bit")))
    reader.shows("tails", float(exact.information(1 - 0.9, "bit")))
    reader.press("coin", "lottery")
    reader.shows("coin", float(exact.entropy((LOTTERY, 1 - exact.mpf(LOTTERY)), "bit")))
    reader.set("coin", "p", 1)
    reader.shows("coin", 0)
    reader.shows("tails", math.inf)


def test_the_coin_is_dragged_along_its_curve(chapter):
    reader = chapter("entropy")
    reader.drag("coin", "p", 46 + 0.25 * (744 - 46))
    assert reader.value("coin", "p") == 0.25
    reader.shows("coin", float(exact.entropy((0.25, 0.75), "bit")))


def test_terms_add_up_to_the_entropy():
    terms = terms_of({"a": 0.7, "b": 0.2, "c": 0.1, "unit": "bit"})
    assert math.fsum(terms.parts) == pytest.approx(terms.entropy, rel=4 * 2.0**-52)
    assert terms_of({"a": 0.7, "b": 0.2, "c": 0.2, "unit": "nat"}).entropy is None


def test_two_zeros_share_what_is_left():
    values = {"a": 0.5, "b": 0.0, "c": 0.0, "keep": "on"}
    assert kept_at_one(values, "a") == {"b": 0.25, "c": 0.25}
    assert kept_at_one({**values, "keep": "off"}, "a") == {}


@pytest.mark.parametrize("share", [0.2, 0.8, 0.95])
def test_a_ring_has_one_entropy(share):
    # inside of the triangle; where the ring is cut by an edge, the edge has more
    ring = level(share)
    inside = ring[ring.min(axis=1) > 1e-9]
    assert len(inside) > 10
    assert entropy(inside) == pytest.approx(share * math.log(3), rel=1e-9)
