"""Decomposition by isotonic regression: it closes, and is that of the rows up to the grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import expit
from sklearn.isotonic import isotonic_regression
from states import GRID, NUM_CELLS, binary_losses, cells_of

from xent.evaluation.calibration.corp import corp, corp_pooled, isotonic_bounds

EPS = np.finfo(np.float64).eps


def rows(n, *, slope=1.0, shift=0.0, centre=0.0, seed=0):
    """Return logits, and outcomes with the probability expit(slope * logit + shift)."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(centre, 1.5, size=n)
    return logit, rng.random(n) < expit(slope * logit + shift)


def decompose(logit, y, weight=None, **options):
    loss = [np.average(binary_losses(logit, y), weights=weight)]
    zeros, ones = cells_of(logit, y, weight)
    (found,) = corp(zeros, ones, GRID, names=("y",), log_loss=loss, **options)
    return found


def sums(d):
    """Return the values and the corrected values of the terms, added up."""
    terms = d.uncertainty, d.resolution, d.miscalibration
    return [t[0] - t[1] + t[2] for t in ([x.value for x in terms], [x.corrected for x in terms])]


outcomes = st.lists(
    st.tuples(
        st.one_of(st.floats(-40, 40), st.sampled_from([0.0, -800.0, 800.0])),
        st.booleans(),
        st.floats(0.01, 100),
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@given(outcomes)
@settings(deadline=None)
def test_it_closes_to_rounding(outcomes):
    logit, y, weight = (np.array(column) for column in zip(*outcomes, strict=True))
    scale = weight.sum() / (weight**2).sum()
    d = decompose(logit, y, weight, scale=scale, replicates=200)
    value, corrected = sums(d)
    largest = max(d.log_loss, d.uncertainty.value)
    # a frequency near 1 is rounded to EPS, and so, of its size or of 1, is what it loses
    assert_allclose(value, d.log_loss, rtol=0, atol=4 * EPS * (largest + 1))
    # uncertainty is corrected for itself, which resolution takes up
    assert_allclose(corrected, d.log_loss, rtol=0, atol=8 * EPS * (largest + 1))
    assert min(d.uncertainty.value, d.resolution.value, d.grid_cost) >= 0
    assert d.resolution.corrected >= -EPS * (largest + 1)
    # all random logits: half a cell of each is all that forecasts of the rows know more
    assert d.miscalibration.value >= -(0.04**2)


@pytest.mark.parametrize(
    "n, slope, shift, centre", [(500, 1, 0, 0), (5000, 0.6, 0.3, 0), (3000, 2, 0, -4)]
)
def test_isotonic_regression_of_the_rows_is_within_the_bounds(n, slope, shift, centre):
    logit, y = rows(n, slope=slope, shift=shift, centre=centre)
    d = decompose(logit, y)
    order = np.argsort(logit)
    fitted = np.clip(isotonic_regression(y[order].astype(float)), 1e-300, 1 - EPS)
    exact = -np.where(y[order], np.log(fitted), np.log1p(-fitted)).mean()
    miscalibration = d.log_loss - exact
    assert d.miscalibration.value <= miscalibration <= d.miscalibration.value + d.grid_cost
    # zeros and ones of a cell apart cost at most its width in logits, 0.06, an outcome
    assert d.grid_cost < 0.0607 * 0.25
    # tied as in the cells, it is the same number
    cell = np.searchsorted(GRID.edges, np.exp(logit), side="right")
    _, where = np.unique(cell, return_inverse=True)
    share, weight = np.bincount(where, y) / np.bincount(where), np.bincount(where)
    tied = isotonic_regression(share, sample_weight=weight)[where]
    with np.errstate(divide="ignore"):
        loss = -np.where(y, np.log(tied), np.log1p(-tied)).mean()
    assert_allclose(d.log_loss - d.miscalibration.value, loss, rtol=1e-12)


def test_the_lower_bound_is_reached_by_some_order_of_the_rows():
    rng = np.random.default_rng(2)
    zeros, ones = rng.poisson(2, (2, 1, 40)).astype(float)
    low, high = isotonic_bounds(zeros, ones)
    sequence = np.concatenate(
        [[0.0] * int(z) + [1.0] * int(o) for z, o in zip(zeros[0], ones[0], strict=True)]
    )
    p = isotonic_regression(sequence)
    with np.errstate(divide="ignore"):
        loss = -np.where(sequence == 1, np.log(p), np.log1p(-p)).sum()
    assert_allclose(low[0], loss, rtol=1e-13)
    assert low[0] < high[0]


def test_the_null_is_what_calibrated_rows_show():
    # in every replicate new outcomes of the same rows, scored row by row, and tied in cells
    logit, y = rows(500, seed=3)
    rng = np.random.default_rng(4)
    order = np.argsort(logit)
    of_rows, tied = [], []
    for _ in range(300):
        drawn = rng.random(500) < expit(logit)
        fitted = np.clip(isotonic_regression(drawn[order].astype(float)), 1e-300, 1 - EPS)
        isotonic = -np.where(drawn[order], np.log(fitted), np.log1p(-fitted)).mean()
        loss = binary_losses(logit, drawn).mean()
        of_rows.append(loss - isotonic)
        tied.append(loss - isotonic_bounds(*(c[None] for c in cells_of(logit, drawn)))[1][0] / 500)
    d = decompose(logit, y)
    error = np.std(tied) * np.sqrt(1 / 300 + 1 / d.replicates)
    assert_allclose(d.miscalibration.null, np.mean(tied), rtol=0, atol=4 * error)
    # rows that are not tied fit a little more, and miscalibration with them: within the bound
    assert 0 < np.mean(of_rows) - np.mean(tied) < d.grid_cost
    # another design of this size showed 0.0249
    assert 0.02 < d.miscalibration.null < np.mean(of_rows) < 0.03


def test_the_null_falls_with_the_two_thirds_power_of_the_rows():
    nulls = [decompose(*rows(n)).miscalibration.null for n in (500, 5000, 50_000)]
    assert 0.004 < nulls[1] < 0.0065
    for more, fewer in zip(nulls[1:], nulls, strict=False):
        assert_allclose(more / fewer, 10 ** (-2 / 3), rtol=0.15)


def test_p_values_are_uniform_under_calibration():
    p = [
        decompose(*rows(300, seed=seed), replicates=99).miscalibration.p_value
        for seed in range(300)
    ]
    # discrete with steps of 0.01, which a Kolmogorov-Smirnov test takes for a deviation
    assert stats.kstest(np.array(p) - 0.005, "uniform").pvalue > 1e-3
    assert abs(np.mean(np.array(p) <= 0.05) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("slope, shift", [(0.5, 0), (2.0, 0), (1.0, 0.8)])
def test_p_values_are_small_under_miscalibration(slope, shift):
    p = [
        decompose(*rows(1000, slope=slope, shift=shift, seed=s), replicates=99)
        .miscalibration.p_value
        for s in range(20)
    ]  # fmt: skip
    assert np.median(p) == 0.01


def true_terms(slope, shift):
    """Return uncertainty, resolution and miscalibration of the population of `rows`."""
    x = np.linspace(-12, 12, 40_001)
    w = stats.norm.pdf(x, scale=1.5)
    w /= w.sum()
    p = expit(slope * x + shift)
    share, left = (w * p).sum(), (w * stats.bernoulli(p).entropy()).sum()
    entropy = float(stats.bernoulli(share).entropy())
    return entropy, entropy - left, (w * (np.logaddexp(0, x) - p * x)).sum() - left


@pytest.mark.parametrize("slope, shift", [(1.0, 0.0), (0.6, 0.0), (1.5, 0.5)])
def test_corrected_terms_are_unbiased_and_intervals_cover(slope, shift):
    truth = true_terms(slope, shift)
    found = [
        decompose(*rows(500, slope=slope, shift=shift, seed=s), replicates=200) for s in range(200)
    ]
    for name, value in zip(("uncertainty", "resolution", "miscalibration"), truth, strict=True):
        terms = [getattr(d, name) for d in found]
        corrected = np.array([t.corrected for t in terms])
        error = corrected.std() / np.sqrt(len(found))
        # the optimism of isotonic regression is that of a calibrated model within 10 %
        assert_allclose(corrected.mean(), value, rtol=0, atol=4 * error + 0.0025)
        covered = np.mean([t.low - 1e-12 <= value <= t.high for t in terms])
        # 95 %, three standard deviations of 200 draws lower
        assert covered > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 200), (name, covered)


def test_the_entropy_is_corrected_as_miller_and_madow_have_it():
    u = decompose(*rows(250, shift=1.0)).uncertainty
    assert_allclose(u.corrected - u.value, 1 / 500, rtol=1e-12)
    # nothing is more open than a coin
    u = decompose(np.full(250, 0.5), np.arange(250) % 2).uncertainty
    assert u.corrected == u.value == u.high == np.log(2)
    # of one outcome there is nothing to correct
    u = decompose(rows(250)[0], np.ones(250)).uncertainty
    assert u.corrected == u.value == 0


def test_forecasts_without_information_resolve_nothing():
    rng = np.random.default_rng(5)
    p = []
    for _ in range(200):
        logit = rng.normal(size=300)
        d = decompose(logit, rng.random(300) < 0.3, replicates=200)
        p.append(d.resolution.p_value)
        # all of it is chance, so that none is left
        assert d.resolution.corrected < 0.02
        assert d.resolution.low == 0
    assert abs(np.mean(np.array(p) <= 0.05) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 200)
    assert decompose(*rows(300)).resolution.p_value < 0.01


def test_constant_predictions():
    y = np.arange(100) < 30
    d = decompose(np.full(100, -0.9), y)
    assert d.resolution.value == 0
    assert_allclose(d.uncertainty.value, stats.bernoulli(0.3).entropy(), rtol=4 * EPS)
    assert d.grid_cost < d.uncertainty.value + EPS


def test_one_outcome_never_seen():
    logit = np.linspace(-3, -1, 200)
    d = decompose(logit, np.zeros(200))
    assert (d.uncertainty.value, d.resolution.value) == (0, 0)
    assert d.miscalibration.value == d.log_loss
    # at most about 3.7 ones in 200 rows: Clopper and Pearson's upper limit
    limit = stats.binomtest(0, 200).proportion_ci().high
    assert_allclose(d.uncertainty.high, stats.bernoulli(limit).entropy(), rtol=1e-9)


def test_impossible_rows_are_miscalibration_without_end():
    logit, y = rows(100)
    zeros, ones = cells_of(np.append(logit, -np.inf), np.append(y, True))
    (d,) = corp(zeros, ones, GRID, names=("y",), log_loss=[np.inf])
    assert d.log_loss == sums(d)[0] == sums(d)[1] == d.miscalibration.corrected == np.inf
    assert d.miscalibration.p_value == 0
    assert (d.miscalibration.low, d.miscalibration.high) == (None, None)
    assert np.isfinite([d.resolution.low, d.resolution.high]).all()


def test_few_rows_have_no_interval():
    d = decompose(np.array([0.3, -0.2, 1.0]), np.array([True, False, False]))
    assert d.miscalibration.low is d.miscalibration.high is None
    # of three rows isotonic regression fits two perfectly, or all
    assert d.miscalibration.p_value > 0.05


def test_groups_without_rows_are_left_out():
    zeros, ones = cells_of(*rows(100))
    none = np.zeros(NUM_CELLS)
    found = corp([zeros, none], [ones, none], GRID, names=("a", "b"))
    assert [d.name for d in found] == ["a"]
    assert corp([none], [none], GRID, names=("b",)) == []


def test_without_losses_the_bound_covers_where_forecasts_are_in_their_cells():
    logit, y = rows(2000, slope=0.7)
    zeros, ones = cells_of(logit, y)
    (d,) = corp(zeros, ones, GRID, names=("y",))
    exact = decompose(logit, y)
    assert_allclose(d.log_loss, exact.log_loss, atol=2e-4)
    assert abs(d.miscalibration.value - exact.miscalibration.value) < d.grid_cost - exact.grid_cost


def test_weights_count_as_rows_do():
    logit, y = rows(300)
    once = decompose(logit, y)
    twice = decompose(logit, y, np.full(300, 2.0), scale=0.5)
    assert twice.num_rows == 300
    assert_allclose(twice.miscalibration.value, once.miscalibration.value, rtol=1e-12)
    # another seed, for the state is another: the same distribution
    assert_allclose(twice.miscalibration.null, once.miscalibration.null, rtol=0.05)
    assert_allclose(twice.miscalibration.high, once.miscalibration.high, rtol=0.25)


def test_the_same_state_gives_the_same_bits():
    zeros, ones = cells_of(*rows(400))
    again = [corp(zeros, ones, GRID, names=("y",))[0] for _ in range(2)]
    assert again[0] == again[1]
    beside = corp([ones, zeros], [zeros, ones], GRID, names=("x", "y"))[1]
    assert beside.miscalibration == again[0].miscalibration


def test_a_pool_is_the_mean_of_its_groups():
    data = [rows(n, slope=slope, seed=n) for n, slope in ((200, 1), (300, 0.5), (400, 2))]
    zeros, ones = (np.array(c) for c in zip(*(cells_of(*d) for d in data), strict=True))
    losses = [binary_losses(*d).mean() for d in data]
    each = corp(zeros, ones, GRID, names=("a", "b", "c"), log_loss=losses)
    pooled = corp_pooled(zeros, ones, GRID, name="all", log_loss=losses)
    for name in ("uncertainty", "resolution", "miscalibration"):
        for number in ("value", "null"):
            parts = [getattr(getattr(d, name), number) for d in each]
            whole = getattr(getattr(pooled, name), number)
            assert (whole is None) == (None in parts)
            if whole is not None:
                assert_allclose(whole, np.mean(parts), rtol=1e-12)
    assert_allclose(sums(pooled)[0], np.mean(losses), rtol=4 * EPS)
    assert pooled.miscalibration.p_value < 0.01
    assert pooled.miscalibration.low > 0


def test_few_draws_have_a_null_and_no_interval():
    d = decompose(*rows(200), replicates=39)
    assert d.miscalibration.null > 0
    assert d.resolution.null is d.resolution.low is d.miscalibration.high is None


def test_many_groups_take_little_time_and_keep_their_null():
    from xent.evaluation.calibration.null import num_replicates

    cells = np.ones((1001, 500))
    assert num_replicates(cells, cells) == 39
    assert num_replicates(cells[:2], cells[:2]) == 1000
    assert_array_equal(num_replicates(cells[:100], cells[:100]), 320)


@pytest.mark.parametrize("p", [0.05, 0.2, 0.45])
def test_one_row_is_as_surprising_as_its_forecast_says(p):
    # what happened with probability p is no less likely to happen again
    d = decompose(np.array([np.log(p / (1 - p))]), np.array([True]))
    draws = d.replicates
    assert abs(d.miscalibration.p_value - p) < 5 * np.sqrt(p * (1 - p) / draws) + 2 / draws
