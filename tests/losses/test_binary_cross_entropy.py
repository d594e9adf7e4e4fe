"""Binary cross-entropy from probabilities: definition, computation, edges, public function."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import xent
from xent import Total, binary_cross_entropy
from xent.losses import reference

IGNORED = -1

loss_and_grad = xent.value_and_grad(binary_cross_entropy)
grad_and_hessian = xent.gradient_and_hessian(binary_cross_entropy)

# a dozen float64 roundings
CLOSE = {"rtol": 4e-15, "atol": 0}


# The definition ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("prob", "target", "expected"),
    [
        (0.5, 0, np.log(2)),
        (0.5, 1, np.log(2)),
        (0.25, 1, np.log(4)),
        (0.25, 0, np.log(4 / 3)),
        (0.25, 0.5, np.log(16 / 3) / 2),
        (0.0, 0, 0.0),
        (1.0, 1, 0.0),
        (1e-300, 0, 1e-300),  # log1p keeps the digits of a small probability
    ],
)
def test_values_known_by_hand(prob, target, expected):
    assert_allclose(binary_cross_entropy(prob, target), expected, rtol=4e-16, atol=0)
    exact = reference.binary_cross_entropy(prob, target)
    assert_allclose(exact, expected, rtol=4e-16, atol=0)


@given(st.floats(1e-300, 1 - 1e-16), st.sampled_from([0, 1]))
def test_two_classes_from_probabilities_cost_the_same(p, y):
    pair = np.array([1 - p, p])
    # 1 - p is rounded: half an ulp of one, over its size
    allowed = 2.3e-16 / min(pair[y], 1.0) if y == 0 else 1e-300
    nll = binary_cross_entropy(p, y)
    assert_allclose(xent.categorical_cross_entropy(pair, y), nll, rtol=1e-15, atol=allowed)


def test_the_derivatives_of_the_reference_are_those_of_its_value(rng):
    q, y, h = rng.uniform(0.1, 0.9, 40), rng.uniform(size=40), 1e-6
    value, gradient = reference.binary_cross_entropy, reference.binary_cross_entropy_grad
    slope = (value(q + h, y) - value(q - h, y)) / (2 * h)
    assert_allclose(gradient(q, y), slope, atol=1e-8)
    curve = (gradient(q + h, y) - gradient(q - h, y)) / (2 * h)
    assert_allclose(reference.binary_cross_entropy_hessian(q, y), curve, rtol=1e-7)


def test_it_is_the_sigmoid_loss_of_the_log_odds(rng):
    q, y = rng.uniform(0.01, 0.99, 100), rng.integers(2, size=100)
    from_logits = xent.sigmoid_cross_entropy(np.log(q / (1 - q)), y, reduction="none")
    # log-odds up to 4.6 are rounded, and costs are 0.01 at least
    assert_allclose(binary_cross_entropy(q, y, reduction="none"), from_logits, rtol=1e-13)


# The computation --------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (5, 7)], ids=str)
@pytest.mark.parametrize("fractions", [False, True])
def test_it_computes_the_definition(rng, dtype, shape, fractions):
    probs = np.asarray(rng.uniform(0.01, 0.99, shape)).astype(dtype)
    target = np.asarray(rng.uniform(size=shape) if fractions else rng.integers(2, size=shape))
    q = probs.astype(np.float64)
    nll, gradient = loss_and_grad(probs, target, reduction="none")
    _, hessian = grad_and_hessian(probs, target, reduction="none")
    assert gradient.dtype == hessian.dtype == dtype
    eps = 4 * np.finfo(dtype).eps
    assert_allclose(nll, reference.binary_cross_entropy(q, target), rtol=eps)
    exact = reference.binary_cross_entropy_grad(q, target)
    # the two terms meet where q = y; each is 100 at most
    assert_allclose(gradient, exact, rtol=eps, atol=1e-13)
    assert_allclose(hessian, reference.binary_cross_entropy_hessian(q, target), rtol=eps)


# Edges ------------------------------------------------------------------------


@pytest.mark.parametrize(("prob", "target"), [(0.0, 1), (1.0, 0), (0.0, 0.5), (1.0, 0.5)])
def test_an_impossible_label_costs_infinity_and_is_reported(prob, target):
    with pytest.warns(xent.errors.MisuseWarning, match="D27"):
        assert binary_cross_entropy(prob, target) == np.inf
    with pytest.raises(xent.errors.XentValueError, match=r"D27.*first: probs\[1\]"):
        binary_cross_entropy([0.5, prob], [0, target], zero="raise")


def test_a_clip_bounds_the_loss_and_its_slope_on_both_sides():
    with pytest.warns(xent.errors.MisuseWarning, match="D31.*100% of the loss.*2 clipped"):
        nll, gradient = loss_and_grad([0.0, 1.0], [1, 0], zero="clip:1e-10", reduction="none")
    assert_allclose(nll, 10 * np.log([10, 10]), rtol=1e-15)
    assert_allclose(gradient, [-1e10, 1e10], rtol=1e-15)


@pytest.mark.parametrize("held", [np.nan, np.inf, -3.0, 0.0])
def test_a_skipped_node_may_hold_anything(held):
    probs = np.array([0.5, held, 0.25])
    by_target = loss_and_grad(probs, [0, IGNORED, 1], ignore_index=IGNORED, reduction="none")
    by_weight = loss_and_grad(probs, [0, 1, 1], sample_weight=[1, 0, 1], reduction="none")
    for nll, gradient in (by_target, by_weight):
        assert_allclose(nll, [np.log(2), 0, np.log(4)], **CLOSE)
        assert_allclose(gradient, [2, 0, -4], **CLOSE)


# The public function ----------------------------------------------------------

COMBINATIONS = list(itertools.product([None, 0, 1], [False, True], [False, True]))


@pytest.mark.parametrize(("axis", "weighted", "sampled"), COMBINATIONS)
def test_every_combination_of_options_means_what_it_says(rng, axis, weighted, sampled):
    shape = 6, 4
    probs, target = rng.uniform(0.1, 0.9, shape), rng.integers(2, size=shape)
    labels = 1 if axis is None else axis
    along = [1, 1]
    along[labels] = shape[labels]
    weight = rng.uniform(size=shape[labels])
    rows = shape if axis is None else (shape[1 - axis],)
    sample_weight = rng.uniform(size=rows)
    options, w = {"axis": axis}, np.ones(shape)
    if weighted:
        options["weight"], w = weight, w * weight.reshape(along)
    if sampled:
        options["sample_weight"] = sample_weight
        w = w * (sample_weight if axis is None else np.expand_dims(sample_weight, axis))
    nll = w * reference.binary_cross_entropy(probs, target)
    gradient = w * reference.binary_cross_entropy_grad(probs, target)
    none = loss_and_grad(probs, target, reduction="none", **options)
    assert_allclose(none[0], nll if axis is None else nll.sum(axis=axis), **CLOSE)
    assert_allclose(none[1], gradient, **CLOSE)
    denominator = w if axis is None else (sample_weight if sampled else np.ones(rows))
    mean = loss_and_grad(probs, target, **options)
    assert_allclose(mean[0], nll.sum() / denominator.sum(), **CLOSE)
    assert_allclose(mean[1], gradient / denominator.sum(), **CLOSE)
    total = binary_cross_entropy(probs, target, reduction="total", **options)
    assert_allclose([total.sum, total.weight], [nll.sum(), denominator.sum()], **CLOSE)


def test_ignored_nodes_totals_and_out(rng):
    probs, target = rng.uniform(0.1, 0.9, 8), rng.integers(2, size=8)
    target[:3] = IGNORED
    whole, gradient = loss_and_grad(probs, target, ignore_index=IGNORED)
    assert_allclose(whole, binary_cross_entropy(probs[3:], target[3:]), **CLOSE)
    parts = [
        binary_cross_entropy(probs[a], target[a], ignore_index=IGNORED, reduction="total")
        for a in (slice(3), slice(3, 4), slice(4, 8))
    ]
    assert parts[0] == Total()
    assert_allclose(xent.merge(parts).mean(), whole, **CLOSE)
    assert loss_and_grad(probs, target, ignore_index=IGNORED, out=probs)[0] == whole
    assert_array_equal(probs, gradient)


@pytest.mark.parametrize(
    ("arguments", "options", "code", "text"),
    [
        (([0.5, 1.5], [0, 1]), {}, "D07", r"probs\[1\] = 1.5.*sigmoid_cross_entropy"),
        (([0.5, np.nan], [0, 1]), {}, "D07", "Drop those rows"),
        (([0.5, 0.5], [0, 2]), {}, "D08", r"target\[1\] = 2"),
        ((np.full((3, 1), 0.5), np.zeros(3)), {}, "D15", r"probs\[:, 0\]"),
        (([0.5], ["a"]), {}, "D16", "labels"),
        (([], []), {}, "D02", "0 rows"),
        (([0.5], [-1]), {"ignore_index": -1}, "D02", "ignore_index=-1"),
        (([0.5], [1]), {"zero": "clip"}, None, "clip:EPS"),
    ],
)
def test_errors_name_the_rule(arguments, options, code, text):
    with pytest.raises((xent.errors.XentValueError, xent.errors.XentTypeError), match=text) as e:
        binary_cross_entropy(*arguments, **options)
    assert e.value.code == code


@pytest.mark.parametrize(
    ("probs", "target", "told"),
    [
        ([0.9, 0.0, 0.4], [1, 1, 0], r"1 of 3 entries do; first: probs\[1\] = 0 with target 1"),
        ([0.9, 1.0, 1.0], [1, 0, 0], r"2 of 3 entries do; first: probs\[1\] = 1 with target 0"),
        (1.0, 0.5, r"1 of 1 entries do; first: probs = 1 with target 0.5"),
    ],
)
def test_an_infinite_loss_names_the_probability_and_the_label_that_came(probs, target, told):
    with pytest.warns(xent.errors.MisuseWarning, match=told):
        assert xent.binary_cross_entropy(np.array(probs), np.array(target)) == np.inf
    with pytest.raises(xent.errors.XentValueError, match=told):
        xent.binary_cross_entropy(np.array(probs), np.array(target), zero="raise")
