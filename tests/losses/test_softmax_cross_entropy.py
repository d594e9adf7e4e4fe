"""Softmax cross-entropy: its definition, its properties, the kernel against it, the edges.

What the options of the public function do is in test_softmax_cross_entropy_options.py, and
how many digits are right in tests/accuracy.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn._loss import HalfMultinomialLoss

import xent
from xent.losses import reference

# one row and one class; both loops, at and beside their limits; several blocks of rows
SHAPES = [(1, 1), (1, 2), (3, 7), (70, 10), (5, 64), (4, 65), (3, 193), (300, 3), (2, 5000)]
DTYPES = [np.float16, np.float32, np.float64]

loss_and_grad = xent.value_and_grad(xent.softmax_cross_entropy)
grad_and_hessian = xent.gradient_and_hessian(xent.softmax_cross_entropy)

# a single class is an edge here, and of no use to anybody else
pytestmark = pytest.mark.filterwarnings("ignore:D17. the logits have one class")

logit_rows = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.floats(-50, 50),
)


def one_hot(target, num_classes):
    return np.eye(num_classes)[target]


def nll_of(logits, target):
    return xent.softmax_cross_entropy(np.array(logits), np.array(target), reduction="none")


def rtol(dtype):
    """4 ulp of the result, of the gradient's dtype, and as much for float64 equations."""
    return 4 * np.finfo(dtype).eps + 1e-14


# The definition ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("logits", "target", "expected"),
    [
        ([0.0, 0.0], 0, np.log(2)),  # two equally likely classes: one bit
        ([0.0] * 10, 3, np.log(10)),
        ([np.log(3), 0.0], 0, np.log(4 / 3)),  # probability 3/4
        ([7.0], 0, 0.0),  # one class carries no information
        ([0.0, -np.inf], 0, 0.0),
        ([0.0, -np.inf], 1, np.inf),
        ([100.0, 0.0], 0, np.exp(-100)),  # not 0
        ([0.0, 1000.0], 0, 1000.0),
    ],
)
def test_values_known_by_hand(logits, target, expected):
    assert_allclose(nll_of([logits], [target]), [expected], rtol=1e-15)
    s = one_hot([target], len(logits))
    assert_allclose(reference.softmax_cross_entropy(np.array([logits]), s), [expected], rtol=1e-15)


@given(logit_rows, st.integers(-1000, 1000))
def test_adding_a_constant_to_a_row_changes_nothing(logits, constant):
    target = np.zeros(len(logits), np.int64)
    # what rounding x + c moves: an ulp of 1050 in each logit
    assert_allclose(nll_of(logits + constant, target), nll_of(logits, target), atol=4e-13)


@given(logit_rows)
def test_the_loss_is_never_negative_and_zero_only_for_one_class(logits):
    nll = nll_of(logits, np.zeros(len(logits), np.int64))
    assert (nll > 0).all() or logits.shape[1] == 1


@given(logit_rows, st.randoms(use_true_random=False))
def test_the_order_of_the_other_classes_does_not_matter(logits, random):
    order = list(range(logits.shape[1]))
    random.shuffle(order)
    target = np.full(len(logits), order.index(0))
    assert_allclose(
        nll_of(logits[:, order], target),
        nll_of(logits, np.zeros(len(logits), np.int64)),
        rtol=8e-15,
    )


@given(logit_rows)
def test_the_gradient_of_the_reference_is_that_of_its_value(logits):
    s = np.full(logits.shape, 1 / logits.shape[1])
    h = 1e-5
    for j in range(logits.shape[1]):
        step = h * (np.arange(logits.shape[1]) == j)
        up, down = (reference.softmax_cross_entropy(logits + d, s) for d in (step, -step))
        gradient = reference.softmax_cross_entropy_grad(logits, s)[:, j]
        # h^2 / 6 of the third derivative, and the rounding of losses up to 100 over 2 h
        assert_allclose((up - down) / (2 * h), gradient, atol=1e-10 + 4e-14 / h)


def test_the_hessian_of_the_reference_is_that_of_its_gradient(rng):
    logits, s, h = rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), 6), 1e-5
    hessian = reference.softmax_cross_entropy_hessian(logits, s)
    for j in range(4):
        step = h * (np.arange(4) == j)
        up, down = (reference.softmax_cross_entropy_grad(logits + d, s) for d in (step, -step))
        assert_allclose(((up - down) / (2 * h))[:, j], hessian[:, j], atol=1e-10)


