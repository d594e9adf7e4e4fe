"""Entropy from counts: published values, the integral by other means, and honest spreads."""

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from xent.errors import MisuseWarning, XentTypeError, XentValueError
from xent.information import entropy_from_counts
from xent.information._counts import ESTIMATORS
from xent.information._special import digamma, log_rising, trigamma

SKEWED = [4, 12, 4, 5, 3, 1, 5, 1, 2, 2, 2, 2, 11, 3, 4, 12, 12, 1, 2]
SMALL = [1, 2, 3, 2, 1]


@pytest.mark.parametrize(
    ("counts", "estimator", "published"),
    [
        # R's entropy package, by way of the tests of DiscreteEntropy.jl
        (SMALL, "plug-in", 1.522955),
        (SMALL, "miller-madow", 1.745177),
        (SMALL, "chao-shen", 1.876548),
        (SMALL, "james-stein", 1.609438),
        # infomeasure 0.6.3
        (SKEWED, "miller-madow", 2.737717),
        (SKEWED, "chao-shen", 2.761664),
        (SKEWED, "james-stein", 2.786418),
    ],
)
@pytest.mark.filterwarnings("ignore:D28")
def test_published_values(counts, estimator, published):
    assert abs(entropy_from_counts(counts, estimator=estimator).value - published) <= 5.1e-7


@pytest.mark.parametrize(
    ("counts", "classes", "published"),
    [
        (SKEWED, 100, 2.806097),  # ndd gives 2.80609
        ([3, 2, 3, 2, 3, 2, 3, 2], None, 2.033169),
        ([2, 2, 1, 1, 1], None, 1.50504),  # the sample 1, 2, 3, 4, 5, 1, 2
    ],
)
def test_published_values_of_nsb(counts, classes, published):
    value, sd = entropy_from_counts(counts, estimator="nsb", classes=classes)
    assert abs(value - published) <= 5.1e-6
    assert 0 < sd < 0.2


def by_quadrature(counts, classes):
    """The moments of the NSB posterior, from the formulas of the papers in high precision."""
    n = list(counts) + [0] * (classes - len(counts))
    total = sum(n)

    def weight(u):
        beta = mp.exp(u)
        log_evidence = mp.loggamma(classes * beta) - mp.loggamma(total + classes * beta)
        log_evidence += sum(mp.loggamma(k + beta) - mp.loggamma(beta) for k in n)
        prior = classes * mp.psi(1, classes * beta + 1) - mp.psi(1, beta + 1)
        return mp.exp(log_evidence + total * mp.log(classes)) * prior * beta

    def moments(u):
        a = [k + mp.exp(u) for k in n]
        size = sum(a)
        first = mp.psi(0, size + 1) - sum(x * mp.psi(0, x + 1) for x in a) / size
        top, below = mp.psi(0, size + 2), mp.psi(1, size + 2)
        pairs = sum(x * (mp.psi(0, x + 1) - top) for x in a) ** 2 - sum(
            (x * (mp.psi(0, x + 1) - top)) ** 2 for x in a
        )
        pairs -= (size**2 - sum(x * x for x in a)) * below
        own = sum(
            x * (x + 1) * ((mp.psi(0, x + 2) - top) ** 2 + mp.psi(1, x + 2) - below) for x in a
        )
        return first, (pairs + own) / (size * (size + 1))

    pieces = [-40, -10, -3, 0, 3, 10, 40]
    norm = mp.quad(weight, pieces)
    mean = mp.quad(lambda u: weight(u) * moments(u)[0], pieces) / norm
    square = mp.quad(lambda u: weight(u) * moments(u)[1], pieces) / norm
    return float(mean), float(mp.sqrt(square - mean**2))


def test_nsb_is_the_integral_of_its_definition():
    with mp.workdps(18):
        expected = by_quadrature([5, 2, 1], 4)
    # digamma and the sums are right to a few eps, the equal steps to all digits
    assert_allclose(
        entropy_from_counts([5, 2, 1], estimator="nsb", classes=4), expected, rtol=1e-11
    )


def test_dirichlet_moments_are_those_of_draws_from_the_posterior(rng):
    counts, alpha, draws = np.array([5, 2, 1, 0]), 0.7, 200_000
    p = rng.dirichlet(counts + alpha, draws)
    h = -(p * np.log(np.where(p > 0, p, 1))).sum(-1)
    value, sd = entropy_from_counts(counts, estimator="dirichlet", alpha=alpha)
    # five standard errors of a mean, and of a standard deviation
    assert abs(value - h.mean()) <= 5 * h.std() / np.sqrt(draws)
    assert abs(sd / h.std() - 1) <= 5 * 2 / np.sqrt(2 * draws)


def test_grassberger_by_its_table():
    # G(1) = -gamma - log 2, G(2) = G(3) = 2 - gamma - log 2 (2003, after equation 30)
    g1 = -np.euler_gamma - np.log(2)
    g2 = 2 + g1
    expected = np.log(9) - (2 * g1 + 4 * g2 + 3 * g2) / 9
    assert_allclose(entropy_from_counts(SMALL, estimator="grassberger").value, expected, rtol=1e-14)


@pytest.mark.parametrize("estimator", ["miller-madow", "grassberger", "chao-shen", "nsb"])
@pytest.mark.filterwarnings("ignore:D28")
def test_corrections_come_closer_to_the_truth_than_the_frequencies(rng, estimator):
    p = np.full(100, 0.01)
    errors = {estimator: [], "plug-in": []}
    for counts in rng.multinomial(100, p, 50):
        for name in errors:
            errors[name].append(entropy_from_counts(counts, estimator=name).value - np.log(100))
    assert abs(np.mean(errors[estimator])) < 0.6 * abs(np.mean(errors["plug-in"]))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore:D28")
