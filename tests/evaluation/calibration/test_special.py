"""Tails and intervals against SciPy's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from xent.evaluation.calibration.special import chi_square_tail, clopper_pearson, quantile


@pytest.mark.parametrize("df", [1, 2, 3, 10, 99, 1000])
@pytest.mark.parametrize("x", [0.0, 1e-6, 0.5, 3.84, 12.0, 250.0, 1200.0])
def test_chi_square_tails(df, x):
    # lgamma at 500 has an error of 1e-13, and front = exp(...) inherits it
    assert_allclose(chi_square_tail(x, df), stats.chi2.sf(x, df), rtol=2e-12, atol=1e-300)


@pytest.mark.parametrize("ones, count", [(0, 1), (1, 1), (0, 10), (3, 10), (17, 500), (4000, 5000)])
def test_intervals_of_a_frequency(ones, count):
    expected = stats.binomtest(ones, count).proportion_ci(method="exact")
    assert_allclose(clopper_pearson(ones, count), expected, rtol=1e-8, atol=1e-15)


def test_no_rows_say_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("count", [1, 2, 3, 200, 1000])
@pytest.mark.parametrize("share", [0.0, 0.005, 0.025, 0.1, 0.5, 0.975, 1 - 1e-9, 1.0])
def test_quantiles_are_numpys_to_the_bit(count, share):
    rising = np.sort(np.random.default_rng(count).standard_normal(count))
    assert quantile(rising, share) == np.quantile(rising, share)
