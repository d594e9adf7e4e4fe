"""The measures on NumPy arrays: their definition, their layouts, their edges."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

import xent
from xent import information
from xent.information import (
    binary_entropy,
    conditional_entropy,
    cross_entropy,
    entropy,
    js_divergence,
    kl_divergence,
    mutual_information,
    perplexity,
    reference,
    self_information,
)

EPS = np.finfo(np.float64).eps
PAIRS = {"cross_entropy": cross_entropy, "kl_divergence": kl_divergence, "js": js_divergence}
DEFINITIONS = {
    "cross_entropy": reference.cross_entropy,
    "kl_divergence": reference.kl_divergence,
    "js": reference.js_divergence,
}
# one class; below, at and above a tile; the last short and the first long row; two blocks
CLASSES = [1, 2, 10, 63, 64, 65, 128, 129, 1024, 1100]

weights = hnp.arrays(
    np.float64, st.integers(1, 9), elements=st.one_of(st.just(0.0), st.floats(1e-300, 1.0))
).filter(np.any)


def rows(rng, *shape, axis=-1, dtype=np.float64):
    p = rng.gamma(0.5, size=shape)
    return (p / p.sum(axis=axis, keepdims=True)).astype(dtype)


def by_definition(name, p, q):
    return DEFINITIONS[name](p, q)


# The definition ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([1.0], 0.0),
        ([0.5, 0.5], np.log(2)),
        ([0.0, 1.0, 0.0], 0.0),
        ([0.1] * 10, np.log(10)),
        ([0.5, 0.25, 0.25], 1.5 * np.log(2)),
    ],
)
def test_entropies_known_by_hand(p, expected):
    assert_allclose(entropy(p), expected, rtol=2 * EPS)
    assert_allclose(reference.entropy(p), expected, rtol=2 * EPS)
    assert_allclose(perplexity(p), np.exp(expected), rtol=4 * EPS)


def test_divergences_known_by_hand():
    assert_allclose(kl_divergence([0.5, 0.5], [0.9, 0.1]), 0.5 * np.log(25 / 9), rtol=1e-15)
    assert_allclose(
        kl_divergence([0.9, 0.1], [0.5, 0.5]), np.log(2) - entropy([0.9, 0.1]), rtol=1e-14
    )
    assert_allclose(js_divergence([1, 0], [0, 1]), np.log(2), rtol=2 * EPS)


@pytest.mark.parametrize("unit", ["nat", "bit", "ban"])
def test_units(unit):
    nats = {"nat": 1, "bit": np.log(2), "ban": np.log(10)}[unit]
    p, q = [0.5, 0.5], [0.25, 0.75]
    assert_allclose(entropy(p, unit=unit), np.log(2) / nats, rtol=2 * EPS)
    assert_allclose(self_information(0.1, unit=unit), np.log(10) / nats, rtol=2 * EPS)
    assert_allclose(binary_entropy(0.5, unit=unit), np.log(2) / nats, rtol=2 * EPS)
    for measure in PAIRS.values():
        assert_allclose(measure(p, q, unit=unit), measure(p, q) / nats, rtol=2 * EPS)
    assert perplexity(p) == 2.0


@given(weights)
def test_entropy_is_between_zero_and_that_of_equal_classes(w):
    h = entropy(w, normalize=True)
    assert 0 <= h <= np.log(len(w)) * (1 + 4 * EPS)


@given(weights, st.randoms(use_true_random=False))
def test_no_divergence_is_negative(w, random):
    other = np.array([random.random() + 1e-9 for _ in w])
    assert kl_divergence(w, other, normalize=True) >= 0
    assert 0 <= js_divergence(w, other, normalize=True) <= np.log(2) * (1 + 4 * EPS)
    assert js_divergence(w, other, normalize=True) == js_divergence(other, w, normalize=True)


# The kernels ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", CLASSES)
def test_rows_of_every_length(rng, classes, dtype):
    p, q = rows(rng, 7, classes, dtype=dtype), rows(rng, 7, classes, dtype=dtype)
    # computed in float64 and rounded once; a sum of n terms of one sign is off by n ulp at most
    bound = classes * EPS + np.finfo(dtype).eps
    exact = reference.entropy(p)
    assert entropy(p).dtype == dtype
    assert_allclose(entropy(p), exact, rtol=bound, atol=1e-300)
    assert_allclose(cross_entropy(p, q), reference.cross_entropy(p, q), rtol=bound, atol=1e-300)
    # the plain sum of p log(p / q) cancels: its own error is allowed; and float32 rows sum to
    # one only to within their rounding, which the generalised divergence counts
    sums = np.abs(p.sum(-1, dtype=np.float64) - q.sum(-1, dtype=np.float64)).max()
    plain = classes * EPS * reference.cross_entropy(p, q).max() + sums
    assert_allclose(kl_divergence(p, q), reference.kl_divergence(p, q), rtol=bound, atol=plain)


@pytest.mark.parametrize(
    "shape",
    [(5, 4), (5, 4, 1), (3, 6, 2), (2, 5, 15), (2, 5, 16), (2, 3, 64), (2, 3, 70, 3)],
    ids=str,
)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_any_axis_is_the_last_one_moved(rng, shape, axis):
    p, q = rows(rng, *shape, axis=axis), rows(rng, *shape, axis=axis)
    moved = np.moveaxis(p, axis, -1), np.moveaxis(q, axis, -1)
    assert_allclose(entropy(p, axis=axis), entropy(moved[0]), rtol=8 * EPS)
    for measure in PAIRS.values():
        assert_allclose(measure(p, q, axis=axis), measure(*moved), rtol=16 * EPS)


@pytest.mark.parametrize("classes", [3, 10, 100, 200])
def test_a_row_does_not_depend_on_its_batch(rng, classes):
    p, q = rows(rng, 300, classes), rows(rng, 300, classes)
    for measure in PAIRS.values():
        together = measure(p, q)
        for i in (0, 1, 7, 150, 299):
            assert_array_equal(measure(p[i : i + 1], q[i : i + 1])[0], together[i])
            assert_array_equal(measure(p[i], q[i]), together[i])
    assert_array_equal(entropy(p[17:40]), entropy(p)[17:40])


def test_nothing_depends_on_the_number_of_threads(rng):
    from xent import _native

    p, q = rows(rng, 30_000, 10), rows(rng, 30_000, 10)
    before = _native.num_threads()
    try:
        results = []
        for count in (1, 2):
            _native.set_num_threads(count)
            results.append([entropy(p), cross_entropy(p, q), kl_divergence(p, q)])
    finally:
        _native.set_num_threads(before)
    assert_array_equal(*results)


def test_views_and_other_dtypes_are_taken(rng):
    p = rows(rng, 20, 6)
    assert_array_equal(entropy(p[::2]), entropy(p)[::2])
    assert_array_equal(entropy(p.astype(">f8")), entropy(p))
    assert_allclose(entropy(np.asfortranarray(p)), entropy(p), rtol=8 * EPS)
    assert entropy(p.astype(np.float16)).dtype == np.float32
    assert entropy(np.array([True, False])) == 0
    assert kl_divergence(p.astype(np.float32), p).dtype == np.float64
    assert entropy(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize("given", ["log_probs", "logits"])
def test_every_space_says_the_same(rng, given):
    z, other = rng.normal(size=(5, 8)), rng.normal(size=(5, 8))
    p, q = special.softmax(z, -1), special.softmax(other, -1)
    a, b = (z, other) if given == "logits" else (np.log(p), np.log(q))
    # the logarithms are rounded to eps |log p|, at most 10 nats here
    close = {"rtol": 40 * EPS}
    assert_allclose(entropy(a, given=given), entropy(p), **close)
    assert_allclose(self_information(a, given=given), self_information(p), **close)
    assert_allclose(perplexity(a, given=given), perplexity(p), **close)
    for measure in PAIRS.values():
        expected = measure(p, q)
        assert_allclose(measure(a, b, given=given), expected, **close)
        assert_allclose(measure(p, b, given=("probs", given)), expected, **close)
        assert_allclose(measure(a, q, given=(given, "probs")), expected, **close)


def test_one_distribution_stands_against_a_batch(rng):
    p, prior = rows(rng, 4, 5, axis=0), rows(rng, 4)
    for measure in PAIRS.values():
        expected = [measure(row, prior) for row in p.T]
        assert_allclose(measure(p, prior, axis=0), expected, rtol=8 * EPS)
        expected = [measure(prior, row) for row in p.T]
        assert_allclose(measure(prior, p, axis=0), expected, rtol=8 * EPS)
        assert measure(p, prior, axis=0).shape == (5,)


# Exactness --------------------------------------------------------------------


@pytest.mark.parametrize("margin", [1.0, 30.0, 300.0, 700.0])
def test_a_model_that_is_sure_and_right_keeps_its_tiny_cross_entropy(margin):
    with mp.workdps(50):
        true = float(mp.log1p(mp.exp(-margin)))
        h = float(mp.log1p(mp.exp(-margin)) + margin * mp.exp(-margin) / (1 + mp.exp(-margin)))
    z = np.array([margin, 0.0]) + 1000
    assert_allclose(cross_entropy([1, 0], z, given=("probs", "logits")), true, rtol=1e-15)
    assert_allclose(entropy(z, given="logits"), h, rtol=2e-15)
    assert_allclose(binary_entropy([margin, -margin], given="logits"), [h, h], rtol=2e-15)
    assert_allclose(self_information(z, given="logits"), [true, margin + true], rtol=1e-15)


def test_binary_entropy_from_log_probabilities():
    log_p = np.array([-1e-300, -1e-20, -0.5, -0.7, -1.0, -50.0, -700.0])
    with mp.workdps(400):
        exact = []
        for value in log_p:
            p = mp.exp(mp.mpf(float(value)))
            exact.append(float(-p * mp.log(p) - (1 - p) * mp.log(1 - p)))
    assert_allclose(binary_entropy(log_p, given="log_probs"), exact, rtol=4 * EPS)


@pytest.mark.parametrize("scale", [0.01, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("measure", [kl_divergence, js_divergence])
def test_logits_are_compared_as_their_log_probabilities(measure, scale):
    """Among them rows in which one class grows much and the others shrink about as much."""
    rng = np.random.default_rng(12)
    for classes in (2, 3, 4, 10):
        a, b = rng.normal(size=(2, 5000, classes)) * scale
        log_p, log_q = (z - special.logsumexp(z, axis=1, keepdims=True) for z in (a, b))
        expected = measure(np.exp(log_p), np.exp(log_q))
        # log-probabilities are rounded: some ulp of numbers of up to 10 scales
        atol = 100 * max(scale, 1) * EPS
        assert_allclose(measure(a, b, given="logits"), expected, rtol=1e-11, atol=atol)


def test_logits_far_apart_do_not_overflow():
    # log of the ratio is 1001 for a class that the truth is sure of
    value = kl_divergence([0.0, 1000.0], [1001.0, 0.0], given="logits")
    assert_allclose(value, 1001.0, rtol=1e-15)
    value = kl_divergence([-5000.0, 0.0, 1e4], [0.0, 1e4, -3.0], given="logits")
    assert_allclose(value, 10003.0, rtol=1e-15)
    # a class that neither expects, and q far less
    tiny = kl_divergence([0.0, -900.0], [0.0, -100.0], given="logits")
    assert_allclose(tiny, np.exp(-100.0), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_entropy_of_the_smallest_numbers(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    p = np.array([1.0, tiny], dtype)
    with mp.workdps(50):
        value = mp.mpf(float(tiny))
        expected = -value * mp.log(value)
    assert entropy(p) == dtype(float(expected))
    assert cross_entropy(np.array([0, 1], dtype), p) == pytest.approx(
        -float(mp.log(mp.mpf(float(tiny)))), rel=float(np.finfo(dtype).eps)
    )


# Edges ------------------------------------------------------------------------


def test_what_never_happens_contributes_nothing():
    assert entropy([1.0, 0.0]) == 0
    assert cross_entropy([1.0, 0.0], [1.0, 0.0]) == 0
    assert kl_divergence([1.0, 0.0], [1.0, 0.0]) == 0
    assert js_divergence([1.0, 0.0], [1.0, 0.0]) == 0
    assert entropy([0.0, -np.inf], given="logits") == 0
    assert entropy([0.0, -np.inf], given="log_probs") == 0
    for measure in PAIRS.values():
        for space in ("logits", "log_probs"):
            assert measure([0.0, -np.inf], [0.0, -np.inf], given=space) == 0
    assert not np.signbit(self_information(1.0))
    assert self_information(0.0) == np.inf
    assert_array_equal(binary_entropy([0.0, 1.0]), [0, 0])
    assert_array_equal(binary_entropy([-np.inf, np.inf], given="logits"), [0, 0])


def test_a_truth_without_a_class_pays_what_the_model_gives_it():
    q = [0.25, 0.75]
    assert_allclose(kl_divergence([1.0, 0.0], q), np.log(4), rtol=2 * EPS)
    assert_allclose(
        kl_divergence([0.0, -np.inf], np.log(q), given=("logits", "log_probs")),
        np.log(4),
        rtol=1e-15,
    )
    assert_allclose(kl_divergence([0.0, -np.inf], np.log(q), given="logits"), np.log(4), rtol=1e-15)


@pytest.mark.parametrize("measure", [kl_divergence, cross_entropy])
@pytest.mark.parametrize(
    ("spaces", "model"),
    [
        ("probs", [[0.5, 0.5], [1.0, 0.0]]),
        (("probs", "logits"), [[0.0, 0.0], [0.0, -np.inf]]),
        (("probs", "log_probs"), [[np.log(0.5)] * 2, [0.0, -np.inf]]),
    ],
)
def test_an_impossible_event_costs_infinitely_much_and_says_where(measure, spaces, model):
    p = np.full((2, 2), 0.5)
    with pytest.warns(xent.errors.MisuseWarning, match=r"1 of 4 entries") as caught:
        values = [measure(p, model, given=spaces) for _ in range(3)]
    assert len(caught) == 1
    assert caught[0].message.code == "D27"
    assert caught[0].message.index == (1, 1)
    assert np.isfinite(values[0][0])
    assert values[0][1] == np.inf


def test_nothing_finite_comes_of_no_distribution_of_logits():
    for z in ([-np.inf, -np.inf], [np.inf, 0.0], [np.nan, 0.0]):
        assert np.isnan(entropy(z, given="logits"))
        assert np.isnan(cross_entropy([0.5, 0.5], z, given=("probs", "logits")))
        assert np.isnan(kl_divergence(z, [0.0, 0.0], given="logits"))
        assert np.isnan(kl_divergence([0.0, 0.0], z, given="logits"))
        assert np.isnan(js_divergence([0.0, 0.0], z, given="logits"))


def test_normalize_divides_by_the_sums(rng):
    counts = rng.integers(1, 9, size=(4, 5))
    p = counts / counts.sum(axis=-1, keepdims=True)
    assert_array_equal(entropy(counts, normalize=True), entropy(p))
    log_p = np.log(p) + rng.normal(size=(4, 1))
    assert_allclose(entropy(log_p, given="log_probs", normalize=True), entropy(p), rtol=1e-14)
    assert entropy(counts.astype(np.float32), normalize=True).dtype == np.float32
    assert_allclose(kl_divergence(counts, p, normalize=True), 0, atol=1e-30)


# Joint tables -----------------------------------------------------------------


def test_joint_measures_follow_their_definitions(rng):
    joint = rng.dirichlet(np.ones(12), 5).reshape(5, 3, 4)
    assert_allclose(mutual_information(joint), reference.mutual_information(joint), atol=1e-15)
    assert_allclose(conditional_entropy(joint), reference.conditional_entropy(joint), rtol=1e-14)
    h_y = entropy(joint.sum(axis=-2))
    assert_allclose(mutual_information(joint), h_y - conditional_entropy(joint), atol=1e-14)
    moved = np.moveaxis(joint, 0, 1)
    assert_allclose(mutual_information(moved, axes=(0, 2)), mutual_information(joint), atol=1e-16)
    assert_allclose(
        conditional_entropy(joint, axis=-2, given_axis=-1),
        reference.conditional_entropy(np.swapaxes(joint, -1, -2)),
        rtol=1e-14,
    )
    assert_allclose(
        conditional_entropy(np.log(joint), given="logits"), conditional_entropy(joint), rtol=1e-14
    )


def test_independent_variables_share_next_to_nothing(rng):
    x, y = rows(rng, 6), rows(rng, 7)
    # the table is rounded to half an ulp, which is its only dependence: (eps / 2)^2 / 2 nats
    assert 0 <= mutual_information(np.outer(x, y)) <= EPS**2 * 8


def test_a_weak_dependence_is_seen():
    d = 1e-9
    joint = np.array([[0.25 + d, 0.25 - d], [0.25 - d, 0.25 + d]])
    # sum of p t^2 / 2 with t = 4 d
    assert_allclose(mutual_information(joint), 8 * d**2, rtol=1e-6)
    # the difference of entropies has lost it
    assert abs(reference.mutual_information(joint) / (8 * d**2) - 1) > 1e-3


def test_what_is_nearly_decided_stays_open_by_the_right_amount():
    joint = np.array([[0.5 - 1e-14, 1e-14], [0.0, 0.5]])
    with mp.workdps(50):
        a, b = mp.mpf(float(joint[0, 0])), mp.mpf(float(joint[0, 1]))
        true = a * mp.log((a + b) / a) + b * mp.log((a + b) / b)
    assert_allclose(conditional_entropy(joint), float(true), rtol=1e-15)


def test_the_names_of_the_room():
    assert information.__all__ == [
        "EntropyEstimate",
        "binary_entropy",
        "conditional_entropy",
        "cross_entropy",
        "entropy",
        "entropy_from_counts",
        "js_divergence",
        "kl_divergence",
        "mutual_information",
        "perplexity",
        "plot_binary_entropy",
        "plot_self_information",
        "self_information",
    ]
