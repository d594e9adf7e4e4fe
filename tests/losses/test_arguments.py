"""What the losses make of arguments that are not what they ask for."""

from __future__ import annotations

import numpy as np
import pytest

import xent
from xent.errors import XentTypeError, XentValueError

LOGITS = np.array([[2.0, 0.0, 1.0], [0.0, 8.0, 0.0]])
PROBS = xent.softmax(LOGITS)
CLASSES = np.array([0, 1])
LABELS = np.array([[1, 0, 0], [0, 1, 0]])

LOSSES = [
    pytest.param(xent.softmax_cross_entropy, LOGITS, CLASSES, id="softmax"),
    pytest.param(xent.categorical_cross_entropy, PROBS, CLASSES, id="categorical"),
    pytest.param(xent.sigmoid_cross_entropy, LOGITS, LABELS, id="sigmoid"),
    pytest.param(xent.binary_cross_entropy, PROBS, LABELS, id="binary"),
    pytest.param(xent.half_squared_error, LOGITS, LABELS, id="half_squared_error"),
]
WITH_IGNORE = LOSSES[:4]


@pytest.mark.parametrize(("loss", "scores", "target"), LOSSES)
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8", ">f2"])
def test_byte_order_changes_nothing(loss, scores, target, dtype):
    swapped = scores.astype(dtype)
    native = swapped.astype(swapped.dtype.newbyteorder("="))
    value, gradient = xent.value_and_grad(loss)(swapped, target.astype(">i4"))
    expected, expected_gradient = xent.value_and_grad(loss)(native, target)
    assert value == expected
    np.testing.assert_array_equal(gradient, expected_gradient)
    assert gradient.dtype == native.dtype


@pytest.mark.parametrize(("loss", "scores", "target"), LOSSES)
@pytest.mark.parametrize("dtype", ["Float64", "double[pyarrow]"])
def test_tables_of_pandas_that_may_lack_entries(loss, scores, target, dtype):
    pandas = pytest.importorskip("pandas")
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    table = pandas.DataFrame(scores).astype(dtype)
    assert np.asarray(table).dtype == object
    table_of_target = target if target.ndim == 1 else pandas.DataFrame(target).astype("Int64")
    value, gradient = xent.value_and_grad(loss)(table, table_of_target)
    expected, expected_gradient = xent.value_and_grad(loss)(scores, target)
    assert value == expected
    np.testing.assert_array_equal(gradient, expected_gradient)


def test_tables_of_names_are_no_numbers():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": ["0.5", "1"], "b": ["1", "2"]}, dtype=object)
    with pytest.raises(XentTypeError, match="logits must be an array of float16"):
        xent.softmax(table)
    lacking = pandas.DataFrame({"a": [1.0, None], "b": [2.0, 3.0]}).astype("Float64")
    assert np.isnan(xent.softmax(lacking)).tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sigmoid", "log_sigmoid"])
def test_maps_read_either_byte_order(name):
    apply = getattr(xent, name)
    np.testing.assert_array_equal(apply(LOGITS.astype(">f8")), apply(LOGITS))


@pytest.mark.parametrize(("loss", "scores", "target"), LOSSES)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "must be an array, got None"),
        ([[1.0, 2.0], [1.0]], "must be an array that NumPy can read, got list"),
        (np.ma.masked_array(PROBS, PROBS > 0.9), r"must not be masked, but 1 of 6.*\[1, 1\]"),
    ],
    ids=["none", "ragged", "masked"],
)
def test_what_is_no_array(loss, scores, target, value, message):
    with pytest.raises(XentTypeError, match=message):
        loss(value, target)
    with pytest.raises(XentTypeError, match="target " + message):
        loss(scores, value)


@pytest.mark.parametrize(("loss", "scores", "target"), LOSSES)
def test_nothing_masked_is_no_mask(loss, scores, target):
    assert loss(np.ma.masked_array(scores, False), target) == loss(scores, target)


