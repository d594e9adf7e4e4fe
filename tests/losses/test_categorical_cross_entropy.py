"""Categorical cross-entropy from probabilities: definition, kernel, edges, public function."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss

import xent
from xent import Total, categorical_cross_entropy
from xent.losses import reference

# one class; both ways to sum a row; rows at and beside a block of 64; several chunks
SHAPES = [(1, 1), (3, 2), (64, 10), (65, 33), (7, 1000), (30_000, 3)]
IGNORED = -100

loss_and_grad = xent.value_and_grad(categorical_cross_entropy)
grad_and_hessian = xent.gradient_and_hessian(categorical_cross_entropy)

# a dozen float64 roundings
CLOSE = {"rtol": 1e-14, "atol": 0}


def problem(rng, shape, dtype=np.float64):
    probs = rng.dirichlet(np.ones(shape[1]), shape[0]).astype(dtype)
    return probs, rng.integers(shape[1], size=shape[0])


# The definition ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("probs", "target", "expected"),
    [
        ([0.5, 0.5], 0, np.log(2)),
        ([0.25, 0.75], 0, np.log(4)),
        ([1.0], 0, 0.0),
        ([1.0, 0.0], 0, 0.0),
        ([0.25, 0.75], [1.0, 0.0], np.log(4)),
        ([0.25, 0.75], [0.5, 0.5], (np.log(4) + np.log(4 / 3)) / 2),
        ([0.0, 1.0], [0.0, 1.0], 0.0),  # 0 log 0 = 0
    ],
)
def test_values_known_by_hand(probs, target, expected):
    assert_allclose(categorical_cross_entropy(probs, target), expected, rtol=4e-16)


@given(st.integers(1, 40), st.floats(1e-300, 1.0))
def test_the_loss_is_minus_the_logarithm_of_the_truth(classes, p):
    probs = np.full(classes + 1, (1 - p) / classes)
    probs[0] = p
    assert_allclose(categorical_cross_entropy(probs, 0), -np.log(p), rtol=1e-15, atol=0)


def test_the_derivatives_of_the_reference_are_those_of_its_value(rng):
    q, s, h = rng.uniform(0.1, 0.9, (8, 3)), rng.uniform(size=(8, 3)), 1e-6
    gradient = reference.categorical_cross_entropy_grad
    for j in range(3):
        d = h * (np.arange(3) == j)
        ends = [reference.categorical_cross_entropy(q + e, s) for e in (d, -d)]
        assert_allclose((ends[0] - ends[1]) / (2 * h), gradient(q, s)[:, j], rtol=1e-8)
        curve = (gradient(q + d, s) - gradient(q - d, s))[:, j] / (2 * h)
        hessian = reference.categorical_cross_entropy_hessian(q, s)[:, j]
        assert_allclose(curve, hessian, rtol=1e-7)


def test_the_mean_is_the_log_loss_of_scikit_learn(rng):
    probs, target = problem(rng, (500, 7))
    theirs = log_loss(target, probs, labels=range(7))
    assert_allclose(categorical_cross_entropy(probs, target), theirs, rtol=1e-14)


def test_it_is_the_softmax_loss_of_the_logarithms(rng):
    probs, target = problem(rng, (50, 7))
    with xent.checks(silence=["D04"]):
        from_logits = xent.softmax_cross_entropy(np.log(probs), target, reduction="none")
    from_probs = categorical_cross_entropy(probs, target, reduction="none")
    # rows that sum to one within a few ulp of one
    assert_allclose(from_probs, from_logits, rtol=1e-14, atol=2e-15)


# The kernel -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_kernel_computes_the_definition(rng, shape, dtype):
    probs, target = problem(rng, shape, dtype)
    if dtype == np.float16:
        probs = np.maximum(probs, np.finfo(dtype).smallest_subnormal)
    s = np.eye(shape[1])[target]
    exact = reference.categorical_cross_entropy(probs.astype(np.float64), s)
    nll, gradient = loss_and_grad(probs, target, reduction="none")
    eps = np.finfo(nll.dtype).eps
    assert_allclose(nll, exact, rtol=4 * eps)
    # the mean is summed in float64 whatever the dtype
    assert_allclose(categorical_cross_entropy(probs, target), exact.mean(), rtol=1e-14)
    assert gradient.dtype == dtype
    with np.errstate(over="ignore"):
        exact = reference.categorical_cross_entropy_grad(probs.astype(np.float64), s).astype(dtype)
    assert_allclose(gradient, exact, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("shape", [(9, 5), (70, 40)], ids=str)
def test_a_class_axis_in_the_middle_is_a_moved_class_axis(rng, shape):
    probs = rng.dirichlet(np.ones(6), shape)
    target = rng.integers(6, size=shape)
    moved = np.moveaxis(probs, -1, 1)
    value, gradient = loss_and_grad(moved, target, axis=1, reduction="none")
    expected = loss_and_grad(probs, target, reduction="none")
    assert_array_equal(value, expected[0])
    assert_array_equal(np.moveaxis(gradient, 1, -1), expected[1])


def test_nothing_depends_on_the_batch_or_the_number_of_threads(rng):
    probs, target = problem(rng, (100_000, 4), np.float32)
    results = []
    try:
        for threads in (1, 2, 5):
            xent.set_num_threads(threads)
            results.append(
                (
                    categorical_cross_entropy(probs, target),
                    categorical_cross_entropy(probs, target, reduction="none"),
                )
            )
    finally:
        xent.set_num_threads(None)
    for mean, nll in results[1:]:
        assert mean == results[0][0]
        assert_array_equal(nll, results[0][1])
    for i in (0, 63, 64, 99_999):
        assert categorical_cross_entropy(probs[i], target[i], reduction="none") == nll[i]


# Edges ------------------------------------------------------------------------


def test_an_impossible_truth_costs_infinity_and_is_reported():
    probs = np.array([[0.5, 0.5], [0.0, 1.0], [0.0, 1.0]])
    with pytest.warns(xent.errors.MisuseWarning, match="D27.*2 of 3 rows"):
        nll = categorical_cross_entropy(probs, [0, 0, 0], reduction="none")
    assert_array_equal(nll, [np.log(2), np.inf, np.inf])


@pytest.mark.parametrize("target", [[0, 0], [[1.0, 0.0], [1.0, 0.0]]], ids=str)
def test_a_zero_may_raise_or_be_clipped_by_name(target):
    probs = np.array([[0.5, 0.5], [0.0, 1.0]])
    with pytest.raises(xent.errors.XentValueError, match=r"D27.*first") as e:
        categorical_cross_entropy(probs, target, zero="raise")
    assert e.value.index[0] == 1
    with pytest.warns(xent.errors.MisuseWarning, match="D31"):
        nll, gradient = loss_and_grad(probs, target, zero="clip:1e-10", reduction="none")
    assert_allclose(nll, [np.log(2), 10 * np.log(10)], **CLOSE)
    # the slope is that at the clip, and not 0
    assert_allclose(gradient, [[-2, 0], [-1e10, 0]], **CLOSE)


@pytest.mark.parametrize("target", [[0, 0], [[1.0, 0.0], [1.0, 0.0]]], ids=str)
def test_a_clip_that_decides_the_loss_is_reported_also_without_zeros(target):
    with pytest.warns(xent.errors.MisuseWarning, match=r"D31.*1 clipped"):
        categorical_cross_entropy([[0.5, 0.5], [1e-12, 1 - 1e-12]], target, zero="clip:1e-10")


@pytest.mark.parametrize("zero", ["clip", "clip:0", "clip:2", "clip:x", "none"])
def test_a_policy_that_is_none_is_refused(zero):
    with pytest.raises(ValueError, match=f'zero must be "inf", "raise" or .*{zero}'):
        categorical_cross_entropy([0.5, 0.5], 0, zero=zero)


def test_a_bare_number_is_no_policy():
    with pytest.raises(TypeError, match='zero="clip:1e-15"'):
        categorical_cross_entropy([0.5, 0.5], 0, zero=1e-15)


@pytest.mark.parametrize("held", [np.nan, np.inf, -1.0, 0.0])
def test_a_skipped_row_may_hold_anything(held):
    probs = np.array([[0.5, 0.5], [held, held], [0.25, 0.75]])
    by_target = loss_and_grad(probs, [0, IGNORED, 1], ignore_index=IGNORED, reduction="none")
    by_weight = loss_and_grad(
        probs, [0, 1, 1], sample_weight=[1, 0, 1], reduction="none", zero="raise"
    )
    for nll, gradient in (by_target, by_weight):
        assert_allclose(nll, [np.log(2), 0, np.log(4 / 3)], **CLOSE)
        assert_allclose(gradient, [[-2, 0], [0, 0], [0, -4 / 3]], **CLOSE)


# The public function ----------------------------------------------------------

OPTIONS = [
    {"weight": weight, "sample_weight": sample_weight, "label_smoothing": smoothing}
    for weight, sample_weight, smoothing in itertools.product(
        [None, np.array([1.0, 2.0, 0.5, 0.0])], [None, np.arange(9) / 4], [0.0, 0.1]
    )
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_index_one_hot_and_soft_targets_mean_the_same(rng, options):
    probs, target = problem(rng, (9, 4))
    one_hot = np.eye(4, dtype=int)[target]
    smoothing = options["label_smoothing"]
    s = (1 - smoothing) * one_hot + smoothing / 4
    s = s if options["weight"] is None else s * options["weight"]
    s = s if options["sample_weight"] is None else s * options["sample_weight"][:, None]
    nll = reference.categorical_cross_entropy(probs, s)
    for same in (target, one_hot, one_hot.astype(bool), one_hot.astype(float)):
        none, gradient = loss_and_grad(probs, same, reduction="none", **options)
        assert_allclose(none, nll, **CLOSE)
        assert_allclose(gradient, reference.categorical_cross_entropy_grad(probs, s), **CLOSE)
        _, hessian = grad_and_hessian(probs, same, reduction="none", **options)
        exact = reference.categorical_cross_entropy_hessian(probs, s)
        assert_allclose(hessian, exact, **CLOSE)
        mean, gradient = loss_and_grad(probs, same, **options)
        assert_allclose(mean, nll.sum() / s.sum(), **CLOSE)
        exact = reference.categorical_cross_entropy_grad(probs, s / s.sum())
        assert_allclose(gradient, exact, **CLOSE)
        total = categorical_cross_entropy(probs, same, reduction="total", **options)
        assert_allclose([total.sum, total.weight, total.count], [nll.sum(), s.sum(), 9], **CLOSE)


def test_ignored_rows_totals_and_out(rng):
    probs, target = problem(rng, (8, 3))
    target[:3] = IGNORED
    for smoothing in (0.0, 0.1):
        options = {"ignore_index": IGNORED, "label_smoothing": smoothing}
        whole, gradient = loss_and_grad(probs, target, **options)
        kept = categorical_cross_entropy(probs[3:], target[3:], label_smoothing=smoothing)
        assert_allclose(whole, kept, **CLOSE)
        parts = [
            categorical_cross_entropy(probs[a], target[a], reduction="total", **options)
            for a in (slice(3), slice(3, 4), slice(4, 8))
        ]
        assert parts[0] == Total()
        assert_allclose(xent.merge(parts).mean(), whole, **CLOSE)
        out = probs.copy()
        assert loss_and_grad(out, target, out=out, **options)[1] is out
        assert_array_equal(out, gradient)


@pytest.mark.parametrize(
    ("arguments", "options", "code", "text"),
    [
        (([[0.5, 0.5], [0.6, 0.6]], [0, 0]), {}, "D07", r"probs\[1\] sums to 1.2"),
        (([[1.5, -0.5]], [0]), {}, "D07", "softmax_cross_entropy"),
        (([[np.nan, 0.5]], [0]), {}, "D07", "NaN|missing"),
        ((np.log([[0.5, 0.5]]), [0]), {}, "D10", "log"),
        (([[3.0, 7.0]], [0]), {}, "D29", "counts"),
        (([[0.5, 0.5]], [2]), {}, "D01", r"target\[0\] = 2"),
        (([[0.5, 0.5]], [[0.5, 0.6]]), {}, "D08", "sum to one"),
        (([[0.5, 0.5]], [0, 1]), {}, "D14", "shape"),
        (([[0.5, 0.5]], [-100]), {"ignore_index": -100}, "D02", "all 1 targets"),
        (([[0.5, 0.5]], [[1.0, 0.0]]), {"ignore_index": 0}, None, "sample_weight 0"),
    ],
)
def test_errors_name_the_rule(arguments, options, code, text):
    with pytest.raises(xent.errors.XentValueError, match=text) as e:
        categorical_cross_entropy(*arguments, **options)
    assert e.value.code == code
