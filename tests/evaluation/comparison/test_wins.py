"""Wins and right answers."""

import math

import numpy as np
import pytest
from scipy import stats

from xent.evaluation.comparison.several import holm
from xent.evaluation.comparison.wins import Accuracy, Wins, wilson_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (3, 10), (512, 1000)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_wilsons_interval_is_that_of_scipy(successes, trials, level):
    expected = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    found = wilson_interval(successes, trials, level)
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-12, abs=1e-15)


def test_wins_and_ties():
    a = np.array([1.0, 2.0, 3.0, math.inf, math.inf, 0.0])
    b = np.array([2.0, 1.0, 3.0, 5.0, math.inf, math.inf])
    wins = Wins.of(a, b)
    assert (wins.a, wins.b, wins.ties) == (2, 2, 2)
    assert wins.rate == 0.5
    assert wins.interval(0.95) == wilson_interval(3, 6)


def test_accuracy_and_mcnemar():
    right_a = np.array([1, 1, 1, 1, 1, 0, 0, 1], dtype=bool)
    right_b = np.array([1, 0, 0, 0, 0, 0, 1, 0], dtype=bool)
    found = Accuracy.of(right_a, right_b)
    assert (found.both, found.only_a, found.only_b, found.neither) == (1, 5, 1, 1)
    assert (found.a, found.b, found.difference) == (0.75, 0.25, 0.5)
    assert found.p_value == pytest.approx(stats.binomtest(5, 6).pvalue)
    half = Accuracy.of(right_a[:4], right_b[:4]) + Accuracy.of(right_a[4:], right_b[4:])
    assert half == found


def test_holm():
    p = [0.01, 0.04, 0.03, 0.5, math.nan]
    assert holm(p)[:4] == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert math.isnan(holm(p)[4])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]
