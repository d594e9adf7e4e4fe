"""Intervals: their formulas in fifty digits, their symmetries, and what has no interval."""

import json
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.errors import XentValueError
from xent.evaluation import compare, evaluate
from xent.evaluation.intervals.means import (
    Interval,
    bootstrap_interval,
    cluster_interval,
    hall_interval,
)
from xent.evaluation.intervals.student import student_quantile
from xent.report.machine import to_json


def moments(values):
    values = np.asarray(values, dtype=np.float64)
    off = values - values.mean()
    return len(values), values.mean(), (off**2).mean(), (off**3).mean()


def hall_in_fifty_digits(n, mean, variance, third, level):
    with mpmath.workdps(50):
        n, mean, variance, third = map(mpmath.mpf, (n, mean, variance, third))
        s = mpmath.sqrt(variance / (n - 1))
        a = third / variance ** mpmath.mpf(1.5) / mpmath.sqrt(n)

        def transformed(x):
            return ((1 + a * x / 3) ** 3 - 1) / a + a / 6

        t = -mpmath.mpf(student_quantile((1 - level) / 2, float(n) - 1))
        ends = []
        for z in (t, -t):
            x = mpmath.findroot(lambda x, z=z: transformed(x) - z, (-50, 50), solver="anderson")
            ends.append(float(mean - s * x))
        return ends


@pytest.mark.parametrize(
    "n, mean, variance, third, level",
    [
        (100, 0.3, 0.25, 0.5, 0.95),
        (100, 0.3, 0.25, 1e-9, 0.95),
        (1000, 5.0, 2.0, -7.0, 0.99),
        (12, 0.1, 0.08, 0.07, 0.9),
        (1e7, 1.0, 0.5, 2.0, 0.6827),
    ],
)
def test_hall_in_fifty_digits(n, mean, variance, third, level):
    found = hall_interval(n, mean, variance, third, level)
    expected = hall_in_fifty_digits(n, mean, variance, third, level)
    assert [found.low, found.high] == pytest.approx(expected, rel=1e-10)
    assert (found.level, found.method, found.note) == (level, "hall", "")


def test_hall_without_skewness_is_student():
    found = hall_interval(10, 1.0, 9.0, 0.0)
    width = student_quantile(0.975, 9) * 1.0
    assert [found.low, found.high] == pytest.approx([1 - width, 1 + width], rel=1e-14)


# a spread that rounding of the values does not drown
spread = st.lists(st.floats(-100, 100), min_size=4, max_size=50).filter(lambda v: np.std(v) > 1e-3)


@given(spread)
def test_hall_of_mirrored_values_is_mirrored(values):
    a = hall_interval(*moments(values))
    b = hall_interval(*moments(-np.array(values)))
    assert [a.low, a.high] == pytest.approx([-b.high, -b.low], rel=1e-6, abs=1e-6)


@given(spread, st.floats(0.1, 10), st.floats(-5, 5))
def test_hall_moves_and_stretches_with_the_values(values, scale, shift):
    a = hall_interval(*moments(values))
    b = hall_interval(*moments(scale * np.array(values) + shift))
    assert [b.low, b.high] == pytest.approx(
        [scale * a.low + shift, scale * a.high + shift], rel=1e-5, abs=1e-5
    )


@given(spread, st.floats(0.02, 0.98))
def test_hall_has_the_mean_inside_and_grows_with_its_level(values, level):
    n, mean, variance, third = moments(values)
    narrow = hall_interval(n, mean, variance, third, level)
    wide = hall_interval(n, mean, variance, third, level + 0.01)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high
    # at small levels the transform puts the median, not the mean, in the middle
    if level > 0.5:
        assert narrow.low <= mean <= narrow.high


def test_one_large_value_reaches_far_up_and_not_down():
    found = hall_interval(*moments([0.0] * 99 + [10.0]))
    assert found.low > -0.03  # Student's t: -0.10 and 0.30
    assert found.high > 0.7


@pytest.mark.parametrize(
    "n, variance, third, note",
    [
        (1, 0.0, 0.0, "one row"),
        (0, math.nan, math.nan, "too large"),
        (100, math.inf, math.inf, "too large"),
    ],
)
def test_what_has_no_interval(n, variance, third, note):
    found = hall_interval(n, 0.5, variance, third)
    assert not found
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert note in found.note


