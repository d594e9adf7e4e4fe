"""Packed integers are the same integers, and equal columns are held once."""

import base64
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation import packed
from xent.evaluation.exact import exact, from_text
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


def _deflated(data: bytes) -> str:
    return packed._to_letters(zlib.compress(data, 9))


@pytest.mark.parametrize(
    "read, text",
    [
        (unpack, f"0:1:{_deflated(bytes(2000))}"),
        (unpack, f"0:8:{_deflated(bytes(8 * 2000))}"),
        (unpack_words, f"1:{_deflated(bytes(5000))}"),
    ],
)
def test_a_column_larger_than_any_is_not_unpacked(monkeypatch, read, text):
    assert len(read(text)) >= 2000
    monkeypatch.setattr(packed, "MOST_BYTES", 4000)
    monkeypatch.setattr(packed, "MOST_VALUES", 1999)
    with pytest.raises(ValueError, match="a column has more than"):
        read(text)


def test_a_column_that_is_cut_off_is_refused():
    with pytest.raises(ValueError, match="cut off"):
        unpack(f"0:1:{packed._to_letters(zlib.compress(bytes(range(99)))[:-9])}")


@pytest.mark.parametrize("power", ["ffffffff", "2001", "-2001"])
def test_a_power_that_no_sum_has_is_refused(power):
    """Nine letters would ask for 8 GiB."""
    with pytest.raises(ValueError, match="no sum is a multiple"):
        unpack(f"{power}:1:{_deflated(bytes([1]))}")
    with pytest.raises(ValueError, match="no sum is a multiple"):
        from_text(f"1p{power}")


def test_more_columns_than_any_state_has_are_refused():
    state = pack_columns([(1, 2)], 2)
    with pytest.raises(ValueError, match="more than 32 columns"):
        list(unpack_columns({**state, "columns": [0] * 33}))
