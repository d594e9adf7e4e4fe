"""Columns of integers are the integers, however they were added."""

from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation.summary import columns
from xent.evaluation.summary.columns import Columns

integers = st.one_of(
    st.integers(-(2**2200), 2**2200),
    st.integers(-3, 3),
    st.builds(lambda k, shift: k << shift, st.integers(-(2**70), 2**70), st.integers(0, 2000)),
)
pairs = st.lists(st.tuples(integers, integers), max_size=5)


def as_columns(rows):
    return tuple(zip(*rows, strict=True)) or ((), ())


@given(pairs)
def test_any_integers_come_back(rows):
    assert Columns.of(as_columns(rows)).numbers() == as_columns(rows)


@given(st.lists(st.tuples(integers, integers, integers), max_size=5))
def test_sums_in_any_order_are_those_of_integers(rows):
    a, b, c = (Columns.of([of]) for of in (as_columns(rows) if rows else ((), (), ())))
    expected = (tuple(map(sum, rows)),)
    for total in (a.plus(b).plus(c), c.plus(b.plus(a)), b.plus(c).plus(a)):
        assert total.numbers() == expected


def test_carries_of_many_terms_do_not_overflow():
    rows = ((2**96 - 1, -(2**96) + 1, -1, 0),)
    total = Columns.of(rows)
    for _ in range(40):  # doubled so often that words of 64 bits would overflow
        total = total.plus(total)
    assert total.terms <= columns.MOST_TERMS
    assert total.numbers() == (tuple(v << 40 for v in rows[0]),)