def test_equal_values_have_a_width_of_zero_and_say_so():
    found = hall_interval(50, 0.7, 0.0, 0.0)
    assert (found.low, found.high, found.note) == (0.7, 0.7, "all losses are equal")


def test_losses_so_small_that_their_cubes_are_no_doubles():
    small, large = (evaluate(log_probs=-np.array([1, 2, 4]) * f).interval for f in (1e-110, 1))
    # without its cubes the interval is Student's: symmetric, but for what cannot be
    mean, half = 7 / 3, math.sqrt(14 / 9 / 2) * student_quantile(0.975, 2)
    assert (small.low, small.high) == pytest.approx((0.0, (mean + half) * 1e-110), rel=1e-12)
    assert large.high > mean + half


def test_a_loss_is_never_below_zero():
    values = [0.0] * 5 + [1.0]
    assert hall_interval(*moments(values)).low < 0
    assert hall_interval(*moments(values), least=0.0).low == 0
    # a mean that rounding left below 0 stays inside
    assert hall_interval(9, -1e-9, 1e-20, 0.0, least=0.0).low == -1e-9


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, math.nan, "0.95", True])
def test_a_level_is_a_share(level):
    with pytest.raises(XentValueError, match=r"level must be in \(0, 1\)") as error:
        hall_interval(10, 1.0, 1.0, 0.0, level)
    assert ("0.95 is 95 %" in str(error.value)) == (level == 95)


def test_units_and_perplexity():
    found = Interval(0.5, 1000.0, 0.95, "hall", "a note")
    assert found.scaled(2) == Interval(1.0, 2000.0, 0.95, "hall", "a note")
    assert found.exp() == Interval(math.exp(0.5), math.inf, 0.95, "hall", "a note")


# clusters -------------------------------------------------------------------------------


def test_clusters_by_the_formula():
    rng = np.random.default_rng(3)
    totals, weights = rng.exponential(size=30), rng.uniform(1, 5, 30)
    mean = totals.sum() / weights.sum()
    off = (totals - mean * weights) / weights.sum()
    # Hall's interval of G values whose mean has this error and skewness
    same = hall_interval(30, mean, (off**2).sum() * 30, (off**3).sum() * 900)
    found = cluster_interval(totals, weights)
    assert [found.low, found.high] == pytest.approx([same.low, same.high], rel=1e-12)
    # CR1 itself: symmetric values have no skewness
    totals = np.concatenate([totals, -totals])
    found = cluster_interval(totals, np.ones(60))
    error = math.sqrt(60 / 59 * (totals**2).sum()) / 60
    assert found.high == pytest.approx(error * student_quantile(0.975, 59), rel=1e-9)
    assert found.note == ""


def test_a_cluster_a_row_is_as_without_clusters():
    values = np.random.default_rng(4).exponential(size=200)
    found, same = cluster_interval(values, np.ones(200)), hall_interval(*moments(values))
    assert [found.low, found.high] == pytest.approx([same.low, same.high], rel=1e-12)


def test_whole_numbers_of_a_tiny_unit_are_a_unit():
    one = 2**1074
    whole = cluster_interval([3 * one, one, 2 * one, 2 * one], [5 * one] * 4)
    assert whole == cluster_interval([3.0, 1.0, 2.0, 2.0], [5, 5, 5, 5])


def test_few_clusters():
    assert cluster_interval([1.0, 2.0], [1, 1]).note == "only 2 clusters"
    assert not cluster_interval([1.0], [1])
    assert "1 cluster has no spread" in cluster_interval([1.0, 0.0], [1, 0]).note
    equal = cluster_interval([0.5] * 30, [1] * 30)
    assert (equal.low, equal.high, equal.note) == (0.5, 0.5, "all 30 clusters are equal")
    assert not cluster_interval([1.0, math.inf], [1, 1])


# bootstrap ------------------------------------------------------------------------------


