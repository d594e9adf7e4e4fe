"""Packed integers are the same integers, and equal columns are held once."""

import json

from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation.exact import exact
from xent.evaluation.packed import pack, pack_columns, unpack, unpack_columns

doubles = st.floats(allow_nan=False, allow_infinity=False).map(exact)
integers = st.one_of(doubles, st.integers(-3, 300), st.integers(-(2**2200), 2**2200))


@given(st.lists(integers, max_size=40))
def test_any_integers_come_back(values):
    assert unpack(json.loads(json.dumps(pack(values)))) == values


@given(st.lists(st.tuples(integers, integers, integers), max_size=20), st.booleans())
def test_any_columns_come_back(rows, same):
    if same:
        rows = [(a, b, a) for a, b, _ in rows]
    state = json.loads(json.dumps(pack_columns(rows, 3)))
    assert list(unpack_columns(state)) == rows
    if same:
        assert state["columns"][0] == state["columns"][2]


def test_sums_of_like_size_take_little_more_than_their_bits():
    values = [exact(1.0 + k / 3) for k in range(1000)]
    # 53 bits and a sign each, in letters of 6 bits
    assert len(pack(values)) < 1000 * 8 * 8 / 6
    # a power of 2 that all have costs nothing
    assert len(pack([v << 900 for v in values])) <= len(pack(values)) + 2
    assert len(pack([0] * 1000)) < 60
