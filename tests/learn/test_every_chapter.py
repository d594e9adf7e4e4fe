"""What holds for every page: it fits, it speaks, it leads to the others."""

import re

import pytest

from xent.learn.catalog import LANGUAGES, written

SLUGS = [chapter.slug for chapter in written()]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("slug", SLUGS)
def test_a_chapter_fits_a_telephone_in_the_dark(chapter, slug, lang):
    reader = chapter(slug, lang, width=390, scheme="dark")
    page = reader.page
    reader.quiet()
    assert page.locator("h1").inner_text()
    # nothing is wider than the screen
    assert page.evaluate("document.querySelector('#App').scrollWidth") <= 390
    # no cell has failed: marimo shows that in a box of its own
    assert page.get_by_text("An internal error occurred").count() == 0
    assert page.locator(".marimo-error").count() == 0
    # every picture says what it shows
    pictures = page.locator("svg.picture")
    for i in range(pictures.count()):
        assert pictures.nth(i).get_attribute("aria-label")
    # no text was left unfilled
    assert "[[" not in page.locator("#App").inner_text()
    # the theme is that of the system
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    paper = page.evaluate("getComputedStyle(document.querySelector('#App')).backgroundColor")
    assert max(map(int, re.findall(r"\d+", paper))) < 60


def test_the_theme_is_switched_and_kept(chapter):
    page = chapter("entropy", scheme="light").page
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "light"
    page.locator('[data-switch="theme"]').click()
    assert page.evaluate(theme) == "dark"
    assert page.evaluate("document.body.classList.contains('dark')")
    assert page.evaluate("localStorage.getItem('xent-theme')") == "dark"


def test_the_language_is_switched_at_the_same_place(chapter):
    page = chapter("entropy").page
    page.locator('[data-switch="lang"]').click()
    page.wait_for_url("**/zh/entropy/")
    page.locator("h1").get_by_text("熵").wait_for()


def test_from_the_cover_through_the_chapters(chapter):
    page = chapter("").page
    page.get_by_text("Self-information").click()
    page.wait_for_selector("[rel=next]")
    page.locator("[rel=next]").click()
    page.wait_for_url("**/en/entropy/")
    page.wait_for_selector("[rel=prev]")
    assert page.locator("[rel=prev]").get_attribute("href") == "/en/self-information/"
