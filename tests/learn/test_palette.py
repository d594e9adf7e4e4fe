"""The colours of the pages: read by everybody, in both themes, and told apart."""

from itertools import combinations

import numpy as np
import pytest
from report.page.test_palette import SEEN, contrast, lab, linear

from xent.learn.palette import COLOURS, page_variables, picture_style, standalone
from xent.learn.svg import picture, text

THEMES = ("light", "dark")
WORDS = ("ink", "muted", "p", "q", "gap", "good", "bad", "a", "b", "c", "d")
# drawn beside each other, so that one must be told from the other
TOGETHER = [("p", "q", "gap"), ("a", "b", "c"), ("p", "q", "good"), ("good", "bad"), ("q", "bad")]


@pytest.mark.parametrize("theme", THEMES)
def test_words_are_readable(theme):
    at = THEMES.index(theme)
    for word in WORDS:
        for behind in ("paper", "card"):
            # WCAG 2.2, level AA
            assert contrast(COLOURS[word][at], COLOURS[behind][at]) >= 4.5, (word, behind)


@pytest.mark.parametrize("eye", [None, *SEEN])
@pytest.mark.parametrize("theme", THEMES)
def test_what_is_drawn_together_is_told_apart(theme, eye):
    at = THEMES.index(theme)
    seen = np.eye(3) if eye is None else np.array(SEEN[eye])
    for names in TOGETHER:
        for one, other in combinations(names, 2):
            a, b = (lab(seen @ linear(COLOURS[name][at])) for name in (one, other))
            # a difference of 2 is just seen; 15 is seen at a glance
            assert np.linalg.norm(a - b) > 14.9, (one, other)


def test_every_colour_that_is_used_is_named():
    variables = page_variables()
    for name in COLOURS:
        assert variables.count(f"--x-{name}:") == len(THEMES)
    for look in picture_style().split("var(--x-")[1:]:
        assert look.split(")")[0] in COLOURS


def test_a_picture_of_its_own_has_its_colours_written_in_it():
    alone = standalone(picture(760, 100, text("p < q", x=1, class_="text-p"), label="a"))
    assert "var(" not in alone
    assert 'width="760" height="100"' in alone
    assert COLOURS["p"][0] in alone
    assert "p &lt; q" in alone
