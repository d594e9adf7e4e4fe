"""What a notebook shows of a Comparison: escaped, without a script, the numbers of the text."""

import re

import numpy as np
import pytest
from fragments import Balanced

from xent.evaluation import compare

ROWS = 400


@pytest.fixture
def rows():
    rng = np.random.default_rng(9)
    y = rng.integers(0, 2, ROWS)
    near = 0.5 + 0.3 * (2 * y - 1)
    return {
        "y": y,
        **{n: np.clip(near + rng.normal(0, s, ROWS), 0.02, 0.98) for n, s in
           (("p", 0.1), ("q", 0.2), ("r", 0.3))},
        "site": rng.choice(["<b>north", "south"], ROWS),
        "day": rng.integers(0, 2, ROWS),
    }  # fmt: skip


def shown(rows, models, **options):
    c = compare(rows, each=[{"probs": m} for m in models], target="y", **options)
    found = Balanced(c._repr_html_())
    assert not {"script", "b"} & set(found.tags)
    assert found.tags.count("style") == 1
    return c, " ".join(found.texts[1:])


def test_two_models_and_their_slices(rows):
    c, text = shown(rows, "pq", by=["site", "day"])
    assert "A is better" in text
    assert "site, day" in text
    assert "<b>north, 0" in text
    # each number is one of the text, or the p-value of a line, of which the text has a star
    p_values = [f"{g.adjusted_p_value:.2g}" for g in (*c.slices, *c.classes)]
    known = f"{c} {p_values}"
    numbers = re.findall(r"-?\d+\.\d+", text)
    assert len(numbers) > 40
    assert [n for n in numbers if n not in known] == []


def test_three_models_have_a_line_and_slices_each(rows):
    c, text = shown(rows, "pqr", by="day")
    assert text.count("A − B") == text.count("A − C") == 1
    assert f"{c.pairs[1].adjusted_p_value:.2g}" in text


def test_an_infinite_difference_says_of_which_rows_the_number_is(rows):
    rows["p"][3] = 1 - rows["y"][3]
    _, text = shown(rows, "pq")
    assert "∞ of all rows, on the 399 rows possible for both:" in text
    assert "A is better on these" in text
