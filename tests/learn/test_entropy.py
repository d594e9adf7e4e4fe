"""The chapter on entropy: each control moves what it should."""

import math

import pytest

ENTROPY = 0.8018185525433373  # of (0.7, 0.2, 0.1), from 50-digit arithmetic
EPS = 4 * 2.0**-52


def test_the_table_of_the_article(chapter):
    reader = chapter("entropy")
    assert reader.number("entropy") == pytest.approx(ENTROPY, rel=EPS)
    assert reader.number("largest") == pytest.approx(math.log(3), rel=EPS)