def test_sd_is_the_spread_over_samples(rng, estimator):
    p = [0.5, 0.3, 0.15, 0.05]
    estimates = [
        entropy_from_counts(counts, estimator=estimator) for counts in rng.multinomial(400, p, 300)
    ]
    values, sds = np.transpose(estimates)
    # the spread of 300 values is itself known to 4 %; four times that
    assert abs(sds.mean() / values.std() - 1) < 0.16


def test_jackknife_leaves_out_every_observation_once():
    with pytest.warns(MisuseWarning, match="D28"):
        value, sd = entropy_from_counts([3, 2, 2])
    left = [entropy([2, 2, 2])] * 3 + [entropy([3, 1, 2])] * 4
    assert_allclose(value, entropy([3, 2, 2]), rtol=1e-15)
    assert_allclose(sd, np.sqrt(6 / 7 * np.sum((left - np.mean(left)) ** 2)), rtol=1e-12)


def entropy(counts):
    p = np.array(counts) / np.sum(counts)
    return -(p * np.log(p)).sum()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore:D28")
def test_batches_units_and_order(rng, estimator):
    counts = rng.integers(0, 9, size=(3, 6)) + np.eye(3, 6, dtype=int)
    value, sd = entropy_from_counts(counts, estimator=estimator)
    for row, v, s in zip(counts, value, sd, strict=True):
        shuffled = entropy_from_counts(rng.permutation(row), estimator=estimator, unit="bit")
        assert_allclose(shuffled, [v / np.log(2), s / np.log(2)], rtol=1e-12)
    by_column = entropy_from_counts(counts.T, estimator=estimator, axis=0)
    assert_allclose(by_column.value, value)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore:D28")
def test_edges(estimator):
    value, sd = entropy_from_counts([7], estimator=estimator)
    # Grassberger's G(7) is not log 7, and never meant to be at a single class
    assert abs(value) < (0.2 if estimator == "grassberger" else 1e-15)
    assert sd == pytest.approx(0, abs=0.02)
    value, sd = entropy_from_counts([1, 0], estimator=estimator)
    assert np.isfinite(value)
    assert np.isnan(sd) == (estimator not in ("dirichlet", "nsb"))
    assert np.isfinite(entropy_from_counts([1, 1, 1], estimator=estimator)).all()


def test_many_classes_and_large_counts():
    value, _ = entropy_from_counts([10**6, 10**6], estimator="nsb")
    assert_allclose(value, np.log(2), rtol=1e-6)
    value, _ = entropy_from_counts(np.full(1000, 3), estimator="nsb", classes=10**6)
    assert np.log(1000) - 0.1 < value < np.log(10**6)


def test_too_few_counts_for_the_frequencies_are_told():
    with pytest.warns(MisuseWarning, match="D28"):
        entropy_from_counts([1, 2, 1])
    entropy_from_counts([100, 200, 300])


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([1, -1], "got -1 at (1,)"),
        ([0.5, 0.5], "for probabilities call entropy"),
        ([1, np.nan], "got nan"),
        ([0, 0], "at least one observation"),
        ([[1, 2], [0, 0]], "row (1,) is 0"),
    ],
)
def test_what_are_no_counts(counts, text):
    with pytest.raises(XentValueError) as caught:
        entropy_from_counts(counts)
    assert text in str(caught.value)


def test_options():
    with pytest.raises(XentValueError, match=r"estimator must be one of .*'nsb'.* got 'mle'"):
        entropy_from_counts([1, 2], estimator="mle")
    with pytest.raises(XentValueError, match="at least the 2 that were seen, got 1"):
        entropy_from_counts([1, 2], estimator="nsb", classes=1)
    with pytest.raises(XentValueError, match="alpha must be positive"):
        entropy_from_counts([1, 2], estimator="dirichlet", alpha=0)
    with pytest.raises(XentTypeError, match="whole numbers"):
        entropy_from_counts(["a"])


def test_special_functions():
    x = np.concatenate([np.geomspace(1e-12, 1e12, 60), [1.4616321449683623, 0.5, 15.9, 16.0]])
    with mp.workdps(40):
        exact_0 = [float(mp.psi(0, mp.mpf(float(v)))) for v in x]
        exact_1 = [float(mp.psi(1, mp.mpf(float(v)))) for v in x]
    # sixteen steps of the recurrence, each rounded once; digamma has a zero
    assert_allclose(digamma(x), exact_0, rtol=1e-14, atol=1e-14)
    assert_allclose(trigamma(x), exact_1, rtol=1e-14)
    for n in (0, 1, 5, 16, 17, 1000, 10**7):
        with mp.workdps(60):
            exact = [
                float(mp.loggamma(mp.mpf(float(v)) + n) - mp.loggamma(mp.mpf(float(v)))) for v in x
            ]
        # a sum of terms of both signs where x < 1: bounded by the size of those
        bound = 1e-14 * (30 + np.abs(exact))
        assert (np.abs(log_rising(x, n) - exact) <= bound).all()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_counts_that_float64_cannot_tell_apart_are_refused(estimator):
    with pytest.raises(XentValueError, match=r"counts must sum to at most 2\*\*53"):
        entropy_from_counts([2**62, 2**62], estimator=estimator)
