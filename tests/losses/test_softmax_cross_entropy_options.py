"""Softmax cross-entropy, the public function: options, shapes, reductions, errors.

`by_hand` is what every combination of options means, in float64 equations.
"""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import xent
from xent import Total, softmax_cross_entropy
from xent.losses import reference

loss_and_grad = xent.value_and_grad(softmax_cross_entropy)

N, C, IGNORED = 12, 5, -100

OPTIONS = [
    {"weight": weight, "sample_weight": sample_weight, "label_smoothing": smoothing}
    for weight, sample_weight, smoothing in itertools.product(
        [None, np.array([1.0, 2.0, 0.5, 0.0, 3.0])],
        [None, np.arange(N) / 4],
        [0.0, 0.1, 1.0],
    )
]

# a dozen float64 roundings, and float64 equations that subtract 1 - p
CLOSE = {"rtol": 1e-13, "atol": 1e-15}


@pytest.fixture
def logits(rng):
    return rng.normal(size=(N, C)) * 3


@pytest.fixture
def target(rng):
    return rng.integers(C, size=N)


def by_hand(logits, soft, weight, sample_weight, label_smoothing):
    """Losses, gradient of their sum, and the weights that the mean divides by."""
    s = (1 - label_smoothing) * soft + label_smoothing / C
    s = s if weight is None else s * weight
    rows = np.ones(len(logits)) if sample_weight is None else sample_weight
    nll = rows * reference.softmax_cross_entropy(logits, s)
    gradient = rows[:, None] * reference.softmax_cross_entropy_grad(logits, s)
    return nll, gradient, rows * s.sum(axis=1)


# D21: the same answer ---------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_index_one_hot_and_soft_targets_mean_the_same(logits, target, options):
    nll, gradient, weights = by_hand(logits, np.eye(C)[target], **options)
    one_hot = np.eye(C, dtype=int)[target]
    for same in (target, one_hot, one_hot.astype(bool), one_hot.astype(float)):
        none = loss_and_grad(logits, same, reduction="none", **options)
        assert_allclose(none[0], nll, **CLOSE)
        assert_allclose(none[1], gradient, **CLOSE)
        mean = loss_and_grad(logits, same, **options)
        assert_allclose(mean[0], nll.sum() / weights.sum(), **CLOSE)
        assert_allclose(mean[1], gradient / weights.sum(), **CLOSE)
        total = softmax_cross_entropy(logits, same, reduction="total", **options)
        assert_allclose([total.sum, total.weight], [nll.sum(), weights.sum()], **CLOSE)
        assert total.count == N


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_an_ignored_row_is_a_row_that_is_not_there(logits, target, options):
    target[[0, 7]] = IGNORED
    kept = target != IGNORED
    value, gradient = loss_and_grad(logits, target, ignore_index=IGNORED, **options)
    there = {**options}
    if there["sample_weight"] is not None:
        there["sample_weight"] = there["sample_weight"][kept]
    expected = loss_and_grad(logits[kept], target[kept], **there)
    assert_allclose(value, expected[0], **CLOSE)
    assert_allclose(gradient[kept], expected[1], **CLOSE)
    assert_array_equal(gradient[~kept], 0)


@pytest.mark.parametrize("axis", [0, 1, -2, -3])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("shape", [(3, 4, 6), (2, 300, 5), (5, 7, 70)], ids=str)
def test_a_class_axis_in_the_middle_is_a_moved_class_axis(rng, axis, soft, shape):
    logits = rng.normal(size=shape)
    last = np.moveaxis(logits, axis, -1)
    if soft:
        target_last = rng.dirichlet(np.ones(last.shape[-1]), last.shape[:-1])
        target = np.moveaxis(target_last, -1, axis)
    else:
        target = target_last = rng.integers(last.shape[-1], size=last.shape[:-1])
    weight = rng.uniform(size=last.shape[-1])
    sample_weight = rng.uniform(size=last.shape[:-1])
    options = {"weight": weight, "sample_weight": sample_weight, "reduction": "none"}
    value, gradient = loss_and_grad(logits, target, axis=axis, **options)
    expected = loss_and_grad(last, target_last, **options)
    assert_allclose(value, expected[0], **CLOSE)
    assert_allclose(np.moveaxis(gradient, axis, -1), expected[1], **CLOSE)


# Shapes and dtypes ------------------------------------------------------------


