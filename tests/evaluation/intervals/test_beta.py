"""The beta distribution against SciPy's."""

import pytest
from numpy.testing import assert_allclose
from scipy import stats

from xent.evaluation.intervals.beta import beta_cdf, beta_quantile

SHAPES = [(1, 1), (1, 11), (6, 5), (300, 2e4), (5e4, 5e4), (1, 1e6), (5e6, 3.0), (2.5, 0.5)]


@pytest.mark.parametrize("a, b", SHAPES)
@pytest.mark.parametrize("p", [1e-6, 0.025, 0.5, 0.975])
def test_beta_quantiles(a, b, p):
    # lgamma(a + b) near 1e5 * 11 has an error of 1e-10, which moves the quantile less
    x = beta_quantile(p, a, b)
    assert_allclose(x, stats.beta.ppf(p, a, b), rtol=1e-11)
    assert_allclose(beta_cdf(x, a, b), p, rtol=1e-7)
