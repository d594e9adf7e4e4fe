"""The best shift of the logit against a minimiser on the rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import expit
from states import GRID, binary_losses, cells_of

from xent.evaluation import evaluate
from xent.evaluation.calibration.shift import best_shift


def rows(n, shift, seed=0, spread=1.5):
    rng = np.random.default_rng(seed)
    logit = spread * rng.normal(size=n)
    return logit, rng.random(n) < expit(logit + shift)


@pytest.mark.parametrize("shift", [-3.0, -0.4, 0.0, 0.2, 2.0])
def test_the_shift_is_a_minimisers(shift):
    logit, y = rows(3000, shift)
    found = best_shift(*cells_of(logit, y), GRID)
    direct = minimize_scalar(lambda b: binary_losses(logit + b, y).mean(), bounds=(-9, 9),
                             method="bounded", options={"xatol": 1e-9})  # fmt: skip
    gain = binary_losses(logit, y).mean() - direct.fun
    low, high = found.gain_bounds
    assert low <= gain <= high
    # logits are known to half a cell, 0.03; their errors average out
    assert_allclose(found.shift, direct.x, atol=0.003)
    assert_allclose(found.gain, gain, rtol=0, atol=2e-4 * abs(shift) + 1e-5)


@pytest.mark.parametrize("at", ["low", "high"])
def test_the_bounds_hold_where_all_logits_are_at_an_edge(at):
    rng = np.random.default_rng(1)
    cells = rng.integers(400, 600, size=500)
    low, high = GRID.logit_edges
    edge = low[cells] + 1e-9 if at == "low" else high[cells] - 1e-9
    y = rng.random(500) < expit(edge + 0.7)
    found = best_shift(*cells_of(edge, y), GRID)
    direct = minimize_scalar(lambda b: binary_losses(edge + b, y).mean(), bounds=(-9, 9),
                             method="bounded", options={"xatol": 1e-9})  # fmt: skip
    low, high = found.gain_bounds
    assert low <= binary_losses(edge, y).mean() - direct.fun <= high


def test_the_p_value_is_that_of_chance():
    p = [best_shift(*cells_of(*rows(400, 0.0, seed)), GRID).p_value for seed in range(300)]
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert best_shift(*cells_of(*rows(400, 1.0)), GRID).p_value < 1e-6


def truth_of(slope, shift, spread=1.5):
    """Best shift of logits whose truth has logit slope * z + shift, and its gain a row."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    z, weights = spread * nodes, weights / weights.sum()
    p = expit(slope * z + shift)

    def loss(b):
        return float(weights @ (np.logaddexp(0, z + b) - p * (z + b)))

    best = minimize_scalar(loss, bounds=(-9, 9), method="bounded", options={"xatol": 1e-10})
    return loss(0.0) - best.fun


@pytest.mark.parametrize(
    ("slope", "shift", "n", "level"),
    [
        (1.0, 0.0, 300, 0.95),
        (1.0, 0.3, 300, 0.8),
        (1.0, -1.5, 300, 0.95),
        # shifted they are still too sure, or not sure enough, and vary more or less
        (0.4, 0.5, 300, 0.8),
        (0.4, 0.5, 3000, 0.95),
        (2.5, 0.5, 300, 0.8),
    ],
)
def test_the_interval_covers_the_gain(slope, shift, n, level):
    rng = np.random.default_rng(5)
    truth, covered = truth_of(slope, shift), []
    for _ in range(400):
        logit = 1.5 * rng.normal(size=n)
        y = rng.random(n) < expit(slope * logit + shift)
        found = best_shift(*cells_of(logit, y), GRID, level=level)
        assert found.low <= found.gain <= found.high
        covered.append(found.low <= truth + 1e-12 and truth - 1e-12 <= found.high)
    error = np.sqrt(level * (1 - level) / 400)
    share = np.mean(covered)
    # where nothing is to be gained all intervals may hold 0
    assert share > level - 3 * error - 0.01
    if shift:
        assert share < level + 3 * error + 0.01


