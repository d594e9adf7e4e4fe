"""Exact sums by group: right to the last bit, for any grouping and any order."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation.exact import ONE, exact
from xent.kernels.cpu.exact_sums import ExactSums

values = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(values, st.integers(-1, 4)), max_size=200))
def test_each_group_is_added_without_rounding(rows):
    sums = ExactSums(5)
    sums.add([v for v, _ in rows], [g for _, g in rows])
    expected = [sum((Fraction(v) for v, g in rows if g == k), Fraction(0)) for k in range(5)]
    assert [Fraction(t, ONE) for t in sums.totals()] == expected


@given(st.lists(values, max_size=300))
def test_without_groups_all_is_one_sum(values):
    sums = ExactSums()
    sums.add(values)
    assert Fraction(sums.totals()[0], ONE) == sum(map(Fraction, values))


@pytest.mark.parametrize("value", [5e-324, -1.0, 4097.0, 1e300])
def test_ten_thousand_equal_terms_of_a_group(value):
    sums = ExactSums(3)
    sums.add(np.full(10_000, value), np.full(10_000, 2))
    assert sums.totals() == [0, 0, 10_000 * exact(value)]


def test_groups_are_added_later():
    sums = ExactSums(1)
    sums.add([1.0], [0])
    sums.grow(3)
    sums.grow(2)  # never fewer
    sums.add([2.0], [2])
    assert len(sums) == 3
    assert sums.totals() == [ONE, 0, 2 * ONE]


@pytest.mark.parametrize(
    "group, error", [([0, 1], ValueError), ([0, 0, 2], IndexError)], ids=["length", "beyond"]
)
def test_groups_that_do_not_fit(group, error):
    sums = ExactSums(2)
    with pytest.raises(error):
        sums.add([1.0, 2.0, 3.0], group)
    assert sums.totals() == [0, 0]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_adds_nothing(wrong):
    sums = ExactSums()
    with pytest.raises(ValueError, match="not finite"):
        sums.add([1.0, wrong])
    assert sums.totals() == [0]
    sums.add([1.0, wrong], [0, -1])  # left out: what it holds does not matter
    assert sums.totals() == [ONE]
