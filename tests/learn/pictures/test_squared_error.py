"""The numbers of chapter 4: the race, the slopes, the two fits and the scores."""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from xent.learn.pictures.squared_error import proper, race, raw_outputs, slopes
from xent.losses import half_squared_error, sigmoid, sigmoid_cross_entropy, value_and_grad

# The race ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "cross_entropy", "squared_error"),
    [(-2.0, 3, 8), (-5.0, 6, 85), (-8.0, 9, 1507), (-10.0, 11, 11034)],
)
def test_the_steps_that_are_told(start, cross_entropy, squared_error):
    found = race.run(start, 1.0)
    assert (found.cross_entropy.steps, found.squared_error.steps) == (cross_entropy, squared_error)


@pytest.mark.parametrize("start", [-3.0, -8.0])
def test_the_steps_in_50_digit_arithmetic(start):
    with mpmath.workdps(50):
        for lane, slope in (
            (race.run(start, 1.0).cross_entropy, lambda p: p - 1),
            (race.run(start, 1.0).squared_error, lambda p: 2 * (p - 1) * p * (1 - p)),
        ):
            z = mpmath.mpf(start)
            steps = 0
            while 1 / (1 + mpmath.exp(-z)) <= mpmath.mpf(1) / 2:
                z -= slope(1 / (1 + mpmath.exp(-z)))
                steps += 1
            assert steps == lane.steps
            # each step adds a rounding of z and of the slope, which the next ones carry along
            assert abs(lane.outputs[-1] - float(z)) <= steps * 2e-15 * 8


@pytest.mark.parametrize("factor", [2.0, 1.0])
def test_the_slopes_of_the_lanes_are_the_gradients_of_the_losses(factor):
    z = np.linspace(-12, 4, 33)
    ones = np.ones_like(z)
    _, expected = value_and_grad(sigmoid_cross_entropy)(z, ones, reduction="sum")
    assert_allclose([race.cross_entropy_slope(x) for x in z], expected, rtol=1e-15)
    p = sigmoid(z)
    _, by_p = value_and_grad(half_squared_error)(p, ones, reduction="sum")
    by_z = factor * by_p * p * sigmoid(-z)
    # p - 1 is rounded at the scale of 1
    allowed = 4 * np.finfo(float).eps * factor * p * sigmoid(-z)
    assert (abs([race.squared_error_slope(x, factor) for x in z] - by_z) <= allowed).all()


def test_a_lane_ends_with_the_first_right_answer():
    found = race.run(-4.0, 0.5)
    for lane in (found.cross_entropy, found.squared_error):
        assert lane.finished
        assert (lane.outputs[:-1] <= 0).all()
        assert lane.outputs[-1] > 0


def test_half_the_squared_error_takes_about_twice_as_long():
    assert race.run(-8.0, 1.0, factor=1.0).squared_error.steps == 3011


def test_the_raw_output_needs_one_step_and_a_rate_that_is_not_too_large():
    assert race.run(-8.0, 0.5).raw.outputs.tolist() == [-8.0, 1.0]
    too_large = race.run(-8.0, 1.0)
    assert too_large.raw.outputs.tolist() == [-8.0, 10.0]
    assert too_large.raw_factor == -1  # as far on the other side, for ever


def test_a_race_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(race, "LIMIT", 1000)
    race.run.cache_clear()
    lane = race.run(-8.0, 1.0).squared_error
    race.run.cache_clear()
    assert not lane.finished
    assert lane.steps == 1000


# The slopes -------------------------------------------------------------------


@pytest.mark.parametrize("label", [0, 1])
def test_the_derivatives_in_50_digit_arithmetic(label):
    z = np.array([-40.0, -8.0, -2.0, -0.5, 0.0, 0.3, 3.0, 40.0])
    found = slopes.compute(z, label)
    with mpmath.workdps(50):

        def squared(x):
            return (1 / (1 + mpmath.exp(-x)) - label) ** 2

        def nll(x):
            return mpmath.log(1 + mpmath.exp(x)) - label * x

        for loss, first, second in (
            (squared, found.squared_error, found.squared_error_curvature),
            (nll, found.cross_entropy, found.cross_entropy_curvature),
        ):
            expected = [float(mpmath.diff(loss, mpmath.mpf(x))) for x in z]
            assert_allclose(first, expected, rtol=1e-14)
            expected = [float(mpmath.diff(loss, mpmath.mpf(x), 2)) for x in z]
            assert_allclose(second, expected, rtol=1e-13)


