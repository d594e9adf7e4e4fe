"""Values that name groups: one text and one key for a value, whatever holds it."""

import numpy as np
import pyarrow as pa
import pytest

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.groups.values import keys_of, text_of, texts_of

ROWS = np.ones(4, dtype=bool)


@pytest.mark.parametrize(
    "column",
    [
        np.array([2, 1, 2, 10]),
        np.array([2.0, 1.0, 2.0, 10.0]),
        np.array([2, 1, 2, 10], dtype=np.uint64),
        np.array(["2", "1", "2", "10"]),
        np.array([2, "1", 2.0, "10"], dtype=object),
        pa.array([2, 1, 2, 10]),
        pa.array([2.0, 1.0, 2.0, 10.0]),
        pa.array(["2", "1", "2", "10"]),
        pa.array(["2", "1", "2", "10"]).dictionary_encode(),
        pa.chunked_array([["2", "1"], ["2", "10"]]),
    ],
    ids=lambda c: f"{type(c).__name__} {getattr(c, 'dtype', None) or c.type}",
)
def test_one_text_and_one_key_in_every_type(column):
    texts, codes = texts_of("g", column)
    assert [texts[c] for c in codes] == ["2", "1", "2", "10"]
    assert len(texts) == 3
    keys = keys_of("id", "g", column, 0, ROWS)
    assert (keys == keys_of("id", "g", np.array([2, 1, 2, 10]), 0, ROWS)).all()


def test_texts():
    values = [None, np.nan, False, 0.5, -0.0, b"a", "", " a", np.datetime64("2026-01-31", "D")]
    expected = ["(missing)", "(missing)", "false", "0.5", "0", "a", "", " a", "2026-01-31"]
    assert [text_of(v) for v in values] == expected
    assert text_of(np.inf) == "inf"


@pytest.mark.parametrize("column", [pa.array([1, None, 3, 1]), np.array([1, np.nan, 3, 1])])
def test_missing_values_are_a_slice_and_no_cluster(column):
    texts, codes = texts_of("g", column)
    assert [texts[c] for c in codes] == ["1", "(missing)", "3", "1"]
    with pytest.raises(
        XentValueError, match=r"cluster column 'g' must have a value .* row 8 "
    ) as e:
        keys_of("cluster", "g", column, 7, ROWS)
    assert e.value.index == 8
    scored = np.array([True, False, True, True])  # the row without one does not count
    assert len(keys_of("cluster", "g", column, 7, scored)) == 4


def test_no_rows():
    for column in (
        np.array([], dtype=np.int64),
        np.array([], dtype=str),
        pa.array([], pa.string()),
    ):
        _, codes = texts_of("g", column)
        assert len(codes) == 0
        assert len(keys_of("id", "g", column, 0, np.ones(0, dtype=bool))) == 0


@pytest.mark.parametrize("column", [np.zeros((2, 2)), pa.array([[1], [2]])])
def test_a_row_has_one_value(column):
    with pytest.raises(XentTypeError, match="one value a row"):
        texts_of("g", column)
