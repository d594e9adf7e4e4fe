"""Quantiles of Student's t, against scipy and against 50-digit arithmetic."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation.intervals.student import student_quantile

DEGREES = [0.1, 0.5, 1, 1.5, 2, 3, 4.7, 10, 29, 99, 100.5, 999, 5000, 9999, 10_000, 1e5, 1e7, 1e12]
CHANCES = [1e-12, 1e-9, 1e-6, 1e-4, 0.0005, 0.005, 0.025, 0.05, 0.1, 0.25, 0.4, 0.49, 0.4999]
CHANCES += [0.6, 0.75, 0.975, 0.995, 0.999999]


def near(found, expected):
    return abs(found - expected) <= 1e-12 * abs(expected) + 3e-16


@pytest.mark.parametrize("df", DEGREES)
def test_scipy_agrees(df):
    stats = pytest.importorskip("scipy.stats")
    for p in CHANCES:
        assert near(student_quantile(p, df), stats.t.ppf(p, df)), p


@pytest.mark.parametrize("df", [0.25, 1, 3, 8.5, 99, 9999, 10_001])
@pytest.mark.parametrize("p", [1e-9, 0.005, 0.025, 0.3])
def test_fifty_digits_agree(p, df):
    with mpmath.workdps(50):
        t = mpmath.mpf(student_quantile(p, df))
        nu = mpmath.mpf(df)

        def tail(t):
            return mpmath.betainc(nu / 2, 0.5, 0, nu / (nu + t * t), regularized=True) / 2

        density = mpmath.diff(tail, -t)
        exact = t - (tail(-t) - mpmath.mpf(p)) / -density  # one step of Newton from near by
        assert near(float(t), float(exact))


def test_closed_forms():
    for p in CHANCES:
        with mpmath.workdps(50):
            exact = mpmath.mpf(p)
            cauchy = -1 / mpmath.tan(mpmath.pi * exact)
            of_two = (2 * exact - 1) / mpmath.sqrt(2 * exact * (1 - exact))
        assert near(student_quantile(p, 1), float(cauchy))
        assert near(student_quantile(p, 2), float(of_two))


def test_the_normal_distribution_is_the_limit():
    assert near(student_quantile(0.975, math.inf), 1.9599639845400545)
    assert student_quantile(0.5, 7) == 0


@given(st.floats(1e-12, 0.499), st.floats(0.1, 1e9))
def test_the_two_sides_mirror(p, df):
    q = 1 - p
    assert student_quantile(q, df) == pytest.approx(-student_quantile(1 - q, df), rel=1e-12)


@given(st.floats(1e-10, 0.49), st.floats(0.1, 1e6))
def test_more_degrees_are_nearer_the_middle(p, df):
    assert student_quantile(p, df) <= student_quantile(p, df * 1.5) * (1 - 1e-9)


@pytest.mark.parametrize("p, df", [(0, 1), (1, 1), (math.nan, 1), (0.5, 0), (0.5, math.nan)])
def test_what_has_no_quantile(p, df):
    with pytest.raises(ValueError, match="must be"):
        student_quantile(p, df)


def test_many_degrees_join_without_a_step():
    # the series takes over at 10,000 degrees
    below, above = (student_quantile(0.001, np.nextafter(1e4, side)) for side in (0, 2e4))
    assert abs(below - above) < 1e-13
