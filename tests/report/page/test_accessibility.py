"""No rule of axe-core is broken by any kind of report, in either language and theme."""

from pathlib import Path

import axe
import pytest
from made_up_pages import full_page

from xent.evaluation import compare, evaluate
from xent.report.page import html_page, render

EXAMPLES = Path(__file__).parents[3] / "examples"


def opened(page):
    """The page with everything unfolded."""
    page.locator("details").evaluate_all("all => all.forEach(e => (e.open = true))")
    return page


@pytest.mark.parametrize(("lang", "width", "scheme"), [("en", 1440, "light"), ("zh", 390, "dark")])
def test_every_section(visit, lang, width, scheme):
    with visit(render(full_page(), lang), width, scheme) as page:
        assert axe.faults(opened(page)) == []


def judged():
    yield "labels", lambda: evaluate(EXAMPLES / "digit_attributes.csv", unit="bit")
    yield (
        "comparison",
        lambda: compare(EXAMPLES / "digits_naive_bayes.parquet", EXAMPLES / "digits.parquet"),
    )


@pytest.mark.parametrize("found", [pytest.param(f, id=name) for name, f in judged()])
def test_real_models(visit, found):
    with visit(html_page(found()), 1440, "dark") as page:
        assert axe.faults(opened(page)) == []
