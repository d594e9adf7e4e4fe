"""Sigmoid cross-entropy: its definition, the kernel against it, edges, the public function."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn._loss import HalfBinomialLoss

import xent
from xent import Total, sigmoid_cross_entropy
from xent.losses import reference

# one node; below, at and above a block of 256; more than one chunk of 32768
SHAPES = [(), (1,), (3, 5), (255,), (256,), (257,), (4, 10_000)]
DTYPES = [np.float16, np.float32, np.float64]
IGNORED = -1

loss_and_grad = xent.value_and_grad(sigmoid_cross_entropy)
grad_and_hessian = xent.gradient_and_hessian(sigmoid_cross_entropy)

nodes = hnp.arrays(np.float64, hnp.array_shapes(max_side=6), elements=st.floats(-50, 50))

# a dozen float64 roundings
CLOSE = {"rtol": 1e-13, "atol": 1e-15}


def rtol(dtype):
    """4 ulp of the result, and as much for float64 equations."""
    return 4 * np.finfo(dtype).eps + 1e-14


# The definition ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("logit", "target", "expected"),
    [
        (0.0, 0, np.log(2)),  # a coin flip: one bit
        (0.0, 1, np.log(2)),
        (0.0, 0.3, np.log(2)),
        (np.log(3), 1, np.log(4 / 3)),  # probability 3/4
        (np.log(3), 0, np.log(4)),
        (100.0, 1, np.exp(-100)),  # not 0
        (-1000.0, 1, 1000.0),
        (np.inf, 1, 0.0),
        (np.inf, 0, np.inf),
        (-np.inf, 0, 0.0),
        (-np.inf, 1, np.inf),
    ],
)
def test_values_known_by_hand(logit, target, expected):
    assert_allclose(sigmoid_cross_entropy(logit, target), expected, rtol=1e-15)
    assert_allclose(reference.sigmoid_cross_entropy(logit, target), expected, rtol=1e-15)


@given(nodes)
def test_the_opposite_label_of_the_opposite_logit_costs_the_same(logits):
    zeros, ones = np.zeros(logits.shape), np.ones(logits.shape)
    assert_array_equal(
        sigmoid_cross_entropy(logits, zeros, reduction="none"),
        sigmoid_cross_entropy(-logits, ones, reduction="none"),
    )


@given(nodes)
def test_the_two_labels_of_a_node_differ_by_its_logit(logits):
    cost = [
        sigmoid_cross_entropy(logits, np.full(logits.shape, y), reduction="none") for y in (0, 1)
    ]
    # an ulp of 50 in each
    assert_allclose(cost[0] - cost[1], logits, atol=4 * np.spacing(50.0))


def test_the_derivatives_of_the_reference_are_those_of_its_value(rng):
    z, y, h = rng.normal(size=50) * 3, rng.uniform(size=50), 1e-5
    value, gradient = reference.sigmoid_cross_entropy, reference.sigmoid_cross_entropy_grad
    slope = (value(z + h, y, 2.0) - value(z - h, y, 2.0)) / (2 * h)
    assert_allclose(gradient(z, y, 2.0), slope, atol=1e-9)
    curve = (gradient(z + h, y, 2.0) - gradient(z - h, y, 2.0)) / (2 * h)
    assert_allclose(reference.sigmoid_cross_entropy_hessian(z, y, 2.0), curve, atol=1e-9)


# The kernel -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("fractions", [False, True])
def test_the_kernel_computes_the_definition(rng, shape, dtype, fractions):
    logits = np.asarray(rng.normal(size=shape) * 4).astype(dtype)
    target = rng.uniform(size=shape) if fractions else rng.integers(2, size=shape)
    target = np.asarray(target, np.float64 if dtype == np.float64 else np.float32)
    nll, gradient = loss_and_grad(logits, target, reduction="none")
    _, hessian = grad_and_hessian(logits, target, reduction="none")
    assert nll.dtype == (np.float64 if dtype == np.float64 else np.float32)
    assert gradient.dtype == hessian.dtype == dtype
    exact = reference.sigmoid_cross_entropy(logits, target)
    assert_allclose(nll, exact, rtol=rtol(nll.dtype))
    # a fraction's two terms may meet: 4 ulp of a number below 1
    exact = reference.sigmoid_cross_entropy_grad(logits, target)
    atol = rtol(dtype) if fractions else np.finfo(dtype).smallest_subnormal
    assert_allclose(gradient, exact, rtol=rtol(dtype), atol=atol)
    exact = reference.sigmoid_cross_entropy_hessian(logits, target)
    tiny = np.finfo(dtype).smallest_subnormal
    assert_allclose(hessian, exact, rtol=2 * rtol(dtype), atol=tiny)


def test_torch_agrees_in_float64(rng):
    logits, target = rng.normal(size=(20, 6)) * 3, rng.uniform(size=(20, 6))
    pos_weight = rng.uniform(size=6) * 3
    x = torch.tensor(logits, requires_grad=True)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        x, torch.tensor(target), pos_weight=torch.tensor(pos_weight)
    )
    theirs.backward()
    loss, gradient = loss_and_grad(logits, target, pos_weight=pos_weight)
    assert_allclose(loss, theirs.item(), rtol=1e-14)
    assert_allclose(gradient, x.grad, atol=2e-16)


def test_scikit_learn_agrees_on_loss_gradient_and_hessian(rng):
    logits, target = rng.normal(size=200) * 3, rng.integers(2, size=200)
    theirs = HalfBinomialLoss()
    y = target.astype(np.float64)
    loss, gradient = theirs.loss_gradient(y_true=y, raw_prediction=logits)
    nll, ours = loss_and_grad(logits, target, reduction="none")
    # they subtract y from a probability: an ulp of 1
    assert_allclose(nll, loss, rtol=1e-12, atol=1e-15)
    assert_allclose(ours, gradient, atol=1e-15)
    _, hessian = theirs.gradient_hessian(y_true=y, raw_prediction=logits)
    assert_allclose(grad_and_hessian(logits, target, reduction="none")[1], hessian, atol=1e-15)


@pytest.mark.parametrize("dtype", ["bool", "u1", "i4", "i8", "f2", "f4", "f8"])
def test_labels_of_every_dtype_mean_the_same(rng, dtype):
    logits, target = rng.normal(size=300), rng.integers(2, size=300)
    value, gradient = loss_and_grad(logits, target.astype(dtype))
    expected = loss_and_grad(logits, target)
    assert value == expected[0]
    assert_array_equal(gradient, expected[1])


def test_a_node_does_not_depend_on_its_batch_nor_on_the_number_of_threads(rng):
    logits, target = rng.normal(size=100_000).astype(np.float32), rng.integers(2, size=100_000)
    results = []
    try:
        for threads in (1, 2, 5):
            xent.set_num_threads(threads)
            results.append(loss_and_grad(logits, target, reduction="none"))
            results[-1] += (sigmoid_cross_entropy(logits, target),)
    finally:
        xent.set_num_threads(None)
    nll, gradient, mean = results[0]
    for other in results[1:]:
        assert_array_equal(other[0], nll)
        assert_array_equal(other[1], gradient)
        assert other[2] == mean
    for i in (0, 255, 256, 32768, 99_999):
        alone = loss_and_grad(logits[i : i + 1], target[i : i + 1], reduction="none")
        assert (alone[0][0], alone[1][0]) == (nll[i], gradient[i])


# Edges ------------------------------------------------------------------------


def test_infinite_logits_of_the_right_sign_cost_nothing_and_have_no_slope():
    nll, gradient = loss_and_grad([np.inf, -np.inf], [1, 0], reduction="none")
    assert_array_equal(nll, [0, 0])
    assert_array_equal(gradient, [0, 0])


def test_infinite_logits_of_the_wrong_sign_cost_infinity_with_slope_one():
    nll, gradient = loss_and_grad([np.inf, -np.inf], [0, 1], reduction="none")
    assert_array_equal(nll, [np.inf, np.inf])
    assert_array_equal(gradient, [1, -1])


def test_nan_stays_in_its_node():
    nll, gradient = loss_and_grad([0.0, np.nan, 0.0], [0, 1, 1], reduction="none")
    assert_array_equal(nll, [np.log(2), np.nan, np.log(2)])
    assert_array_equal(gradient, [0.5, np.nan, -0.5])


@pytest.mark.parametrize("held", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "options", [{"ignore_index": IGNORED}, {"sample_weight": np.array([1.0, 0.0, 1.0])}], ids=str
)
def test_a_skipped_node_is_exactly_zero_whatever_it_holds(held, options):
    target = np.array([0, IGNORED if "ignore_index" in options else 1, 1])
    nll, gradient = loss_and_grad([0.0, held, 0.0], target, reduction="none", **options)
    assert_array_equal(nll, [np.log(2), 0, np.log(2)])
    assert_array_equal(gradient, [0.5, 0, -0.5])


# The public function ----------------------------------------------------------

COMBINATIONS = list(
    itertools.product([None, 0, 1], [False, True], [False, True], [False, True], [0.0, 0.2])
)


@pytest.mark.parametrize(("axis", "weighted", "positive", "sampled", "smoothing"), COMBINATIONS)
def test_every_combination_of_options_means_what_it_says(
    rng, axis, weighted, positive, sampled, smoothing
):
    shape = 6, 4
    logits, target = rng.normal(size=shape), rng.integers(2, size=shape)
    labels = -1 if axis is None else axis
    along = [1, 1]
    along[labels] = shape[labels]
    weight, pos_weight = rng.uniform(size=(2, shape[labels])).round(3)
    rows = shape if axis is None else shape[:axis] + shape[axis + 1 :]
    sample_weight = rng.uniform(size=rows)
    options = {"label_smoothing": smoothing, "axis": axis}
    w = np.ones(shape)
    if weighted:
        options["weight"] = weight
        w = w * weight.reshape(along)
    if sampled:
        options["sample_weight"] = sample_weight
        w = w * (sample_weight if axis is None else np.expand_dims(sample_weight, axis))
    v = 1.0
    if positive:
        options["pos_weight"] = pos_weight
        v = pos_weight.reshape(along)
    y = (1 - smoothing) * target + smoothing / 2
    nll = w * reference.sigmoid_cross_entropy(logits, y, v)
    gradient = w * reference.sigmoid_cross_entropy_grad(logits, y, v)
    none = loss_and_grad(logits, target, reduction="none", **options)
    assert_allclose(none[0], nll if axis is None else nll.sum(axis=axis), **CLOSE)
    assert_allclose(none[1], gradient, **CLOSE)
    total = sigmoid_cross_entropy(logits, target, reduction="total", **options)
    assert_allclose(total.sum, nll.sum(), **CLOSE)
    mean = loss_and_grad(logits, target, **options)
    assert_allclose(mean[0], nll.sum() / total.weight, **CLOSE)
    assert_allclose(mean[1], gradient / total.weight, **CLOSE)
    # the label weights are in the denominator of nodes, and are no weight of a sample
    denominator = w if axis is None else (sample_weight if sampled else np.ones(rows))
    assert_allclose(total.weight, denominator.sum(), **CLOSE)


def test_ignored_nodes_are_nodes_that_are_not_there(rng):
    logits, target = rng.normal(size=9), rng.integers(2, size=9)
    target[[2, 5]] = IGNORED
    kept = target != IGNORED
    value, gradient = loss_and_grad(logits, target, ignore_index=IGNORED)
    expected = loss_and_grad(logits[kept], target[kept])
    assert_allclose(value, expected[0], rtol=1e-15)
    assert_array_equal(gradient[kept], expected[1])


def test_totals_merge(rng):
    logits, target = rng.normal(size=9), rng.integers(2, size=9)
    parts = [
        sigmoid_cross_entropy(logits[a], target[a], reduction="total")
        for a in (slice(2), slice(2, 9))
    ]
    assert_allclose(xent.merge(parts).mean(), sigmoid_cross_entropy(logits, target), rtol=1e-15)
    assert parts[0].count == 2


def test_out_is_written_also_in_place_and_inputs_may_be_strided(rng):
    logits, target = rng.normal(size=(5, 8)), rng.integers(2, size=(5, 8))
    value, gradient = loss_and_grad(logits, target)
    strided = loss_and_grad(np.asfortranarray(logits), target.T.copy().T)
    assert strided[0] == value
    assert_array_equal(strided[1], gradient)
    assert loss_and_grad(logits, target, out=logits)[0] == value
    assert_array_equal(logits, gradient)


def test_the_mean_of_nothing_follows_on_empty():
    with pytest.raises(xent.errors.XentValueError, match="D02"):
        sigmoid_cross_entropy([], [])
    assert np.isnan(sigmoid_cross_entropy([], [], on_empty="nan"))
    assert sigmoid_cross_entropy([1.0], [-1], ignore_index=-1, on_empty="zero") == 0
    assert sigmoid_cross_entropy([], [], reduction="total") == Total()


@pytest.mark.parametrize(
    ("arguments", "options", "code", "value", "text"),
    [
        (([0.0, 1.0], [0, 2]), {}, "D08", 2, r"in \[0, 1\].*target\[1\] = 2"),
        (([0.0, 1.0], [0, -1]), {}, "D08", -1, "1 of 2"),
        (([0.0, 1.0], [0, np.nan]), {}, "D08", None, "NaN"),
        ((np.zeros((3, 1)), np.zeros(3)), {}, "D15", (3,), r"logits\[:, 0\]"),
        (([0.0], ["a"]), {}, "D16", "<U1", "labels"),
        (([0.0, 1.0], [0, 1]), {"pos_weight": [1.0]}, "D15", (1,), "2 labels"),
        (([0.0, 1.0], [0, 1]), {"label_smoothing": -0.1}, None, -0.1, r"\[0, 1\]"),
        (([0.0, 1.0], [0, 1]), {"reduction": "avg"}, None, "avg", "got 'avg'"),
    ],
)
def test_errors_name_the_rule_and_the_value(arguments, options, code, value, text):
    with pytest.raises((xent.errors.XentValueError, xent.errors.XentTypeError), match=text) as e:
        sigmoid_cross_entropy(*arguments, **options)
    assert e.value.code == code
    if value is not None:
        assert e.value.value == value