# The kernel -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_kernel_computes_the_definition(rng, shape, dtype):
    logits = (rng.normal(size=shape) * 4).astype(dtype)
    target = rng.integers(shape[1], size=shape[0])
    s = one_hot(target, shape[1])
    nll, gradient = loss_and_grad(logits, target, reduction="none")
    assert nll.dtype == (np.float64 if dtype == np.float64 else np.float32)
    assert gradient.dtype == dtype
    exact = reference.softmax_cross_entropy(logits, s)
    assert_allclose(nll, exact, rtol=rtol(nll.dtype))
    tiny = np.finfo(dtype).smallest_subnormal
    exact = reference.softmax_cross_entropy_grad(logits, s)
    assert_allclose(gradient, exact, rtol=rtol(dtype), atol=tiny)
    _, hessian = grad_and_hessian(logits, target, reduction="none")
    exact = reference.softmax_cross_entropy_hessian(logits, s)
    assert_allclose(hessian, exact, rtol=2 * rtol(dtype), atol=tiny)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_soft_targets_too(rng, shape):
    logits = rng.normal(size=shape) * 4
    soft = rng.dirichlet(np.ones(shape[1]), shape[0])
    nll, gradient = loss_and_grad(logits, soft, reduction="none")
    assert_allclose(nll, reference.softmax_cross_entropy(logits, soft), rtol=1e-13)
    # the two terms of an entry may meet: 4 ulp of a number below 1
    exact = reference.softmax_cross_entropy_grad(logits, soft)
    assert_allclose(gradient, exact, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("soft", [False, True])
def test_torch_agrees_in_float64(rng, soft):
    logits = rng.normal(size=(20, 6)) * 3
    target = rng.dirichlet(np.ones(6), 20) if soft else rng.integers(6, size=20)
    x = torch.tensor(logits, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(x, torch.tensor(target), label_smoothing=0.1)
    theirs.backward()
    loss, gradient = loss_and_grad(logits, target, label_smoothing=0.1)
    # torch subtracts a log-sum-exp of about 8: an ulp of that
    assert_allclose(loss, theirs.item(), rtol=1e-14)
    assert_allclose(gradient, x.grad, atol=2e-16)


def test_scikit_learn_agrees_on_loss_gradient_and_hessian(rng):
    logits, target = rng.normal(size=(50, 4)), rng.integers(4, size=50)
    theirs = HalfMultinomialLoss(n_classes=4)
    y = target.astype(np.float64)
    loss, gradient = theirs.loss_gradient(y_true=y, raw_prediction=logits)
    assert_allclose(nll_of(logits, target), loss, rtol=1e-13)
    _, hessian = theirs.gradient_hessian(y_true=y, raw_prediction=logits)
    ours = grad_and_hessian(logits, target, reduction="none")
    assert_allclose(ours[0], gradient, atol=1e-15)
    assert_allclose(ours[1], hessian, atol=1e-15)


@pytest.mark.parametrize("num_classes", [3, 10, 65, 193, 1000])
@pytest.mark.parametrize("soft", [False, True])
def test_a_row_does_not_depend_on_its_batch(rng, num_classes, soft):
    logits = rng.normal(size=(131, num_classes)).astype(np.float32)
    target = rng.integers(num_classes, size=131)
    if soft:
        target = rng.dirichlet(np.ones(num_classes), 131).astype(np.float32)
    nll, gradient = loss_and_grad(logits, target, reduction="none")
    for i in (0, 1, 63, 64, 130):
        alone = loss_and_grad(logits[i : i + 1], target[i : i + 1], reduction="none")
        assert_array_equal(alone[0], nll[i : i + 1])
        assert_array_equal(alone[1], gradient[i : i + 1])


@pytest.mark.parametrize("shape", [(40_000, 10), (400, 1000), (3, 200_000)], ids=str)
def test_nothing_depends_on_the_number_of_threads(rng, shape):
    logits = rng.normal(size=shape).astype(np.float32)
    target = rng.integers(shape[1], size=shape[0])
    results = []
    try:
        for threads in (1, 2, 5):
            xent.set_num_threads(threads)
            results.append(
                (*loss_and_grad(logits, target), xent.softmax_cross_entropy(logits, target))
            )
    finally:
        xent.set_num_threads(None)
    for loss, gradient, value in results[1:]:
        assert loss == value == results[0][0]
        assert_array_equal(gradient, results[0][1])


# Edges ------------------------------------------------------------------------

EDGE_CLASSES = [5, 65, 300]


@pytest.mark.parametrize("num_classes", EDGE_CLASSES)
@pytest.mark.parametrize("soft", [False, True])
def test_a_positive_infinite_logit_gives_nan(num_classes, soft):
    for place in (0, num_classes - 1):
        logits = np.zeros((1, num_classes))
        logits[0, place] = np.inf
        target = one_hot([0], num_classes) if soft else [0]
        assert_array_equal(nll_of(logits, target), [np.nan])


@pytest.mark.parametrize("num_classes", EDGE_CLASSES)
def test_a_row_of_nothing_but_impossible_classes_gives_nan(num_classes):
    assert_array_equal(nll_of(np.full((1, num_classes), -np.inf), [0]), [np.nan])


@pytest.mark.parametrize("num_classes", EDGE_CLASSES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_where_all_other_classes_are_impossible_loss_and_gradient_are_zero(num_classes, dtype):
    logits = np.full((1, num_classes), -np.inf, dtype)
    logits[0, 2] = -3
    nll, gradient = loss_and_grad(logits, [2], reduction="none")
    assert_array_equal(nll, [0])
    assert_array_equal(gradient, np.zeros((1, num_classes)))


@pytest.mark.parametrize("soft", [False, True])
def test_impossible_classes_may_fill_whole_blocks(soft):
    logits = np.full((1, 600), -np.inf)
    logits[0, 590:] = 0
    target = one_hot([599], 600) if soft else [599]
    nll, gradient = loss_and_grad(logits, target, reduction="none")
    assert_allclose(nll, [np.log(10)], rtol=1e-15)
    assert_array_equal(gradient[0, :590], 0)
    assert_allclose(gradient[0, 590:], [0.1] * 9 + [-0.9], rtol=1e-15)


@pytest.mark.parametrize("num_classes", EDGE_CLASSES)
def test_mass_on_an_impossible_class_costs_infinity(num_classes):
    logits = np.zeros((2, num_classes))
    logits[:, 0] = -np.inf
    smoothed = xent.softmax_cross_entropy(
        logits, np.array([1, 2]), label_smoothing=0.1, reduction="none"
    )
    assert_array_equal(smoothed, [np.inf, np.inf])
    nll, gradient = loss_and_grad(logits, np.array([0, 1]), reduction="none")
    assert nll[0] == np.inf
    assert_allclose(nll[1], np.log(num_classes - 1), rtol=1e-14)
    assert gradient[0, 0] == -1
    assert_allclose(gradient[0, 1:], 1 / (num_classes - 1), rtol=1e-14)


@pytest.mark.parametrize("num_classes", EDGE_CLASSES)
@pytest.mark.parametrize("place", [0, 3])
def test_nan_stays_in_its_row(rng, num_classes, place):
    logits = rng.normal(size=(7, num_classes))
    expected = loss_and_grad(logits, np.zeros(7, int), reduction="none")
    broken = logits.copy()
    broken[4, place] = np.nan
    nll, gradient = loss_and_grad(broken, np.zeros(7, int), reduction="none")
    assert np.isnan(nll[4])
    assert np.isnan(gradient[4, 0])
    for ours, clean in ((nll, expected[0]), (gradient, expected[1])):
        assert_array_equal(np.delete(ours, 4, axis=0), np.delete(clean, 4, axis=0))


@pytest.mark.parametrize("num_classes", EDGE_CLASSES)
@pytest.mark.parametrize("held", [np.nan, np.inf, -np.inf])
def test_a_skipped_row_is_exactly_zero_whatever_it_holds(num_classes, held):
    logits = np.zeros((3, num_classes))
    logits[1] = held
    target = np.array([0, -100, 2])
    ignored = loss_and_grad(logits, target, ignore_index=-100, reduction="none")
    weight = np.array([1.0, 0.0, 1.0])
    soft = one_hot([0, 1, 2], num_classes)
    weighted = loss_and_grad(logits, soft, sample_weight=weight, reduction="none")
    for nll, gradient in (ignored, weighted):
        assert_array_equal(nll[1], 0)
        assert_array_equal(gradient[1], np.zeros(num_classes))
        assert_allclose(nll[[0, 2]], np.log(num_classes), rtol=1e-14)
