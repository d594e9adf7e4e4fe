"""No rule of axe-core is broken by a page of each kind: words, formulas, code, tables, drawings."""

import axe
import pytest

KINDS = [
    "index.html",
    "benchmarks.html",
    "architecture.html",
    "reference/losses.html",
    "reference/errors.html",
    "howto/crossentropyloss-after-softmax.html",
    "zh/article.html",
]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(visitor, built, width, scheme):
    found = {}
    with visitor(width, scheme) as page:
        for name in KINDS:
            page.goto((built / name).as_uri())
            if faults := axe.faults(page):
                found[name] = faults
    assert found == {}
