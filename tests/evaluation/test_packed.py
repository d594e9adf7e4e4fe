"""Packed integers are the same integers, and equal columns are held once."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation import packed
from xent.evaluation.exact import exact
from xent.evaluation.packed import (
    pack,
    pack_columns,
    pack_words,
    unpack,
    unpack_columns,
    unpack_words,
)

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
    # 53 bits and a sign each; 5 letters for 4 bytes
    assert len(pack(values)) < 1000 * 8 * 5 / 4
    # a power of 2 that all have costs nothing
    assert len(pack([v << 900 for v in values])) <= len(pack(values)) + 2
    assert len(pack([0] * 1000)) < 60


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=40))
def test_any_words_come_back(values):
    words = np.array(values, dtype=np.uint64)
    back = unpack_words(json.loads(json.dumps(pack_words(words))))
    assert back.dtype == np.uint64
    assert back.tolist() == values


@given(st.binary(max_size=40))
def test_letters_are_those_of_base_85(data):
    text = packed._to_letters(data)
    assert text == base64.b85encode(data).decode()
    assert packed._from_letters(text) == data


@pytest.mark.parametrize("text", ["~~~~~", "0000 ", "000\u00e9"])
def test_letters_of_no_bytes_are_refused(text):
    with pytest.raises(ValueError, match="not those of base 85"):
        packed._from_letters(text)
