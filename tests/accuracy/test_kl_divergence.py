"""Divergences of nearly equal distributions keep their digits, in every space.

The exact value is that of the numbers given, in 50-digit arithmetic. scipy stands beside
as what a sum of p log(p / q) makes of them.
"""

import math

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from promises import promised
from scipy import special

from xent.information import js_divergence, kl_divergence

# the worst seen here is 1.2e-15
PROMISED = promised("KL and Jensen-Shannon divergence")
LEAST = promised("KL and Jensen-Shannon divergence", 1)
RELATIVE_DIFFERENCES = [10.0**-k for k in range(1 - round(math.log10(LEAST)))]
SIZES = [2, 3, 10, 100]


@pytest.fixture(autouse=True)
def _fifty_digits():
    with mp.workdps(50):
        yield


def exact(x, given):
    """Return the probabilities that the numbers mean, exactly."""
    x = [mp.mpf(float(value)) for value in x]
    if given == "probs":
        return x
    p = [mp.exp(value) for value in x]
    total = sum(p) if given == "logits" else 1
    return [value / total for value in p]


def exact_kl(p, q):
    """The generalised divergence, which is KL where both sum to one."""
    return sum((a * mp.log(a / b) if a else 0) - a + b for a, b in zip(p, q, strict=True))


def exact_js(p, q):
    m = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return (exact_kl(p, m) + exact_kl(q, m)) / 2


def relative_error(value, true):
    return abs(mp.mpf(float(value)) / true - 1)


def nearly_equal(rng, size, difference, given):
    z = 3 * rng.normal(size=size)
    if given == "logits":
        return z, z + difference * rng.normal(size=size)
    p = special.softmax(z)
    q = p * (1 + difference * rng.uniform(-1, 1, size))
    q /= q.sum()
    return (p, q) if given == "probs" else (np.log(p), np.log(q))


@pytest.mark.parametrize("given", ["probs", "log_probs", "logits"])
@pytest.mark.parametrize("difference", RELATIVE_DIFFERENCES, ids="{:.0e}".format)
@pytest.mark.parametrize(
    ("measure", "definition"), [(kl_divergence, exact_kl), (js_divergence, exact_js)]
)
def test_nearly_equal_distributions_keep_their_digits(measure, definition, difference, given):
    rng = np.random.default_rng(round(-np.log10(difference)))
    for size in SIZES:
        p, q = nearly_equal(rng, size, difference, given)
        true = definition(exact(p, given), exact(q, given))
        assert true > 0
        assert relative_error(measure(p, q, given=given), true) <= PROMISED, size


@pytest.mark.parametrize("given", [("probs", "logits"), ("logits", "log_probs")])
def test_mixed_spaces_keep_what_their_logarithms_hold(given):
    # log p is rounded by half an ulp of |log p| <= 16, eps * 8, which is felt as a change of p by
    # that share: of a divergence between distributions that differ by d, a share of eps * 16 / d
    rng = np.random.default_rng(2)
    for difference in (1.0, 1e-2, 1e-4):
        z = rng.normal(size=10)
        spaces = {"logits": z, "log_probs": special.log_softmax(z), "probs": special.softmax(z)}
        p = spaces[given[0]]
        other = z + difference * rng.normal(size=10)
        q = {"logits": other, "log_probs": special.log_softmax(other)}[given[1]]
        true = exact_kl(exact(p, given[0]), exact(q, given[1]))
        bound = 16 * np.finfo(float).eps / difference
        assert relative_error(kl_divergence(p, q, given=given), true) <= max(bound, 1e-14)


@pytest.mark.parametrize("ratio", [1e-300, 1e-30, 1e-3, 0.1, 0.5, 0.6, 2 / 3, 0.7, 0.9, 0.999])
def test_every_ratio_is_served_by_one_of_the_formulas(ratio):
    # each way round, on both sides of the borders between the formulas
    for nudge in (-1e-3, -1e-9, 0, 1e-9, 1e-3):
        a = ratio * (1 + nudge)
        p, q = [0.5, 0.5], [0.5 * a, 1 - 0.5 * a]
        for x, y in ((p, q), (q, p)):
            true = exact_kl(exact(x, "probs"), exact(y, "probs"))
            assert relative_error(kl_divergence(x, y), true) <= 1e-14
            assert (
                relative_error(js_divergence(x, y), exact_js(*(exact(v, "probs") for v in (x, y))))
                <= 1e-14
            )


def test_denormal_probabilities_count_for_what_they_are():
    smallest = 5e-324
    p, q = [1.0, 0.0], [1.0, smallest]
    # p = 0 contributes q, all of it
    assert kl_divergence(p, q) == smallest
    assert kl_divergence([0.5, 0.5], [1.0, smallest]) == pytest.approx(
        float(exact_kl([mp.mpf(0.5)] * 2, [mp.mpf(1), mp.mpf(smallest)])), rel=1e-15
    )


@pytest.mark.parametrize(("difference", "scipy_is_off_by"), [(1e-7, 1e-2), (1e-9, 1.0)])
def test_where_scipy_has_lost_its_digits(difference, scipy_is_off_by):
    rng = np.random.default_rng(4)
    errors = []
    for _ in range(20):
        p, q = nearly_equal(rng, 1000, difference, "probs")
        true = exact_kl(exact(p, "probs"), exact(q, "probs"))
        errors.append(relative_error(special.rel_entr(p, q).sum(), true))
        assert relative_error(kl_divergence(p, q), true) <= PROMISED
    assert max(errors) > scipy_is_off_by


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_divergence_is_negative_and_equal_rows_have_none(dtype):
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.full(10, 0.1), 2000).astype(dtype)
    q = np.abs(np.nextafter(p, dtype(rng.integers(2))))
    for measure in (kl_divergence, js_divergence):
        assert (measure(p, q) >= 0).all()
        assert_array_equal(measure(p, p), np.zeros(2000))
        assert_array_equal(measure(p, p, given="logits"), np.zeros(2000))


def test_float32_rows_are_rounded_once():
    rng = np.random.default_rng(6)
    p = rng.dirichlet(np.ones(50), 20).astype(np.float32)
    q = (p * (1 + 1e-5 * rng.uniform(-1, 1, p.shape))).astype(np.float32)
    values = kl_divergence(p, q)
    assert values.dtype == np.float32
    for value, x, y in zip(values, p, q, strict=True):
        true = exact_kl(exact(x, "probs"), exact(y, "probs"))
        # half an ulp of float32, and what float64 left open
        assert relative_error(value, true) <= 2.0**-24 * (1 + 1e-6)


def test_a_vocabulary_of_classes():
    rng = np.random.default_rng(7)
    z = 4 * rng.normal(size=128_256)
    other = z + 1e-6 * rng.normal(size=z.size)
    p, q = special.softmax(z), special.softmax(other)
    with mp.workdps(25):
        true = exact_kl(exact(p, "probs"), exact(q, "probs"))
        assert relative_error(kl_divergence(p, q), true) <= PROMISED
