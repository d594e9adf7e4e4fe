"""Isotonic regression against its min-max formula in exact arithmetic, and scikit-learn's."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.isotonic import isotonic_regression

from xent import kernels
from xent.kernels.cpu.isotonic import isotonic, isotonic_binary

EPS = np.finfo(np.float64).eps


def min_max(values, weights):
    """f_j = max over a <= j of min over b >= j of mean(a..b): the definition, in fractions."""
    y, w = [Fraction(float(v)) for v in values], [Fraction(float(v)) for v in weights]
    n = len(y)

    def mean(a, b):
        return sum(w[k] * y[k] for k in range(a, b + 1)) / sum(w[a : b + 1])

    return [
        float(max(min(mean(a, b) for b in range(j, n)) for a in range(j + 1))) for j in range(n)
    ]


numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 2))
problems = st.lists(st.tuples(numbers, st.integers(1, 5)), min_size=1, max_size=9)


@given(problems)
def test_the_fit_is_the_min_max_formula(problem):
    values, weights = (np.array(a, dtype=float) for a in zip(*problem, strict=True))
    # a mean of at most 9 elements, 5 times each
    bound = 50 * EPS * np.abs(values).max()
    assert_allclose(isotonic(values, weights), min_max(values, weights), rtol=0, atol=bound)


def test_the_fit_is_scikit_learns():
    rng = np.random.default_rng(0)
    values = np.linspace(0, 1, 20_000) + rng.normal(size=20_000)
    weights = rng.gamma(1.0, size=20_000)
    expected = isotonic_regression(values, sample_weight=weights)
    # sums of blocks of thousands, in another order
    assert_allclose(isotonic(values, weights), expected, rtol=0, atol=20_000 * EPS)


def test_a_batch_is_its_rows_whatever_the_threads():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 257))
    expected = np.stack([isotonic(row) for row in values])
    before = kernels.num_threads()
    try:
        for threads in (1, 3):
            kernels.set_num_threads(threads)
            assert_array_equal(isotonic(values), expected)
    finally:
        kernels.set_num_threads(before)


def test_weightless_elements_follow_their_left_neighbour():
    fitted = isotonic([9.0, 1.0, 5.0, 3.0, -9.0], [0, 1, 1, 1, 0])
    assert_array_equal(fitted, [1, 1, 4, 4, 4])
    assert np.isnan(isotonic([1.0, 2.0], [0, 0])).all()
    assert isotonic(np.empty((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("seed", range(5))
def test_binary_cells_are_isotonic_regression_of_their_shares(seed):
    rng = np.random.default_rng(seed)
    zeros, ones = rng.poisson(1.5, (2, 40, 30)).astype(float)
    fit = isotonic_binary(zeros, ones)
    n = zeros + ones
    for i in range(len(n)):
        kept = n[i] > 0
        shares = ones[i, kept] / n[i, kept]
        expected = isotonic_regression(shares, sample_weight=n[i, kept])
        assert_allclose(fit.fitted[i, kept], expected, rtol=30 * EPS)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = ones[i, kept] * np.log(expected), zeros[i, kept] * np.log1p(-expected)
        assert_allclose(fit.loss[i], -np.nansum(terms), rtol=1e-13)


def test_a_weight_far_below_the_others_keeps_its_loss():
    # 1 - fitted would round to 0, and its logarithm be infinite
    fit = isotonic_binary([[1e-20]], [[1.0]])
    assert_allclose(fit.loss, 1e-20 * (np.log(1e20) + 1), rtol=1e-13)