def test_the_squared_error_is_concave_below_one_third():
    edge = -math.log(2)  # where p is 1/3
    assert slopes.compute([edge - 1e-6], 1).squared_error_curvature[0] < 0
    assert slopes.compute([edge + 1e-6], 1).squared_error_curvature[0] > 0
    # and for the other label, above two thirds
    assert slopes.compute([-edge - 1e-6], 0).squared_error_curvature[0] > 0
    assert slopes.compute([-edge + 1e-6], 0).squared_error_curvature[0] < 0


def test_the_squared_error_never_pushes_harder_than_8_27ths():
    assert_allclose(abs(slopes.compute([-math.log(2)], 1).squared_error[0]), 8 / 27, rtol=1e-15)
    z = np.linspace(-20, 20, 4001)
    assert abs(slopes.compute(z, 1).squared_error).max() <= 8 / 27


def test_the_table_of_the_ratios():
    ratio = slopes.compute([-2.0, -5.0, -10.0], 1).ratio
    assert_allclose(ratio, [4.76, 75.2, 1.1e4], rtol=5e-3)


# Raw outputs ------------------------------------------------------------------


@pytest.mark.parametrize("far", [2.0, 10.0, 30.0])
def test_the_logistic_fit_is_where_its_gradient_is_0(far):
    found = raw_outputs.fit(far)
    design = np.column_stack([np.ones_like(found.x), found.x])
    _, slope = value_and_grad(sigmoid_cross_entropy)(
        design @ np.array(found.logistic), found.y, reduction="sum"
    )
    # a row of the gradient has 25 terms of at most |x|
    assert abs(design.T @ slope).max() <= 25 * far * np.finfo(float).eps * 4


def test_the_line_is_where_the_gradient_of_the_squared_error_is_0():
    found = raw_outputs.fit(5.0)
    output = found.line[0] + found.line[1] * found.x
    _, slope = value_and_grad(half_squared_error)(output, found.y, reduction="sum")
    assert_allclose([slope.sum(), (slope * found.x).sum()], 0, atol=1e-13)


def test_both_fits_agree_until_an_easy_point_is_far_away():
    near, far = raw_outputs.fit(2.0), raw_outputs.fit(30.0)
    assert near.errors(near.line_boundary) == near.errors(near.logistic_boundary) == 2
    assert far.errors(far.logistic_boundary) == 2
    assert far.errors(far.line_boundary) == 4
    assert abs(far.logistic_boundary - near.logistic_boundary) < 1e-3


# Proper scores ----------------------------------------------------------------


@pytest.mark.parametrize("truth", [0.01, 0.3, 0.5, 0.7, 0.99])
def test_the_truth_is_the_best_answer_to_a_proper_score(truth):
    scores = proper.expected(truth)
    assert scores.best("log_score") == truth
    assert scores.best("brier") == truth
    assert_allclose(scores.brier.min(), truth * (1 - truth), rtol=1e-14)


def test_the_absolute_error_is_best_for_who_exaggerates():
    assert proper.expected(0.7).best("absolute") == 1
    assert proper.expected(0.3).best("absolute") == 0


def test_the_scores_are_their_formulas():
    scores = proper.expected(0.7, [0.2])
    assert_allclose(scores.log_score, -0.7 * np.log(0.2) - 0.3 * np.log(0.8), rtol=1e-15)
    assert_allclose(scores.brier, 0.7 * 0.8**2 + 0.3 * 0.2**2, rtol=1e-15)
    assert_allclose(scores.absolute, 0.7 * 0.8 + 0.3 * 0.2, rtol=1e-15)


def test_what_is_certain_costs_nothing_and_its_opposite_everything():
    scores = proper.expected(1.0)
    assert (scores.log_score[-1], scores.log_score[0]) == (0, np.inf)
