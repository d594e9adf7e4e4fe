"""The best temperature against a minimiser on the rows, and its bounds in 50 digits."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax
from states import tempering_of

from xent.evaluation import evaluate
from xent.evaluation.calibration.temperature import best_temperature, minimise


def rows(n, classes, scale, seed=0):
    """Return logits and classes drawn from their softmax, scaled."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n, classes))
    drawn = rng.random((n, 1)) < softmax(scale * logits, axis=1).cumsum(1)
    return logits, drawn.argmax(1)


def loss_at(logits, target, beta):
    z_y = np.take_along_axis(logits, target[:, None], 1)[:, 0]
    return (logsumexp(beta * logits, axis=1) - beta * z_y).mean()


@pytest.mark.parametrize(
    "n, classes, scale, rtol",
    # the grid has steps of 1/8 below 1.5, and up to 16 above
    [(500, 10, 1.0, 1e-6), (5000, 3, 0.6, 1e-6), (2000, 100, 1.7, 1e-5),
     (300, 2, 2.4, 1e-4), (2000, 5, 0.2, 1e-5), (3000, 4, 5.0, 1e-3)],
)  # fmt: skip
def test_the_best_scale_is_a_minimisers(n, classes, scale, rtol):
    logits, target = rows(n, classes, scale)
    best = best_temperature(tempering_of(logits, target))
    direct = minimize_scalar(
        lambda log_beta: loss_at(logits, target, np.exp(log_beta)),
        bounds=(-2, 2), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    assert_allclose(best.beta, np.exp(direct.x), rtol=rtol)
    assert_allclose(best.temperature, 1 / best.beta)
    # a loss is flat at its minimum: half the curvature times the square of the error
    assert_allclose(best.loss, direct.fun, rtol=0, atol=rtol**1.5 + 1e-9)
    assert_allclose(best.gain, loss_at(logits, target, 1.0) - best.loss, rtol=0, atol=1e-14)
    low, high = best.gain_bounds
    assert low <= loss_at(logits, target, 1.0) - direct.fun <= high
    assert best.note == ""


def test_the_bounds_hold_in_50_digits():
    # one row of 4 wrong, logits (1, -1): the minimum is log 3 / 2, and all is known
    mpmath.mp.dps = 50
    share = mpmath.mpf(3) / 4
    betas = [mpmath.mpf(k) / 8 for k in (2, 4, 8, 16)]
    p = [1 / (1 + mpmath.exp(-2 * b)) for b in betas]
    loss = [-share * mpmath.log(q) - (1 - share) * mpmath.log(1 - q) for q in p]
    best = minimise(
        [float(b) for b in betas], [float(x) for x in loss],
        [float(2 * (q - share)) for q in p], [float(4 * q * (1 - q)) for q in p], num_rows=4,
    )  # fmt: skip
    least = -share * mpmath.log(share) - (1 - share) * mpmath.log(1 - share)
    gain = loss[2] - least
    assert best.gain_bounds[0] <= gain <= best.gain_bounds[1]
    # the tangents at 0.5 and 1 meet below the minimum, by hand
    slope = [2 * (p[i] - share) for i in (1, 2)]
    step = (loss[2] - loss[1] - slope[1] / 2) / (slope[0] - slope[1])
    assert_allclose(best.gain_bounds[1], float(loss[2] - loss[1] - slope[0] * step), rtol=1e-14)
    assert_allclose(best.gain_bounds[0], float(loss[2] - loss[1]), rtol=1e-14)
    assert_allclose(best.gain, float(gain), rtol=1e-5)


def test_the_standard_error_is_that_of_repeated_data():
    found = [best_temperature(tempering_of(*rows(400, 5, 0.8, seed))) for seed in range(200)]
    logs = np.log([f.beta for f in found])
    # a standard deviation of 200 draws is known to 5 %: four of them
    assert_allclose(np.mean([f.standard_error for f in found]), logs.std(), rtol=0.2)


def test_separable_data_have_no_best_scale():
    logits, _ = rows(200, 3, 1.0)
    found = best_temperature(tempering_of(logits, logits.argmax(1)))
    assert found.beta == 8.0
    assert "separable" in found.note
    # the loss tends to 0, and no lower
    now = loss_at(logits, logits.argmax(1), 1.0)
    assert found.gain_bounds == (found.gain, pytest.approx(now, rel=1e-14))


def test_scores_that_point_the_wrong_way_are_best_ignored():
    logits, target = rows(500, 3, 1.0)
    found = best_temperature(tempering_of(-logits, target))
    assert (found.beta, found.temperature, found.standard_error) == (0.0, np.inf, np.inf)
    assert "no higher for the true class" in found.note
    low, high = found.gain_bounds
    # equally likely classes lose log 3
    assert low <= loss_at(-logits, target, 1.0) - np.log(3) <= high


def test_weak_scores_are_extrapolated():
    logits, target = rows(20_000, 3, 0.06)
    found = best_temperature(tempering_of(logits, target))
    assert 0 < found.beta < 0.125
    assert "extrapolated" in found.note
    low, high = found.gain_bounds
    assert low <= loss_at(logits, target, 1.0) - loss_at(logits, target, found.beta) <= high


def test_what_is_known_at_scale_0_makes_weak_scores_exact():
    logits, target = rows(20_000, 3, 0.06)
    state = tempering_of(logits, target)
    found = best_temperature(state, at_zero=np.log(3))
    best = minimize_scalar(
        lambda beta: loss_at(logits, target, beta), bounds=(0, 0.125), options={"xatol": 1e-9}
    )
    assert_allclose(found.beta, best.x, rtol=5e-3)
    # a cubic is off by L s**4 / 24, here s = 1/16 and L below 8; Newton's step by s**3
    assert abs(found.loss - best.fun) < 8 / 16**4 / 24
    assert abs(best_temperature(state).loss - best.fun) > 5 * abs(found.loss - best.fun)
    against = best_temperature(tempering_of(-logits, target), at_zero=np.log(3))
    assert (against.beta, against.loss) == (0.0, pytest.approx(np.log(3), rel=1e-15))


def test_evaluation_knows_what_equal_classes_lose():
    logits, target = rows(500, 3, 1.0)
    found = evaluate(target=target, logits=-logits)
    assert found.temperature.loss == pytest.approx(np.log(3), rel=1e-15)
    resolution = found.decomposition[0].resolution.value
    assert resolution == pytest.approx(found.frequency_log_loss - np.log(3), rel=1e-9)
    # where a class was impossible, equal classes are not what small scales tend to
    dead = -logits
    dead[target != 2, 2] = -np.inf
    limit = np.log(np.isfinite(dead).sum(axis=1)).mean()
    assert evaluate(target=target, logits=dead).temperature.loss == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize("classes", [1, 4])
def test_equal_logits_keep_their_temperature(classes):
    found = best_temperature(tempering_of(np.full((5, classes), 0.5), np.zeros(5, dtype=int)))
    assert (found.beta, found.gain, found.gain_bounds) == (1.0, 0.0, (0.0, 0.0))
    assert "same at every temperature" in found.note


def test_no_rows_have_no_temperature():
    state = tempering_of(np.zeros((1, 2)), np.zeros(1, dtype=int))
    state.weight = 0
    assert best_temperature(state) is None


def test_another_unit_scales_the_losses():
    found = best_temperature(tempering_of(*rows(200, 3, 0.5)))
    half = found.scaled(0.5)
    assert (half.loss, half.gain, half.beta) == (found.loss / 2, found.gain / 2, found.beta)
    assert half.gain_bounds == tuple(g / 2 for g in found.gain_bounds)
    assert found.null == 1 / 400
    assert half.null == 1 / 800
