"""Every page can be used without seeing it, and without a mouse."""

from itertools import pairwise

import axe
import pytest

from xent.learn.catalog import written

SLUGS = [chapter.slug for chapter in written()]
USED = {"button", "slider", "link", "radio", "checkbox", "combobox", "textbox", "Iframe", "image"}
USED |= {"listbox", "spinbutton", "menuitem", "tab", "switch", "img", "graphics-document"}


def nodes(page):
    """What a screen reader is told: role, name and level of everything that it is told of."""
    session = page.context.new_cdp_session(page)
    found = session.send("Accessibility.getFullAXTree")["nodes"]
    for node in found:
        if node["ignored"]:
            continue
        more = {p["name"]: p["value"].get("value") for p in node.get("properties", ())}
        name = node.get("name", {}).get("value", "")
        yield node["role"]["value"], name.strip(), more


@pytest.mark.parametrize("slug", ["", *SLUGS])
def test_everything_has_a_name_and_a_place(chapter, slug):
    reader = chapter(slug)
    page = reader.page
    page.wait_for_function("document.querySelector('main, [role=main]')")
    reader.quiet()
    told = list(nodes(page))
    nameless = [role for role, name, _ in told if role in USED and not name]
    assert nameless == []
    roles = [role for role, _, _ in told]
    assert roles.count("main") == 1
    levels = [more["level"] for role, _, more in told if role == "heading"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    # no level is left out on the way down
    assert all(b - a <= 1 for a, b in pairwise(levels))
    places = [name for role, name, _ in told if role == "navigation"]
    assert len(set(places)) == len(places)
    assert axe.faults(page) == []
    # the same in the hand, at night
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 900})
    reader.quiet()
    assert axe.faults(page) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_every_control_is_reached_by_keys(chapter, slug):
    reader = chapter(slug)
    reader.quiet()
    page = reader.page
    wanted = page.locator(
        "a[href], button:not([disabled]), input[type=range], input[type=radio], summary"
    )
    unreachable = wanted.evaluate_all(
        """all => all.filter(e => e.checkVisibility()
             && e.tabIndex < 0 && !e.matches('[role=radio], [role=tab]'))
           .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert unreachable == []


def test_a_file_is_chosen_by_keys(chapter):
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    page = chapter("your_numbers").page
    # once an example is judged nothing is drawn anew under the keys
    page.wait_for_selector('[data-part="text"]')
    zone = page.locator("marimo-file [tabindex='0']").first
    choosing = None
    for _ in range(6):  # what is drawn anew in this moment loses the focus
        zone.focus()
        try:
            with page.expect_file_chooser(timeout=10_000) as choosing:
                page.keyboard.press("Enter")
            break
        except PlaywrightTimeout:
            continue
    rows = {"name": "mine.csv", "mimeType": "text/csv", "buffer": b"y,p\n1,0.5\n0,0.25\n"}
    choosing.value.set_files(rows)
    page.wait_for_selector("[data-yours]")
    summary = page.locator('[data-part="text"] summary')
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("[data-printed]").is_visible()