def test_bootstrap_by_numpy():
    rng = np.random.default_rng(5)
    means, errors = rng.normal(1, 0.1, 999), rng.uniform(0.05, 0.2, 999)
    t = (means - 1.02) / errors
    q = np.quantile(t, [0.975, 0.025], method="weibull")  # order statistics at (R + 1) p
    found = bootstrap_interval(1.02, 0.1, means, errors)
    assert [found.low, found.high] == pytest.approx(1.02 - 0.1 * q, rel=1e-12)


def test_replicates_without_spread_or_rows():
    means = [0.5] * 90 + [0.9] * 10 + [math.nan] * 5
    errors = [0.1] * 90 + [0.0] * 10 + [math.nan] * 5
    found = bootstrap_interval(0.5, 0.1, means, errors, 0.9)
    assert (found.low, found.high) == (-math.inf, 0.5)
    assert bootstrap_interval(0.5, 0.1, means, errors, 0.9, least=0.0).low == 0
    assert bootstrap_interval(0.5, 0.0, means, errors).note == "all losses are equal"
    assert "20 replicates are too few" in bootstrap_interval(0.5, 0.1, [0.5] * 20, [0.1] * 20).note
    assert not bootstrap_interval(math.inf, 0.1, means, errors)


def test_weights_that_make_one_row_of_three_leave_no_spread():
    data = {"target": [1, 1, 0], "probs": [0.5, 0.25, 0.5], "weight": [1e12, 1e-300, 7]}
    e = evaluate(**data)
    assert not e.interval
    assert "no spread" in e.interval.note
    assert "no spread" in str(e)


@pytest.mark.parametrize("level", [np.float32(0.9), np.float64(0.9), Fraction(9, 10)])
def test_a_level_may_be_any_number(level):
    found = hall_interval(100, 0.3, 0.25, 0.5, level)
    assert found == hall_interval(100, 0.3, 0.25, 0.5, float(level))
    assert type(found.level) is float
    result = evaluate(([0, 1, 1], [0.25, 0.5, 0.75]), level=level)
    assert type(result.level) is type(result.interval.level) is float
    assert json.loads(json.dumps(result.to_dict()))["interval"]["level"] == float(level)
    compared = compare(*[([0, 1, 1], [0.25, 0.5, p]) for p in (0.5, 0.75)], level=level)
    assert type(compared.level) is float


@pytest.mark.parametrize("level", [True, np.True_, "0.9", None, 1, np.nan, 0.9j])
def test_what_is_no_level_is_refused(level):
    with pytest.raises(XentValueError, match=r"level must be in \(0, 1\), got "):
        hall_interval(100, 0.3, 0.25, 0.5, level)


def test_machines_are_told_why_there_is_no_interval():
    columns = {
        "label": [1, 0, 1],
        "p": [0.5, 0.25, 0.75],
        "q": [0.5, 0.25, 0.5],
        "s": ["a", "b", "b"],
    }
    e = evaluate(columns, target="label", probs="p", by="s")
    one, two = json.loads(to_json(e.to_dict()))["slices"]
    note = "one row has no spread to judge by"
    assert one["interval"] == {
        "low": None, "high": None, "level": 0.95, "method": "hall", "note": note
    }  # fmt: skip
    assert two["interval"] == vars(e.slices[1].interval)
    both = compare(columns, each=[{"probs": "p"}, {"probs": "q"}], target="label", by="s")
    one, two = json.loads(to_json(both.to_dict()))["slices"]
    assert [one[f"difference_{part}"] for part in ("low", "high", "note")] == [None, None, note]
    assert two["difference_low"] == both.slices[1].interval.low
    # of all rows too: what is infinite has no interval, and its slice by cluster none
    impossible = {**columns, "p": [0.0, 0.25, 0.75], "u": [1, 2, 2]}
    found = evaluate(impossible, target="label", probs="p", by="s", cluster="u").to_dict()
    assert found["interval"]["low"] is found["perplexity_interval"]["high"] is None
    assert "impossible" in found["interval"]["note"]
    assert found["slices"][0]["interval"]["note"] == "the loss is infinite"
    assert found["slices"][1]["interval"]["method"] == "cluster"
    assert found["slices"][1]["interval"]["note"] == "1 cluster has no spread to judge by"