@pytest.mark.parametrize("target", [1, [0, 1, 0], [0.0, 1.0, 0.0]], ids=str)
def test_one_sample_needs_no_batch_axis(target):
    logits = [0.5, 1.0, -2.0]
    batch = np.array([target])
    value, gradient = loss_and_grad(logits, target)
    expected = loss_and_grad([logits], batch)
    assert value == expected[0]
    assert_array_equal(gradient, expected[1][0])
    assert softmax_cross_entropy(logits, target, reduction="none") == value


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u4", "i4", "i8", "u8"])
def test_every_integer_dtype_is_a_class_index(logits, target, dtype):
    value = softmax_cross_entropy(logits, target.astype(dtype))
    assert value == softmax_cross_entropy(logits, target)


def test_lists_and_integer_logits_are_taken():
    assert softmax_cross_entropy([[0, 0], [0, 0]], [0, 1]) == np.log(2)


def test_arrays_that_are_not_contiguous_are_taken(logits, target):
    expected = loss_and_grad(logits, target)
    wide = np.repeat(logits, 2, axis=1)[:, ::2]
    for same in (wide, np.asfortranarray(logits)):
        value, gradient = loss_and_grad(same, np.repeat(target, 3)[::3])
        assert value == expected[0]
        assert_array_equal(gradient, expected[1])


def test_the_result_of_none_has_the_shape_of_the_rows(rng):
    logits = rng.normal(size=(2, 3, 4)).astype(np.float16)
    nll = softmax_cross_entropy(logits, np.zeros((2, 3), int), reduction="none")
    assert nll.shape == (2, 3)
    assert nll.dtype == np.float32


def test_the_input_is_left_as_it_was(logits, target):
    before = logits.copy(), target.copy()
    loss_and_grad(logits, target)
    assert_array_equal(logits, before[0])
    assert_array_equal(target, before[1])


# Reductions and out -----------------------------------------------------------


def test_reductions_are_views_of_one_total(logits, target):
    nll = softmax_cross_entropy(logits, target, reduction="none")
    total = softmax_cross_entropy(logits, target, reduction="total")
    assert isinstance(total, Total)
    assert total.sum == softmax_cross_entropy(logits, target, reduction="sum")
    assert total.mean() == softmax_cross_entropy(logits, target)
    assert_allclose(total.sum, nll.sum(), rtol=1e-15)
    assert (total.weight, total.count, total.unit) == (N, N, "nat")


def test_micro_batches_merge_to_the_whole_however_uneven(logits, target):
    target[:6] = IGNORED
    options = {"ignore_index": IGNORED, "weight": np.arange(1.0, C + 1)}
    parts = [
        softmax_cross_entropy(logits[a:b], target[a:b], reduction="total", **options)
        for a, b in ((0, 6), (6, 7), (7, 12))
    ]
    whole = softmax_cross_entropy(logits, target, **options)
    assert_allclose(xent.merge(parts).mean(), whole, rtol=1e-15)
    assert parts[0] == Total(0.0, 0.0, 0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(N, C), (4, 300)], ids=str)
def test_the_gradient_is_written_to_out_also_in_place(rng, dtype, shape):
    logits = rng.normal(size=shape).astype(dtype)
    target = rng.integers(shape[1], size=shape[0])
    value, gradient = loss_and_grad(logits, target)
    out = np.full_like(logits, np.nan)
    again = loss_and_grad(logits, target, out=out)
    assert again[1] is out
    assert_array_equal(out, gradient)
    in_place = loss_and_grad(logits, target, out=logits)
    assert in_place[0] == again[0] == value
    assert_array_equal(logits, gradient)


@pytest.mark.parametrize("soft", [False, True])
def test_in_place_also_where_the_class_axis_is_in_the_middle(rng, soft):
    logits = rng.normal(size=(2, 4, 300))
    target = rng.integers(4, size=(2, 300))
    target = np.moveaxis(np.eye(4)[target], -1, 1) if soft else target
    _, gradient = loss_and_grad(logits, target, axis=1)
    loss_and_grad(logits, target, axis=1, out=logits)
    assert_array_equal(logits, gradient)


@pytest.mark.parametrize(
    ("out", "got"),
    [
        (np.zeros((N, C), np.float32), "float32"),
        (np.zeros((C, N)), r"\(5, 12\)"),
        (np.zeros((C, N)).T, "not C-contiguous"),
        (np.broadcast_to(0.0, (N, C)), "read only"),
        ([0.0], "list"),
    ],
)
def test_out_must_fit(logits, target, out, got):
    with pytest.raises(ValueError, match=rf"out must be .*float64.*\(12, 5\), got .*{got}"):
        loss_and_grad(logits, target, out=out)


# Nothing to average -----------------------------------------------------------

NOTHING = [
    ({"ignore_index": IGNORED}, np.full(2, IGNORED), "all 2 targets equal ignore_index=-100"),
    ({"sample_weight": np.zeros(2)}, np.zeros(2, int), "the weights of all 2 rows sum to 0"),
    ({"weight": np.array([0.0, 1, 1])}, np.zeros(2, int), "the weights of all 2 rows sum to 0"),
]