def test_tensors_that_numpy_cannot_read_say_how():
    torch = pytest.importorskip("torch")
    for tensor in (torch.tensor(LOGITS, requires_grad=True), torch.tensor(LOGITS).bfloat16()):
        with pytest.raises(XentTypeError, match=r"torch\.Tensor.*logits\.detach\(\)\.float\(\)"):
            xent.softmax_cross_entropy(tensor, CLASSES)


@pytest.mark.parametrize(("loss", "scores", "target"), WITH_IGNORE)
@pytest.mark.parametrize("value", ["a", 0.5, float("nan"), 2**63, [1]])
def test_ignore_index_is_an_integer(loss, scores, target, value):
    with pytest.raises(XentTypeError, match="ignore_index must be a target"):
        loss(scores, target, ignore_index=value)


@pytest.mark.parametrize(("loss", "scores", "target"), WITH_IGNORE)
def test_a_whole_float_is_an_ignore_index(loss, scores, target):
    assert loss(scores, target, ignore_index=1.0) == loss(scores, target, ignore_index=1)


@pytest.mark.parametrize(("loss", "scores", "target"), WITH_IGNORE)
@pytest.mark.parametrize("axis", [1.0, "a", (0, 1)])
def test_axis_is_an_integer(loss, scores, target, axis):
    with pytest.raises(XentTypeError, match="D14: axis must be an integer, got"):
        loss(scores, target, axis=axis)


def test_softmax_needs_one_axis():
    with pytest.raises(XentTypeError, match="D14: axis must be an integer, got None"):
        xent.softmax(LOGITS, axis=None)


@pytest.mark.parametrize(
    "loss", [xent.softmax_cross_entropy, xent.sigmoid_cross_entropy], ids=["softmax", "sigmoid"]
)
def test_label_smoothing_is_a_number(loss):
    with pytest.raises(XentTypeError, match=r"label_smoothing must be a number in \[0, 1\]"):
        loss(LOGITS, LABELS, label_smoothing="0.1")


@pytest.mark.parametrize(("loss", "scores", "target"), LOSSES)
def test_weights_are_numbers(loss, scores, target):
    with pytest.raises(XentTypeError, match="sample_weight must hold numbers"):
        loss(scores, target, sample_weight=np.full(target.shape, "x"))


def test_a_distribution_holds_numbers():
    with pytest.raises(XentTypeError, match="D16: target must hold class indices or prob"):
        xent.softmax_cross_entropy(LOGITS, LABELS.astype(str))


@pytest.mark.parametrize(("loss", "scores", "target"), LOSSES)
def test_out_may_be_the_scores_but_not_overlap_them(loss, scores, target):
    expected = xent.value_and_grad(loss)(scores, target)[1]
    held = np.zeros(scores.size + 1)
    inside, shifted = (held[i : i + scores.size].reshape(scores.shape) for i in (0, 1))
    inside[...] = scores
    with pytest.raises(XentValueError, match="out must be the first argument itself"):
        xent.value_and_grad(loss)(inside, target, out=shifted)
    np.testing.assert_array_equal(inside, scores)
    gradient = xent.value_and_grad(loss)(inside, target, out=inside)[1]
    np.testing.assert_array_equal(gradient, expected)


def test_out_is_no_target():
    target = LABELS.astype(np.float64)
    for loss in (xent.softmax_cross_entropy, xent.sigmoid_cross_entropy):
        with pytest.raises(XentValueError, match="out must be the first argument itself"):
            xent.value_and_grad(loss)(LOGITS, target, out=target)
    np.testing.assert_array_equal(target, LABELS)


@pytest.mark.parametrize(("loss", "scores", "target"), LOSSES)
@pytest.mark.parametrize("size", [1e308, 1e-310])
def test_weights_whose_sum_cannot_be_divided_by(loss, scores, target, size):
    weight = np.full(target.shape, size)
    with pytest.raises(XentValueError, match="sample_weight must sum to between 1e-290"):
        loss(scores, target, sample_weight=weight)
    expected = loss(scores, target)
    assert loss(scores, target, sample_weight=weight / size) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", ["weight", "sample_weight"])
