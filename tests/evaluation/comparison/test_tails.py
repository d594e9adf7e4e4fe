"""p-values against exact arithmetic and SciPy."""

import math

import mpmath
import pytest
from scipy import stats

from xent.evaluation.comparison.tails import coin_p_value, t_p_value


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 63, 127, 128, 1000, 9999, 10_000, 1e6, 1e9])
@pytest.mark.parametrize("t", [1e-9, 0.1, 1.0, 1.96, 5.0, 30.0])
def test_students_tails_are_those_of_exact_arithmetic(t, freedom):
    with mpmath.workdps(40):
        n, square = mpmath.mpf(freedom), mpmath.mpf(t) ** 2
        expected = mpmath.betainc(n / 2, 0.5, 0, n / (n + square), regularized=True)
        error = abs(t_p_value(t, freedom) / expected - 1)
    # the continued fraction begins with 1 - x: near 1 that costs a factor of the freedom
    assert error < 2e-12
    assert t_p_value(-t, freedom) == t_p_value(t, freedom)


def test_students_tails_at_their_ends():
    assert t_p_value(0.0, 5) == 1.0
    assert t_p_value(math.inf, 5) == 0.0
    assert math.isnan(t_p_value(math.nan, 5))
    assert math.isnan(t_p_value(1.0, 0))


@pytest.mark.parametrize(
    ("heads", "tails"),
    [(0, 0), (0, 1), (3, 9), (9, 3), (7, 7), (7, 8), (85, 15), (2040, 2056), (2000, 2200),
     (100_000, 101_000), (5_000_000, 5_002_000), (1, 4500), (4500, 20)],
)  # fmt: skip
def test_the_sign_test_is_that_of_scipy(heads, tails):
    expected = stats.binomtest(heads, heads + tails).pvalue if heads + tails else 1.0
    assert coin_p_value(heads, tails) == pytest.approx(expected, rel=1e-11)
