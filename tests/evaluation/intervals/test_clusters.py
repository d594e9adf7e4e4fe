"""Moments of a mean of clusters: CR1, exact, and none where there is only rounding."""

from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose

from xent.evaluation.exact import exact
from xent.evaluation.intervals.clusters import centred, cluster_moments


def sums(codes, values):
    """The exact sum of each group."""
    totals = [0] * (int(codes.max()) + 1)
    for code, value in zip(codes.tolist(), values.tolist(), strict=True):
        totals[code] += exact(value)
    return totals


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_the_error_is_the_cluster_robust_one(rng):
    codes, w = rng.integers(30, size=400), rng.random(400)
    values = rng.normal(size=400) + rng.normal(size=30)[codes]
    m = cluster_moments(sums(codes, w * values), sums(codes, w))
    mean = np.average(values, weights=w)
    u = np.bincount(codes, weights=w * (values - mean))
    assert m.n == 30
    assert_allclose(m.mean, mean, rtol=1e-13)
    assert_allclose(m.second / 29, 30 / 29 * (u**2).sum() / w.sum() ** 2, rtol=1e-11)


def test_moments_are_those_of_the_centred_sums(rng):
    codes, w = rng.integers(20, size=200), rng.random(200)
    x, weights = sums(codes, w * (1 + 1e-9 * rng.exponential(size=200))), sums(codes, w)
    mean = Fraction(sum(x), sum(weights))
    u = [20 * (a - mean * b) / sum(weights) for a, b in zip(x, weights, strict=True)]
    assert centred(x, weights) == [float(v) for v in u]
    m = cluster_moments(x, weights)
    assert m == (
        20.0,
        float(mean),
        float(sum(v**2 for v in u) / 20),
        float(sum(v**3 for v in u) / 20),
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_equal_values_have_no_spread(rng, weighted):
    codes = np.repeat(np.arange(30), 7)
    w = rng.exponential(size=210) if weighted else np.ones(210)
    for a, b in 10.0 ** rng.uniform(-12, 2, size=(200, 2)):
        of_a, of_b, weights = (sums(codes, column) for column in (w * a, w * b, w))
        assert cluster_moments(of_a, weights).second == 0
        difference = [x - y for x, y in zip(of_a, of_b, strict=True)]
        size = [x + y for x, y in zip(of_a, of_b, strict=True)]
        m = cluster_moments(difference, weights, size)
        assert (m.second, m.third) == (0, 0)
        assert m.mean == pytest.approx(a - b, abs=2**-51 * (a + b))
