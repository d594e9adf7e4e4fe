"""Tails and quantiles against SciPy's."""

import pytest
from numpy.testing import assert_allclose
from scipy import stats

from xent.evaluation.calibration.special import (
    beta_cdf,
    beta_quantile,
    chi_square_tail,
    clopper_pearson,
    wilson,
)


@pytest.mark.parametrize("df", [1, 2, 3, 10, 99, 1000])
@pytest.mark.parametrize("x", [0.0, 1e-6, 0.5, 3.84, 12.0, 250.0, 1200.0])
def test_chi_square_tails(df, x):
    # lgamma at 500 has an error of 1e-13, and front = exp(...) inherits it
    assert_allclose(chi_square_tail(x, df), stats.chi2.sf(x, df), rtol=2e-12, atol=1e-300)


SHAPES = [(1, 1), (1, 11), (6, 5), (300, 2e4), (5e4, 5e4), (1, 1e6), (5e6, 3.0), (2.5, 0.5)]


@pytest.mark.parametrize("a, b", SHAPES)
@pytest.mark.parametrize("p", [1e-6, 0.025, 0.5, 0.975])
def test_beta_quantiles(a, b, p):
    # lgamma(a + b) near 1e5 * 11 has an error of 1e-10, which moves the quantile less
    x = beta_quantile(p, a, b)
    assert_allclose(x, stats.beta.ppf(p, a, b), rtol=1e-11)
    assert_allclose(beta_cdf(x, a, b), p, rtol=1e-7)


@pytest.mark.parametrize("ones, count", [(0, 1), (1, 1), (0, 10), (3, 10), (17, 500), (4000, 5000)])
def test_intervals_of_a_frequency(ones, count):
    test = stats.binomtest(ones, count)
    for ours, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        expected = test.proportion_ci(method=method)
        assert_allclose(ours(ones, count), expected, rtol=1e-8, atol=1e-15)


def test_no_rows_say_nothing():
    assert clopper_pearson(0, 0) == wilson(0, 0) == (0.0, 1.0)