def test_out_shares_no_memory_with_the_weights(name):
    memory = np.ones(12)
    logits, target = np.zeros((3, 3)), np.zeros(3, int)
    options = {name: memory[9:12], "out": memory[1:10].reshape(3, 3)}
    with pytest.raises(XentValueError, match="share no memory"):
        xent.value_and_grad(xent.softmax_cross_entropy)(logits, target, **options)


ANYTHING = [-1.0, 0.0, 3.0, np.nan]


@pytest.mark.parametrize("held", ANYTHING)
@xent.checks(silence=["D04"])  # what is good for one loss is not for the other
@pytest.mark.parametrize(
    "loss", [xent.softmax_cross_entropy, xent.categorical_cross_entropy], ids=lambda f: f.__name__
)
def test_nobody_looks_at_distributions_of_weight_zero(loss, held, rng):
    scores = rng.dirichlet(np.ones(3), size=4)
    target, counts = rng.dirichlet(np.ones(3), size=4), np.array([1.0, 0.0, 2.0, 0.0])
    expected = xent.value_and_grad(loss)(scores, target, sample_weight=counts)
    target[1] = held
    before = target.copy()
    value, gradient = xent.value_and_grad(loss)(scores, target, sample_weight=counts)
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    np.testing.assert_array_equal(target, before)  # the caller's array is as it was
    with pytest.raises(XentValueError, match=r"target\[1"):
        loss(scores, target, sample_weight=np.array([1.0, 1e-300, 2.0, 0.0]))


@pytest.mark.parametrize(
    "loss", [xent.softmax_cross_entropy, xent.categorical_cross_entropy], ids=lambda f: f.__name__
)
@xent.checks(silence=["D04"])
def test_nobody_looks_at_classes_of_weight_zero(loss, rng):
    scores, weight = rng.dirichlet(np.ones(3), size=4), np.array([1.0, 0.0, 2.0, 0.0])
    expected = loss(scores, [2, 0, 1, 0], sample_weight=weight)
    assert loss(scores, [2, 99, 1, -5], sample_weight=weight) == expected
    one_hot = np.array([[0, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]])
    assert loss(scores, one_hot, sample_weight=weight) == expected
    with pytest.raises(XentValueError, match=r"target\[1\] = 99"):
        loss(scores, [2, 99, 1, -5], sample_weight=np.ones(4))
    # what is ignored is ignored, and does not count
    total = loss(
        scores, [2, -100, 1, 7], sample_weight=weight, ignore_index=-100, reduction="total"
    )
    assert total.mean() == expected
    assert total.count == 3


@pytest.mark.parametrize("held", ANYTHING[::2] + ANYTHING[3:])
@pytest.mark.parametrize("axis", [None, -1])
@pytest.mark.parametrize(
    "loss", [xent.sigmoid_cross_entropy, xent.binary_cross_entropy], ids=lambda f: f.__name__
)
def test_nobody_looks_at_labels_of_weight_zero(loss, axis, held, rng):
    scores = rng.uniform(0.1, 0.9, size=(4, 3))
    target = rng.uniform(size=(4, 3))
    weight = np.array([1.0, 0.0, 2.0, 0.0])
    if axis is None:
        weight = np.repeat(weight[:, None], 3, axis=1)
    expected = xent.value_and_grad(loss)(scores, target, sample_weight=weight, axis=axis)
    target[1] = held
    value, gradient = xent.value_and_grad(loss)(scores, target, sample_weight=weight, axis=axis)
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    with pytest.raises(XentValueError, match=r"target\[1, 0\]"):
        loss(scores, target, sample_weight=weight + 1, axis=axis)


def test_rows_of_minus_one_are_taken_for_padding():
    with pytest.raises(XentValueError, match="-1 marks rows to ignore, give them"):
        xent.softmax_cross_entropy(np.zeros((2, 2)), np.array([[0.5, 0.5], [-1.0, -1.0]]))