def test_the_interval_is_that_of_several_classes_where_the_shifted_are_calibrated():
    logit, y = rows(200_000, 0.5)
    found = best_shift(*cells_of(logit, y), GRID)
    z, root = stats.norm.ppf(0.975), np.sqrt(2 * 200_000 * found.gain)
    assert_allclose(found.low, (root - z) ** 2 / 400_000, rtol=2e-3)
    assert_allclose(found.high, (root + z) ** 2 / 400_000, rtol=2e-3)


def test_the_interval_is_as_wide_as_rows_vary():
    logit, y = rows(3000, 0.5)
    found = best_shift(*cells_of(logit, y), GRID, level=0.9)
    # differences of the rows themselves, and the first order of the root's error
    gained = binary_losses(logit, y) - binary_losses(logit + found.shift, y)
    half = stats.norm.ppf(0.95) * gained.std() / np.sqrt(4 * found.gain * 3000)
    assert_allclose(np.sqrt(found.high) - np.sqrt(found.gain), half, rtol=5e-3)
    assert_allclose(np.sqrt(found.gain) - np.sqrt(found.low), half, rtol=5e-3)
    # it goes over into that of no shift at all
    balanced = best_shift(*cells_of(logit - 2e-3, y), GRID)
    assert balanced.low <= balanced.gain <= balanced.high


def test_nothing_is_known_of_one_outcome():
    found = best_shift(*cells_of(rows(50, 0.0)[0], np.ones(50)), GRID)
    assert (found.low, found.high) == (0, np.inf)


def test_weights_count_as_rows_do():
    logit, y = rows(200, 0.5)
    once = best_shift(*cells_of(logit, y), GRID)
    twice = best_shift(*cells_of(logit, y, np.full(200, 2.0)), GRID, scale=0.5)
    assert_allclose(twice.gain, once.gain, rtol=1e-12)
    assert_allclose(twice.p_value, once.p_value, rtol=1e-9)
    assert_allclose([twice.low, twice.high], [once.low, once.high], rtol=1e-9)


def test_one_outcome_wants_no_end_of_shift():
    logit, _ = rows(50, 0.0)
    found = best_shift(*cells_of(logit, np.ones(50)), GRID)
    assert found.shift == np.inf
    assert "only one outcome" in found.note
    # everything that the forecasts lose
    assert_allclose(found.gain, binary_losses(logit, np.ones(50)).mean(), rtol=0.02)
    assert best_shift(*cells_of(logit, np.zeros(50)), GRID).shift == -np.inf


def test_no_rows_have_no_shift():
    assert best_shift(np.zeros(1024), np.zeros(1024), GRID) is None


def test_forecasts_beyond_the_grid_are_certain():
    # q = 0 and q = 1 gain nothing by a shift, and are in the first and the last cell
    found = best_shift(*cells_of(np.array([-400.0, 400.0, 0.0, 0.0]), [0, 1, 1, 1]), GRID)
    assert found.gain_bounds[1] < 0.75 * np.log(2)


@pytest.mark.parametrize("zero", ["inf", "clip:1e-15"])
@pytest.mark.filterwarnings("ignore:D31")
def test_no_shift_repairs_what_was_called_impossible(zero):
    rng = np.random.default_rng(2)
    y = rng.random(400) < 0.6
    decided = np.where(rng.random(400) < 0.05, ~y, y).astype(float)
    found = evaluate((y, decided), zero=zero).shift
    assert_allclose([found.gain, found.gain_bounds[1]], 0, atol=1e-8)
    assert found.p_value > 0.9
    # the others have the shift that they have alone
    logit, other = rows(3000, 0.7)
    alone = evaluate((other, expit(logit)), zero=zero).shift
    both = np.concatenate([other, y]), np.concatenate([expit(logit), decided])
    wrong = decided != y
    together = evaluate(both, zero=zero).shift
    assert_allclose(together.shift, alone.shift, rtol=1e-6)
    assert_allclose(together.gain * (3400 - wrong.sum()), alone.gain * 3000, rtol=1e-6)
    labels = evaluate(labels=both[0][:, None], probs=both[1][:, None], task="multi", zero=zero)
    assert_allclose(labels.label_shifts.gain, together.gain, rtol=1e-12)
