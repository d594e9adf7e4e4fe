"""Exact sums in few limbs: those of fractions, whatever is added."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation.groups import limbs
from xent.evaluation.groups.limbs import Limbs

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
ORDINARY = st.floats(-50, 50)
ROWS = st.one_of(
    *(st.lists(st.tuples(of, st.integers(0, 4)), max_size=30) for of in (DOUBLES, ORDINARY))
)


def sums_of(rows):
    values = np.array([value for value, _ in rows])
    return Limbs.of(values, np.array([place for _, place in rows], dtype=np.int64), 5)


def fractions(sums):
    return [number * Fraction(2) ** sums.power for number in sums.numbers()]


def exactly(rows):
    return [
        sum((Fraction(v) for v, place in rows if place == cell), Fraction()) for cell in range(5)
    ]


@given(ROWS)
def test_sums_are_those_of_fractions(rows):
    assert fractions(sums_of(rows)) == exactly(rows)


@given(ROWS, ROWS)
def test_sums_add_and_subtract(rows, others):
    ours, theirs = exactly(rows), exactly(others)
    a, b = sums_of(rows), sums_of(others)
    assert fractions(a.plus(b)) == [x + y for x, y in zip(ours, theirs, strict=True)]
    assert fractions(a.plus(b, -1)) == [x - y for x, y in zip(ours, theirs, strict=True)]
    order, starts = np.array([0, 5, 1, 6, 2, 3, 4, 7, 8, 9]), np.array([0, 2, 4])
    assert fractions(Limbs.together([a, b], order, starts)) == [
        ours[0] + theirs[0],
        ours[1] + theirs[1],
        sum(ours[2:], Fraction()) + sum(theirs[2:], Fraction()),
    ]


def test_many_rows_of_a_cell_carry(monkeypatch):
    monkeypatch.setattr(limbs, "BLOCK", 100)  # more than a block of them
    largest = math.ldexp(2**53 - 1, 0)
    sums = Limbs.of(np.full(1001, -largest), np.zeros(1001, dtype=np.int64), 1)
    assert fractions(sums) == [-1001 * Fraction(largest)]


def test_digits_ask_for_limbs_and_zeros_for_none():
    losses = np.random.default_rng(1).exponential(size=10_000)
    sums = Limbs.of(losses, np.arange(10_000) % 7, 7)
    # from 2**-53 of a loss of 2**-14 to 7 * 2**11: 81 digits, which may begin within a limb
    assert sums.limbs.shape[1] <= 4
    nothing = Limbs.of(np.zeros(7), np.arange(7), 7)
    assert nothing.limbs.shape == (7, 0)
    assert sums.plus(nothing).limbs.shape == sums.limbs.shape
    assert nothing.numbers() == [0] * 7


def test_a_smaller_unit_is_the_same_sum():
    sums = Limbs.of(np.array([0.75]), np.array([0]), 1)
    assert sums.numbers(power=sums.power - 3) == [8 * sums.numbers()[0]]
    with pytest.raises(ValueError, match="negative shift"):
        sums.numbers(power=sums.power + 1)
