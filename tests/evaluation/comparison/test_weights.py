"""Weighted comparisons: each number against plain float64 arithmetic with the weights."""

import math

import numpy as np
import pytest

from xent.evaluation import compare

ROWS = 500


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def data(rng):
    y = rng.integers(0, 4, ROWS)
    p, q = (rng.dirichlet(np.ones(4) + 2 * s, ROWS) for s in (1, 2))
    return y, p, q, rng.integers(1, 6, ROWS) / 2


def losses(p, y):
    return -np.log(p[np.arange(len(y)), y])


def test_correlation_and_root_mean_squares_have_the_weights(data):
    y, p, q, w = data
    c = compare((y, p), (y, q), weight=w)
    cov = np.cov(losses(p, y), losses(q, y), aweights=w)
    assert c.correlation == pytest.approx(cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1]), rel=1e-11)
    kl = (p * np.log(p / q)).sum(axis=1)
    truth = np.exp(-losses(p, y)) - np.exp(-losses(q, y))
    for spread, values in ((c.a_from_b, kl), (c.truth, truth)):
        assert spread.mean == pytest.approx(np.average(values, weights=w), rel=1e-11)
        square = np.average(values**2, weights=w)
        assert spread.root_mean_square == pytest.approx(math.sqrt(square), rel=1e-11)


def test_a_weight_is_so_many_rows(data):
    """Whole weights are rows that come so often: in every mean, not in what counts rows."""
    y, p, q, w = data
    times = (2 * w).astype(int)
    weighted = compare((y, p), (y, q), weight=w)
    y, p, q = (np.repeat(x, times, axis=0) for x in (y, p, q))
    repeated = compare((y, p), (y, q))
    for get in (
        lambda c: c.difference,
        lambda c: c.correlation,
        lambda c: c.accuracy_difference,
        lambda c: c.accuracy.a,
        lambda c: c.models[1].accuracy,
        lambda c: c.a_from_b.mean,
        lambda c: c.b_from_a.root_mean_square,
        lambda c: c.perplexity_difference,
    ):
        assert get(weighted) == pytest.approx(get(repeated), rel=1e-11)


def test_accuracies_and_their_difference_agree(data):
    y, p, q, w = data
    c = compare((y, p), (y, q), weight=w)
    a, b = (model.accuracy for model in c.models)
    assert c.accuracy_difference == pytest.approx(a - b, rel=1e-12)
    assert (c.accuracy.a, c.accuracy.b) == (a, b)
    # the test is McNemar's, of rows
    assert c.accuracy.p_value == compare((y, p), (y, q)).accuracy.p_value


def test_values_that_do_not_vary_have_no_correlation(data):
    y, p, _, w = data
    even = np.full_like(p, 0.25)
    assert math.isnan(compare((y, p), (y, even), weight=w).correlation)
    same = compare((y, p), (y, p), weight=w)
    assert same.correlation == 1.0
    # the same bits in any order
    order = np.random.default_rng(0).permutation(ROWS)
    shuffled = compare((y[order], p[order]), (y[order], p[order]), weight=w[order])
    assert shuffled.correlation == same.correlation


def test_labels_say_what_right_means(rng):
    truth = rng.integers(0, 2, (300, 3))
    p, q = (np.clip(0.6 * truth + rng.uniform(0, 0.5, (300, 3)), 0.01, 0.99) for _ in range(2))
    c = compare(p, q, labels=truth, task="multi")
    every = [((x > 0.5) == truth).all(axis=1).mean() for x in (p, q)]
    assert c.accuracy_difference == pytest.approx(every[0] - every[1], rel=1e-12)
    assert "rows with every label right, A - B" in str(c)
