"""Central moments of the losses: exact where nearly everything cancels."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xent.evaluation import Summary, evaluate
from xent.evaluation.groups.sums import MomentTally
from xent.evaluation.intervals.means import hall_interval
from xent.evaluation.summary.moments import Moments


def reference(nll, weight):
    """Moments in exact arithmetic, from what the kernel sums: t is rounded once to a double."""
    w = [Fraction(x) for x in np.asarray(weight, dtype=float).tolist()]
    t = [Fraction(x) for x in (np.asarray(weight, dtype=float) * nll).tolist()]
    total, squares = sum(w), sum(x * x for x in w)
    mean = sum(t) / total
    terms = [a - b * mean for a, b in zip(t, w, strict=True)]
    second = sum(x * x for x in terms) / squares
    third = total * sum(x**3 for x in terms) / squares**2
    return tuple(map(float, (total**2 / squares, mean, second, third)))


def moments(nll, weight=None):
    log_probs = {"log_probs": -np.asarray(nll, dtype=np.float64)}
    weights = {} if weight is None else {"weight": np.asarray(weight, dtype=np.float64)}
    return evaluate(**log_probs, **weights).summary.moments()


def left_out(nll, weight):
    """How far what is summed of these rows may be from its second and third moment.

    By what `PowerSums` says of a product, and where a moment is 0, by what counts as none.
    """
    rows, mean = len(nll), abs(np.average(nll, weights=weight))
    t, squares = weight * nll, (weight**2).sum()
    of_square = [(t * t, 1), (weight * t, 2 * mean), (weight**2, mean**2)]
    of_cube = [
        (t**3, 1), (weight * t**2, 3 * mean), (weight**2 * t, 3 * mean**2), (weight**3, mean**3)
    ]  # fmt: skip
    lost = []
    for parts, relative in ((of_square, 0.0), (of_cube, 2.0**-103)):
        each = [
            (k * (np.where(x > 4096, 0, np.minimum(2.0**-117, 2.0**-51 * x)) + relative * x)).sum()
            for x, k in parts
        ]
        lost.append(sum(each) + rows * 2.0**-1000 * (1 + t.max() + weight.max()))
    size = math.sqrt((t * t).sum()) + mean * math.sqrt(squares)
    unit = rows * (1 + mean) * 2.0**-117
    none = [
        2.0**-100 * (t * t).sum() + min(unit * (1 + mean), 2.0**-51 * size**2),
        min(unit * (1 + mean) ** 2, 2.0**-50 * size**3) + 2.0**-103 * size**3,
    ]
    scales = squares, squares**2 / weight.sum()
    return [[x / scale for x, scale in zip(of, scales, strict=True)] for of in (lost, none)]


@example(rows=[(5.2e-166, 1.0)], weighted=False)  # its square is lost, and 0 is not -inf
@example(rows=[(3e-7 * (1 + 1e-3 * k), 1.0) for k in range(9)], weighted=False)
@example(rows=[(1e-10 * (1 + 1e-3 * k), 1.0 + k) for k in range(9)], weighted=True)
@settings(deadline=None, max_examples=100)
@given(
    st.one_of(
        st.lists(
            st.tuples(st.floats(0, 700), st.floats(2.0**-20, 2.0**20) | st.just(0.0)),
            min_size=1,
            max_size=150,
        ).filter(lambda rows: any(w for _, w in rows)),
        # nearly equal, of any size
        st.builds(
            lambda size, spread, off: [(10.0**size * (1 + spread * k), 1 + abs(k)) for k in off],
            st.floats(-12, 2),
            st.sampled_from([1e-15, 1e-12, 1e-9, 1e-6, 1e-3]),
            st.lists(st.floats(-1, 1), min_size=2, max_size=50),
        ),
    ),
    st.booleans(),
)
def test_moments_are_those_of_exact_arithmetic(rows, weighted):
    nll, weight = map(np.array, zip(*rows, strict=True))
    if not weighted:
        weight = np.ones_like(nll)
    n, mean, *got = moments(nll, weight if weighted else None)
    expected_n, expected_mean, *expected = reference(nll, weight)
    assert (n, mean) == (expected_n, expected_mean)
    for a, b, lost, none in zip(got, expected, *left_out(nll, weight), strict=True):
        assert abs(a - b) <= (lost if a else none) + 1e-14 * abs(b)


CONSTANTS = 10.0 ** np.random.default_rng(0).uniform(-12, 2, size=1000)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("weighted", [False, True])
def test_values_that_are_equal_have_no_spread(weighted, sign):
    # of every size: what is kept of a square is above it as often as below
    values, group = np.repeat(sign * CONSTANTS, 20), np.repeat(np.arange(1000), 20)
    weight = np.random.default_rng(1).exponential(size=20_000) if weighted else None
    tally = MomentTally(1000)
    tally.add(group, values, weight)
    found = [sums.moments(20) for sums in tally.totals()]
    assert [(m.second, m.third) for m in found] == [(0.0, 0.0)] * 1000
    np.testing.assert_allclose([m.mean for m in found], sign * CONSTANTS, rtol=2**-51)


@pytest.mark.parametrize("nll", [2.302585092994046, 0.1, 1.5, 40.0, 0.0, *CONSTANTS[:100]])
@pytest.mark.parametrize("weight", [None, 0.75])
def test_equal_losses_have_no_spread(nll, weight):
    rows = [nll] * 1001
    got = moments(rows, None if weight is None else [weight] * 1001)
    # t is rounded, so that t / w need not be the loss
    assert got == Moments(1001.0, pytest.approx(nll, rel=2**-52, abs=0), 0.0, 0.0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1e-7, 1e-6, 1e-5])
def test_a_skewness_that_is_not_kept_does_not_move_an_interval(size, seed):
    nll = size * (1 + 1e-6 * np.random.default_rng(seed).normal(size=100))
    got = hall_interval(*moments(nll))
    expected = hall_interval(*reference(nll, np.ones(100)))
    half = (expected.high - expected.low) / 2
    # the skewness of a mean of 100 normal values is below 0.1, and moves an end by a third of it
    assert abs(got.low - expected.low) < 0.04 * half
    assert abs(got.high - expected.high) < 0.04 * half


def test_nearly_equal_losses_keep_the_digits_of_their_skewness():
    # plain sums of doubles would leave no digit of either: 1e-18 of 5 and 1e-27 of 12
    nll = np.log(10) + 1e-9 * np.random.default_rng(0).exponential(size=5000)
    # the cube of a loss is right to 2**-104
    np.testing.assert_allclose(moments(nll), reference(nll, np.ones_like(nll)), rtol=1e-3)
    np.testing.assert_allclose(moments(nll)[:3], reference(nll, np.ones_like(nll))[:3], rtol=1e-13)


def test_unweighted_moments_are_numpys():
    nll = np.random.default_rng(1).exponential(size=10_001)
    n, mean, second, third = moments(nll)
    assert n == 10_001
    np.testing.assert_allclose(
        [mean, second, third],
        [nll.mean(), nll.var(), ((nll - nll.mean()) ** 3).mean()],
        rtol=1e-11,  # NumPy's sums
    )


def test_weights_of_one_are_no_weights():
    nll = np.random.default_rng(2).exponential(size=777) ** 3
    assert moments(nll, np.ones(777)) == moments(nll)


def test_neither_the_scale_of_the_weights_nor_rows_without_weight_matter():
    rng = np.random.default_rng(3)
    nll, weight = rng.exponential(size=300), rng.integers(0, 5, size=300) / 4
    scaled = moments(nll, weight * 2.0**-30)
    np.testing.assert_allclose(scaled, moments(nll, weight), rtol=1e-14)
    assert moments(nll[weight > 0], weight[weight > 0]) == moments(nll, weight)


def test_the_variance_of_the_mean_is_that_of_the_linearised_terms():
    rng = np.random.default_rng(4)
    nll, weight = rng.exponential(size=300), rng.exponential(size=300)
    n, mean, second, third = moments(nll, weight)
    terms = weight * (nll - mean) / weight.sum()
    np.testing.assert_allclose(second / n, (terms**2).sum(), rtol=1e-12)
    skewness = (terms**3).sum() / (terms**2).sum() ** 1.5
    np.testing.assert_allclose(third / second**1.5 / n**0.5, skewness, rtol=1e-11)


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0, 4.0]])
def test_impossible_rows_are_left_out(weight):
    rows = [0.5, np.inf, 0.25, 1.0]
    kept = [0, 2, 3]
    expected = moments(np.take(rows, kept), weight and np.take(weight, kept))
    assert moments(rows, weight) == expected


def test_moments_of_labels_are_of_a_decision():
    target = np.array([[1, 0], [0, 1], [1, 1]])
    p = np.array([[0.5, 0.25], [0.125, 0.5], [1.0, 0.75]])
    summary = evaluate(labels=target, probs=p, task="multi").summary
    row = -(np.log(np.where(target == 1, p, 1 - p))).sum(axis=1) / 2
    n, mean, second, _ = summary.moments()
    assert (n, mean) == (3.0, summary.log_loss)
    np.testing.assert_allclose(second, row.var(), rtol=1e-14)


def test_no_rows_have_no_moments():
    n, *rest = Summary().moments()
    assert n == 0
    assert np.isnan(rest).all()


def test_huge_losses_have_huge_moments():
    n, mean, second, third = moments([1e200, 0.0])
    assert (n, mean) == (2.0, 5e199)
    assert second == third == np.inf


def test_sums_of_powers_are_exact():
    summary = evaluate(log_probs=[-0.1, -3.0], weight=[0.5, 3.0]).summary
    t = [Fraction(0.5 * 0.1), Fraction(9)]
    w = [Fraction(0.5), Fraction(3)]
    one = 1 << 1074
    # of 2**-118, or of what a double of 2**-53 loses
    for name, power in [
        ("sum_nll_squared", [a * a for a in t]),
        ("sum_weighted_nll", [a * b for a, b in zip(w, t, strict=True)]),
        ("sum_weight_squared", [a * a for a in w]),
    ]:
        assert abs(Fraction(getattr(summary, name), one) - sum(power)) < Fraction(1, 2**117)
