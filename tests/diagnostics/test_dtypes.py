"""Tables of pandas are the numbers that they hold, in the dtype that NumPy has for them."""

import decimal

import numpy as np
import pytest

import xent
from xent.diagnostics.dtypes import as_numpy
from xent.errors import XentTypeError

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["Float32", "Float32"], "float32"),
        (["Float32", "Float64"], "float64"),
        (["Int64", "Int64"], "int64"),
        (["Int8", "UInt8"], "int16"),
        (["Int64", "Float32"], "float64"),
        (["boolean", "boolean"], "bool"),
        (["boolean", "Int32"], "int32"),
        (["float[pyarrow]", "float[pyarrow]"], "float32"),
        (["int64[pyarrow]", "double[pyarrow]"], "float64"),
        (["bool[pyarrow]", "boolean"], "bool"),
    ],
)
def test_a_table_has_the_dtype_of_its_columns(columns, expected):
    if any("pyarrow" in name for name in columns):
        pytest.importorskip("pyarrow")
    values = enumerate(pd.Series([0, 1, 1], dtype=name) for name in columns)
    table = pd.DataFrame(dict(values))
    found = as_numpy(table)
    assert found.dtype == expected
    assert (found == np.array([[0, 0], [1, 1], [1, 1]])).all()


@pytest.mark.parametrize("name", ["Int64", "Float64", "boolean", "int64[pyarrow]"])
def test_what_is_lacking_is_nan(name):
    if "pyarrow" in name:
        pytest.importorskip("pyarrow")
    found = as_numpy(pd.DataFrame({"a": pd.Series([1, None], dtype=name), "b": [0.5, 0.5]}))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[1, 0.5], [np.nan, 0.5]])


def test_decimals_are_floats():
    pa = pytest.importorskip("pyarrow")
    column = pd.array([decimal.Decimal("0.25")], dtype=pd.ArrowDtype(pa.decimal128(5, 2)))
    assert as_numpy(pd.DataFrame({"a": column, "b": [0.75]})).tolist() == [[0.25, 0.75]]


def test_an_imaginary_part_is_refused_and_not_lost():
    table = pd.DataFrame({"a": [0.5 + 1j, 0.5], "b": pd.Series([1, 1], dtype="Int64")})
    assert as_numpy(table).dtype == np.complex128
    with pytest.raises(XentTypeError, match="complex128"):
        xent.softmax(table)


def test_words_stay_words():
    table = pd.DataFrame({"a": ["x", "y"], "b": pd.Series([1, 2], dtype="Int64")})
    assert as_numpy(table).dtype == object


def test_a_loss_of_nullable_tables_is_that_of_their_numbers():
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(size=(5, 3)).astype(np.float32), rng.integers(2, size=(5, 3))
    tables = pd.DataFrame(logits).convert_dtypes(), pd.DataFrame(labels).convert_dtypes()
    assert xent.softmax(tables[0]).dtype == np.float32
    found = xent.sigmoid_cross_entropy(*tables)
    assert found == xent.sigmoid_cross_entropy(logits, labels)
