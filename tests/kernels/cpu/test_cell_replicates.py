"""Draws of cells: their distribution, their independence of everything but the seed."""

import hashlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from xent import kernels
from xent.kernels.cpu.cell_replicates import cell_draws, cell_replicates
from xent.kernels.cpu.isotonic import isotonic_binary

# odds that are powers of 2 are the same doubles everywhere
ODDS = 2.0 ** np.arange(-6, 7)
LOSS_ONE, LOSS_ZERO = np.log1p(1 / ODDS), np.log1p(ODDS)


def replicates(zeros, ones, *, calibrated=True, scale=None, seeds=None, count=50):
    groups = len(zeros)
    return cell_replicates(
        zeros, ones,
        loss_zero=LOSS_ZERO, loss_one=LOSS_ONE, odds=ODDS,
        scale=np.ones(groups) if scale is None else scale,
        seeds=np.arange(groups, dtype=np.uint64) if seeds is None else seeds,
        replicates=count, calibrated=calibrated,
    )  # fmt: skip


@pytest.mark.parametrize(
    "trials, odds",
    [(1, 1.0), (7, 0.25), (200, 1.0), (5000, 1 / 64), (3, 2.0**-32), (40, 1e12)],
)
def test_counts_have_the_binomial_distribution(trials, odds):
    draws = cell_draws(np.array([trials]), np.array([odds]), scale=1, seed=1, replicates=20_000)
    values, counts = np.unique(draws, return_counts=True)
    cdf = stats.binom.cdf(np.arange(trials + 1), trials, odds / (1 + odds))
    seen = np.cumsum(np.bincount(values.astype(int), counts, minlength=trials + 1)) / 20_000
    # Dvoretzky, Kiefer and Wolfowitz with Massart's constant, at 1e-6
    assert np.abs(seen - cdf).max() < np.sqrt(np.log(2 / 1e-6) / 2 / 20_000)


@pytest.mark.parametrize("mean", [0.3, 1.0, 12.0, 900.0])
def test_a_bootstrap_draws_poisson_counts(mean):
    # one cell: the weights drawn are its counts of zeros
    zeros, ones = np.zeros((1, 13)), np.zeros((1, 13))
    zeros[0, 4] = mean
    drawn = replicates(zeros, ones, calibrated=False, count=20_000)
    top = int(mean + 20 * np.sqrt(mean) + 20)
    seen = np.cumsum(np.bincount(drawn.weight[0].astype(int), minlength=top)[:top]) / 20_000
    cdf = stats.poisson.cdf(np.arange(top), mean)
    assert np.abs(seen - cdf).max() < np.sqrt(np.log(2 / 1e-6) / 2 / 20_000)
    assert (drawn.ones == 0).all()


def test_zeros_and_ones_of_a_bootstrap_are_independent():
    counts = np.zeros((1, 13))
    counts[0, 4] = 50.0
    drawn = replicates(counts, counts, calibrated=False, count=20_000)
    zeros = drawn.weight - drawn.ones
    # five standard deviations of a correlation that is 0
    assert abs(np.corrcoef(zeros[0], drawn.ones[0])[0, 1]) < 5 / np.sqrt(20_000)


def test_cells_and_replicates_are_independent():
    draws = cell_draws(np.full(13, 50.0), np.ones(13), scale=1, seed=3, replicates=20_000)
    cells = np.corrcoef(draws.T)[np.triu_indices(13, 1)]
    next_one = [np.corrcoef(c[:-1], c[1:])[0, 1] for c in draws.T]
    assert np.abs(np.r_[cells, next_one]).max() < 5.5 / np.sqrt(20_000)


def test_the_losses_are_those_of_the_draws():
    rng = np.random.default_rng(4)
    zeros, ones = rng.poisson(3, (2, 1, 13)).astype(float)
    weight = (zeros + ones)[0]
    drawn = replicates(zeros, ones, seeds=np.array([9], dtype=np.uint64))
    o = cell_draws(weight, ODDS, scale=1, seed=9, replicates=50)
    z = weight - o
    assert_array_equal(drawn.weight[0], (z + o).sum(1))
    assert_array_equal(drawn.ones[0], o.sum(1))
    assert_allclose(drawn.forecast_loss[0], z @ LOSS_ZERO + o @ LOSS_ONE, rtol=1e-14)
    assert_array_equal(drawn.isotonic_loss[0], isotonic_binary(z, o).loss)


def test_a_weighted_cell_stands_for_its_rows():
    # weights of 0.5 on 40 rows: draws are those of 40 rows, in units of 0.5
    one = cell_draws(np.array([20.0]), np.ones(1), scale=2, seed=5, replicates=1000)
    rows = cell_draws(np.array([40.0]), np.ones(1), scale=1, seed=5, replicates=1000)
    assert_array_equal(2 * one, rows)


def test_draws_do_not_depend_on_threads_nor_on_other_groups():
    rng = np.random.default_rng(6)
    zeros, ones = rng.poisson(2, (2, 9, 13)).astype(float)
    before = kernels.num_threads()
    try:
        kernels.set_num_threads(1)
        expected = replicates(zeros, ones)
        kernels.set_num_threads(3)
        for whole, again in zip(expected, replicates(zeros, ones), strict=True):
            assert_array_equal(whole, again)
    finally:
        kernels.set_num_threads(before)
    alone = replicates(zeros[4:5], ones[4:5], seeds=np.array([4], dtype=np.uint64))
    assert_array_equal(alone.isotonic_loss[0], expected.isotonic_loss[4])
    # fewer replicates are the first of more
    fewer = replicates(zeros, ones, count=7)
    assert_array_equal(fewer.ones, expected.ones[:, :7])


def test_the_draws_are_the_same_on_every_machine():
    weights = np.array([1.0, 10.0, 1000.0, 100_000.0])
    odds = np.array([0.25, 1.0, 2.0**-6, 3.0])
    draws = cell_draws(weights, odds, scale=1, seed=2026, replicates=100)
    digest = hashlib.sha256(draws.astype("<i8").tobytes()).hexdigest()[:16]
    assert digest == "8b219ab7993897fa"
