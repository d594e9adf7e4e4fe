"""The page in a real browser: nothing breaks, nothing leaves, nothing is cut off."""

import re
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from made_up_pages import full_page, hostile_page

from xent.evaluation import compare, evaluate
from xent.report.page import html_page, render

WIDTHS = (390, 820, 1440)

# texts of charts that leave their chart or lie on each other
MISPLACED = """() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg.chart')) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) continue;
    const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
    for (const [name, r] of texts)
      if (r.left < frame.left - 2 || r.right > frame.right + 2 || r.top < frame.top - 2 || r.bottom > frame.bottom + 2)
        found.push('outside: ' + name);
    for (let i = 0; i < texts.length; i++)
      for (let j = i + 1; j < texts.length; j++) {
        const [a, r] = texts[i], [b, s] = texts[j];
        if (r.left < s.right - 1 && s.left < r.right - 1 && r.top < s.bottom - 3 && s.top < r.bottom - 3)
          found.push(a + ' on ' + b);
      }
  }
  return found;
}"""  # noqa: E501

PAPER = "getComputedStyle(document.body).backgroundColor"

# blocks of text wider than their place, where nothing scrolls
CLIPPED = """() =>
  [...document.querySelectorAll('h1, h2, h3, p, li, dt, dd, summary, label, select')]
  .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"""

WIDE = "() => document.documentElement.scrollWidth - innerWidth"


def column(page, table, place):
    rows = page.locator(f"table:has(caption#{table}) tbody tr")
    return [rows.nth(i).locator("th, td").nth(place).inner_text() for i in range(rows.count())]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_width_and_theme(visit, width, scheme, lang):
    with visit(render(full_page(), lang), width, scheme) as page:
        assert page.evaluate(WIDE) <= 0
        assert page.evaluate(CLIPPED) == []
        for select in page.locator(".picker select").all():
            for option in select.locator("option").all():
                select.select_option(option.get_attribute("value"))
                assert page.evaluate(MISPLACED) == []
        paper = page.evaluate(PAPER)
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 384) == (scheme == "light")


def real_pages():
    """Evaluations and a comparison of real models, as pages."""
    examples = Path(__file__).parents[3] / "examples"
    a, b = examples / "digits_naive_bayes.parquet", examples / "digits.parquet"
    for name in ("digits.parquet", "digits_naive_bayes.parquet", "breast_cancer.csv"):
        yield name, partial(evaluate, examples / name)
    yield "digit_attributes.csv", partial(evaluate, examples / "digit_attributes.csv", unit="bit")
    yield "two models", partial(compare, a, b)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("judged", [pytest.param(f, id=name) for name, f in real_pages()])
def test_real_models(visit, judged, lang):
    text = html_page(judged(), lang=lang)
    assert len(text.encode()) < 300_000
    with visit(text) as page:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(WIDE) <= 0
            assert page.evaluate(CLIPPED) == []
            for select in page.locator(".picker select").all():
                for option in select.locator("option").all():
                    select.select_option(option.get_attribute("value"))
                    assert page.evaluate(MISPLACED) == []
            assert page.evaluate(MISPLACED) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_names(visit, width):
    with visit(render(hostile_page()), width) as page:
        assert page.evaluate(WIDE) <= 0
        assert page.evaluate(CLIPPED) == []
        assert page.locator("h1").inner_text() == "<script>alert(1)</script>"
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 2
        numbers = page.evaluate("JSON.parse(document.getElementById('numbers').textContent)")
        assert numbers["classes"][2]["name"] == "</script><img src=x onerror=alert(2)>"


def test_a_heading_sorts_by_click(visit):
    with visit(render(full_page())) as page:
        head = page.locator("table:has(caption#ct-c) thead th").nth(4)
        assert head.get_attribute("aria-sort") == "none"
        assert column(page, "ct-c", 0) == ["cat", "dog", "duck", "emu"]
        head.get_by_role("button").click()
        # numbers: the largest first
        assert head.get_attribute("aria-sort") == "descending"
        assert column(page, "ct-c", 0) == ["emu", "dog", "duck", "cat"]
        assert column(page, "ct-c", 4) == ["0.8364", "0.6455", "0.3909", "0.2000"]
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        assert column(page, "ct-c", 0) == ["cat", "duck", "dog", "emu"]
        # only one column says that it sorts
        sorts = page.locator("table:has(caption#ct-c) thead th[aria-sort]").all()
        assert [s.get_attribute("aria-sort") for s in sorts].count("none") == len(sorts) - 1


