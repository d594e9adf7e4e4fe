"""Percentiles: exact for a few rows, within a cell for many, and the same in any split."""

import math

import numpy as np
import pytest

from xent.evaluation.comparison import spread
from xent.evaluation.comparison.spread import PERCENTS, RELATIVE_ERROR, Spread


def spread_of(values, parts=1):
    result = Spread()
    for part in np.array_split(values, parts):
        result.add(part)
    return result


@pytest.fixture
def values():
    rng = np.random.default_rng(5)
    # from about 1e-6 to 1e4: within the cells
    small = rng.normal(size=5_000) * np.exp(rng.normal(size=5_000) * 2)
    return np.concatenate([small, np.zeros(40), [np.inf, np.inf, -np.inf]])


@pytest.mark.parametrize("percent", PERCENTS)
def test_percentiles_of_few_rows_are_values(values, percent):
    expected = np.percentile(values, percent, method="inverted_cdf")
    assert spread_of(values, 7).percentile(percent) == expected


@pytest.mark.parametrize("percent", PERCENTS)
def test_percentiles_of_many_rows_are_within_a_cell(values, percent, monkeypatch):
    monkeypatch.setattr(spread, "EXACT_ROWS", 100)
    found = spread_of(values, 7).percentile(percent)
    expected = np.percentile(values, percent, method="inverted_cdf")
    if abs(expected) < 2.0**-64:
        assert found == 0
    elif math.isinf(expected):
        assert found == expected
    else:
        assert found == pytest.approx(expected, rel=RELATIVE_ERROR)


def test_neither_split_nor_order_is_seen(values, monkeypatch):
    monkeypatch.setattr(spread, "EXACT_ROWS", 1000)
    shuffled = np.random.default_rng(0).permutation(values)
    first, second = spread_of(values, 1), spread_of(shuffled, 400)
    assert [first.percentile(p) for p in PERCENTS] == [second.percentile(p) for p in PERCENTS]


def test_values_beyond_the_cells_are_in_the_outermost(monkeypatch):
    monkeypatch.setattr(spread, "EXACT_ROWS", 1)
    found = spread_of(np.array([1e300, -1e300, 1e-300, 1.0]))
    assert found.percentile(0.1) == -found.percentile(99.9) < -65_000
    assert found.percentile(50) == 0


def test_nothing_has_no_percentiles():
    assert math.isnan(Spread().percentile(50))
