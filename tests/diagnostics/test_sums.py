import numpy as np
import pytest
from numpy.testing import assert_allclose

from xent.diagnostics.sums import row_sums
from xent.diagnostics.targets import check_one_hot
from xent.errors import XentValueError


@pytest.mark.parametrize("dtype", [*"?bhilBHILefd"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sums_do_not_wrap_and_keep_their_precision(rng, dtype, axis):
    array = np.asarray(rng.uniform(size=(300, 300)) < 0.9, dtype)
    expected = array.astype(float).sum(axis=axis)
    assert_allclose(row_sums(array, axis), expected, rtol=0)
    array = rng.dirichlet(np.ones(300), size=300)
    assert_allclose(row_sums(array, axis), array.sum(axis=axis), rtol=300 * 2.0**-53)


def test_missing_values_stay_in_their_row_and_are_silent():
    array = np.array([[1.0, 2.0], [np.inf, -np.inf], [np.nan, 1.0]])
    assert_allclose(row_sums(array, -1), [3.0, np.nan, np.nan])


def test_257_positives_are_not_one():
    target = np.zeros((1, 300), np.int8)
    target[0, :257] = 1
    with pytest.raises(XentValueError, match="257 positive labels"):
        check_one_hot(target)