def test_a_heading_sorts_by_keyboard(visit):
    with visit(render(full_page())) as page:
        page.locator("table:has(caption#st-0-c) thead button").first.focus()
        page.keyboard.press("Enter")
        assert column(page, "st-0-c", 0) == ["east", "north", "south", "west"]
        page.keyboard.press("Space")
        assert column(page, "st-0-c", 0) == ["west", "south", "north", "east"]
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert column(page, "st-0-c", 1) == ["5,210", "3,021", "1,762", "7"]


def test_what_has_no_value_is_last_whichever_way(visit):
    text = render(full_page()).replace('data-v="0.8364"', 'data-v="NaN"')
    text = re.sub(r'data-v="0\.836\d*"', 'data-v="NaN"', text)
    text = re.sub(r'data-v="0\.2"', 'data-v="Infinity"', text)
    with visit(text) as page:
        button = page.locator("table:has(caption#ct-c) thead button").nth(4)
        button.click()
        assert column(page, "ct-c", 0) == ["cat", "dog", "duck", "emu"]
        button.click()
        assert column(page, "ct-c", 0) == ["duck", "dog", "cat", "emu"]


def test_the_theme_is_a_choice(visit):
    with visit(render(full_page()), scheme="dark") as page:
        toggle = page.get_by_role("button", name="Dark theme")
        assert toggle.get_attribute("aria-pressed") == "true"
        toggle.click()
        assert toggle.get_attribute("aria-pressed") == "false"
        assert page.locator("html").get_attribute("data-theme") == "light"
        paper = page.evaluate(PAPER)
        assert paper == "rgb(253, 253, 252)"


def test_the_first_key_skips_to_the_numbers(visit):
    with visit(render(full_page())) as page:
        page.keyboard.press("Tab")
        skip = page.locator(".skip")
        assert skip.evaluate("e => e === document.activeElement")
        assert skip.bounding_box()["x"] >= 0
        assert skip.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_one_panel_at_a_time(visit):
    with visit(render(full_page())) as page:
        panels = page.locator("[id^='r-'].panel")
        assert [p.is_visible() for p in panels.all()] == [True, False]
        page.locator("#r-pick").select_option("cat")
        assert [p.is_visible() for p in panels.all()] == [False, True]


def test_without_a_script_everything_is_shown(visit):
    with visit(render(full_page()), java_script_enabled=False) as page:
        assert all(p.is_visible() for p in page.locator(".panel").all())
        assert not page.locator(".theme").is_visible()
        assert not page.locator(".picker").first.is_visible()


def test_print(visit):
    with visit(render(full_page()), scheme="dark") as page:
        page.emulate_media(media="print")
        assert page.evaluate(PAPER) == "rgb(255, 255, 255)"
        assert all(p.is_visible() for p in page.locator(".panel").all())
        assert not page.locator(".theme").is_visible()
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflow")
            == "visible"
        )
        pdf = page.pdf(format="A4")
        assert pdf.startswith(b"%PDF")


def test_what_a_screen_reader_is_told(visit):
    with visit(render(full_page())) as page:
        headings = page.locator("h1, h2, h3").all()
        levels = [int(h.evaluate("e => e.tagName[1]")) for h in headings if h.is_visible()]
        assert levels[0] == 1
        # no level is left out on the way down
        assert all(b - a <= 1 for a, b in pairwise(levels))
        # sections are regions and tables that scroll are groups, each named by one text of the page
        sections = page.get_by_role("region").all()
        tables = [t for t in page.locator(".scroll").all() if t.is_visible()]
        assert len(sections) == page.locator("main h2").count() == 12
        assert len(tables) == page.locator("[role=group]:visible").count() > 3
        for named in sections + tables:
            name = named.get_attribute("aria-labelledby")
            assert page.locator(f"#{name}").count() == 1
            assert page.locator(f"#{name}").inner_text().strip()
        pictures = page.get_by_role("img")
        assert pictures.count() > 0
        snapshot = page.locator("main").aria_snapshot()
        assert 'img "The score between perfect and ignorant"' in snapshot
        assert 'table "By region"' in snapshot