@pytest.mark.parametrize(("options", "target", "why"), NOTHING)
def test_the_mean_of_nothing_follows_on_empty(options, target, why):
    logits = np.zeros((2, 3))
    with pytest.raises(xent.errors.XentValueError, match=f"D02: {why}"):
        softmax_cross_entropy(logits, target, **options)
    assert np.isnan(softmax_cross_entropy(logits, target, on_empty="nan", **options))
    assert softmax_cross_entropy(logits, target, on_empty="zero", **options) == 0
    assert softmax_cross_entropy(logits, target, reduction="sum", **options) == 0
    _, gradient = loss_and_grad(logits, target, on_empty="zero", **options)
    assert_array_equal(gradient, np.zeros((2, 3)))


def test_a_batch_of_no_rows_is_nothing():
    with pytest.raises(xent.errors.XentValueError, match="D02: the batch has 0 rows"):
        softmax_cross_entropy(np.zeros((0, 3)), np.zeros(0, int))
    assert softmax_cross_entropy(np.zeros((0, 3)), [], reduction="total") == Total()


# Errors -----------------------------------------------------------------------

ERRORS = [
    ((np.zeros((2, 3)), [0, 3]), {}, "D01", (1,), 3, r"in \[0, 3\).*target\[1\] = 3"),
    ((np.zeros((2, 3)), [-1, 0]), {}, "D01", (0,), -1, "ignore_index=-1"),
    ((np.zeros((2, 3)), [0.0, 1.0]), {}, "D16", (0,), 0.0, "integers"),
    ((np.zeros((2, 3)), [0]), {}, "D14", None, (1,), r"shape \(2,\), got \(1,\)"),
    ((np.zeros((2, 3)), [0, 0, 0]), {}, "D14", None, (3,), "axis=0"),
    ((np.zeros((2, 3)), [[1, 1, 0], [1, 0, 0]]), {}, "D17", (0,), 2, "sigmoid_cross_entropy"),
    ((np.zeros((2, 2)), [[0.5, 0.5], [1.0, 1.0]]), {}, "D08", (1,), 2.0, "sum to one"),
    ((np.zeros((1, 2)), [[-0.5, 1.5]]), {}, "D08", (0, 0), -0.5, "negative"),
    ((np.float64(1), 0), {}, "D14", None, (), "class axis"),
    ((np.zeros((2, 0)), [0, 0]), {}, "D14", None, (2, 0), "at least one class"),
    ((np.zeros((2, 3)), [0, 0]), {"axis": 2}, "D14", None, 2, r"axis must be in \[-2, 2\)"),
    ((np.zeros((2, 3)), [0, 0]), {"weight": [1, 1]}, "D15", None, (2,), r"shape \(3,\)"),
    ((np.zeros((2, 3)), [0, 0]), {"weight": [1, -1, 1]}, None, (1,), -1.0, r"weight\[1\] = -1"),
    ((np.zeros((2, 3)), [0, 0]), {"sample_weight": [1, np.nan]}, None, (1,), None, "finite"),
    ((np.zeros((2, 3)), [0, 0]), {"label_smoothing": 1.5}, None, None, 1.5, r"in \[0, 1\]"),
    ((np.zeros((2, 3)), [0, 0]), {"reduction": "avg"}, None, None, "avg", "'mean'.* got 'avg'"),
    ((np.zeros((2, 3)), [0, 0]), {"on_empty": "0"}, None, None, "0", "'raise'.* got '0'"),
    ((np.eye(3), np.eye(3)), {"ignore_index": 1}, None, None, 1, "sample_weight 0"),
    ((np.zeros((2, 3), complex), [0, 0]), {}, None, None, "complex128", "real part"),
    ((np.array([["a", "b"]]), [0]), {}, None, None, "<U1", "float16, float32 or float64"),
]


@pytest.mark.parametrize(("arguments", "options", "code", "index", "value", "text"), ERRORS)
def test_errors_name_the_rule_the_place_and_the_value(arguments, options, code, index, value, text):
    with pytest.raises((xent.errors.XentValueError, xent.errors.XentTypeError), match=text) as e:
        softmax_cross_entropy(*arguments, **options)
    assert e.value.code == code
    place = e.value.index
    assert (place if isinstance(place, tuple) or place is None else (place,)) == index
    if value is not None:
        assert e.value.value == value


def test_probabilities_for_logits_are_noticed():
    with pytest.warns(xent.errors.MisuseWarning, match="D04"):
        softmax_cross_entropy(np.random.default_rng(1).dirichlet(np.ones(5), 8), np.zeros(8, int))
