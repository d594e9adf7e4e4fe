"""Isotonic curves against scikit-learn's and against the definition."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from xent.evaluation.recalibration.isotonic import Curve, against_rest, fit_curve, rising


def binary(rng, n=500, ties=False):
    x = rng.normal(size=n) * 2
    if ties:
        x = np.round(x * 3) / 3
    y = (rng.random(n) < expit(0.6 * x + 0.3)).astype(np.int64)
    return x, y, rng.integers(0, 5, size=n) / 4


@pytest.mark.parametrize("ties", [False, True])
def test_a_curve_is_that_of_scikit_learn_drawn_to_the_middle(rng, ties):
    x, y, weight = binary(rng, ties=ties)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=weight)
    curve = fit_curve(x, y, weight, effective=99.0)
    at = np.linspace(-9, 9, 1001)
    expected = (99 * theirs.predict(at) + 0.5) / 100
    assert curve(at) == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_what_rises_least_loses_least(rng):
    x, y, weight = binary(rng, n=60)
    blocks = rising(x, y, weight)
    fitted = np.interp(x, np.ravel([blocks.lowest, blocks.highest], order="F"),
                       np.repeat(blocks.frequency, 2))  # fmt: skip

    def loss(p):
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(y == 1, -np.log(p), -np.log1p(-p))
        return np.sum(np.where(weight > 0, weight * terms, 0))

    best = loss(fitted)
    assert np.isfinite(best)
    for _ in range(200):  # rising curves nearby are no better
        other = np.maximum.accumulate(fitted[np.argsort(x)] + rng.normal(size=60) * 0.05)
        back = np.empty(60)
        back[np.argsort(x)] = np.clip(other, 0, 1)
        assert loss(back) >= best - 1e-12


def test_a_curve_is_never_0_or_1():
    curve = fit_curve(np.array([-1.0, 1.0]), np.array([0, 1]), np.ones(2), 2.0)
    assert curve(np.array([-np.inf, -1.0, 1.0, np.inf])).tolist() == pytest.approx(
        [1 / 6, 1 / 6, 5 / 6, 5 / 6]
    )


def test_logits_without_end_are_a_group_of_their_own():
    x = np.array([-np.inf, -np.inf, -700.0, np.inf])
    blocks = rising(x, np.array([0, 1, 1, 1]), np.ones(4))
    assert blocks.frequency.tolist() == [0.5, 1.0]


def test_rows_of_weight_0_do_not_bend_it():
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0, 1, 1])
    without = fit_curve(x[[0, 2]], y[[0, 2]], np.ones(2), 2.0)
    assert fit_curve(x, 1 - y * (x != 1), np.array([1.0, 0.0, 1.0]), 2.0) != without
    assert fit_curve(x, y, np.array([1.0, 0.0, 1.0]), 2.0) == without


def test_a_curve_is_straight_between_its_points_and_level_beyond():
    curve = Curve((0.0, 1.0), (0.2, 0.6))
    assert curve(np.array([-5.0, 0.0, 0.5, 1.0, 5.0])).tolist() == pytest.approx(
        [0.2, 0.2, 0.4, 0.6, 0.6]
    )


def test_log_odds_against_the_rest_keep_their_digits():
    p = np.array([1e-300, 1e-20, 0.5, 1 - 1e-16])
    assert against_rest(np.log(p))[:3] == pytest.approx(logit(p[:3]), rel=1e-14)
    # log p of -1e-20 is of a p that no double is: only the log tells how far from 1 it is
    assert against_rest(np.array([-1e-20, 0.0])).tolist() == pytest.approx([46.0517018598, np.inf])
