import numpy as np
import pytest

from xent.diagnostics.policy import checks
from xent.diagnostics.targets import (
    check_distribution_target,
    check_index_dtype,
    check_one_hot,
    check_unit_interval,
    hint_single_label,
    one_hot_to_float,
    raise_target_out_of_range,
)
from xent.diagnostics.warn import listening
from xent.errors import XentTypeError, XentValueError

INTEGERS = [np.dtype(kind) for kind in "?bBhHiIlLqQ"]
FLOATS = [np.float16, np.float32, np.float64]


# D01 --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "num_classes", "ignore_index", "hint"),
    [
        ([1, 2, 3], 3, None, "The values run from 1 to 3: labels that start at one? Subtract 1."),
        ([0, 1, 255], 3, None, '255 is a common "void" label: pass ignore_index=255.'),
        ([0, 255, 255], 3, None, "a mask of grey levels? Divide by 255."),
        ([0, 1, -1], 3, None, "Is -1 the label of rows to ignore? Pass ignore_index=-1."),
        ([1, 1, -1], 2, None, "map them to 0 and 1 with (y + 1) // 2."),
        ([0, 1, -100], 3, None, "-100 is the label that PyTorch ignores: pass ignore_index=-100."),
        ([0, -1, -100], 3, -1, "-100 is the label that PyTorch ignores: pass ignore_index=-100."),
        ([0, 1, -7], 3, None, "If -7 marks rows to ignore, pass ignore_index=-7."),
        ([0, 1, 11], 3, None, "The largest is 11: are there 12 classes?"),
        ([0, -2, 11], 3, None, "The values run from -2 to 11."),
        ([0, 1, 1], 1, None, "For two outcomes from one logit, use sigmoid_cross_entropy."),
        ([0, 0], 0, None, "An array of logits without classes has no valid target"),
    ],
)
def test_the_hint_follows_the_pattern(target, num_classes, ignore_index, hint):
    with pytest.raises(XentValueError) as caught:
        raise_target_out_of_range(np.array(target), num_classes, ignore_index)
    assert hint in str(caught.value)


def test_count_first_place_and_value(rng):
    target = rng.integers(10, size=(32, 128))
    target[12, 83] = target[12, 84] = target[31, 0] = 255
    with pytest.raises(XentValueError) as caught:
        raise_target_out_of_range(target, 10, None)
    assert "3 of 4,096 are not; first: target[12, 83] = 255." in str(caught.value)
    error = caught.value
    assert (error.code, error.index, error.value) == ("D01", (12, 83), 255)


def test_ignored_rows_are_not_counted():
    with pytest.raises(XentValueError, match=r"1 of 4 are not; first: target\[2\] = 9") as caught:
        raise_target_out_of_range(np.array([-100, -100, 9, 0]), 3, -100)
    assert caught.value.index == 2


def test_a_large_unsigned_target_does_not_wrap():
    with pytest.raises(XentValueError, match="18446744073709551615"):
        raise_target_out_of_range(np.array([0, 2**64 - 1], np.uint64), 3, -100)


def test_a_single_target_has_no_index():
    with pytest.raises(XentValueError, match=r"first: target = 3\.") as caught:
        raise_target_out_of_range(np.array(3), 3, None)
    assert caught.value.index is None


# D16 and pain 20 --------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_every_integer_dtype_is_an_index(dtype):
    target = np.array([0, 1], dtype)
    assert check_index_dtype(target, 2) is target


def test_an_empty_list_is_an_empty_index():
    assert check_index_dtype([], 2).dtype == np.intp


@pytest.mark.parametrize(
    ("target", "message", "index"),
    [
        ([0.0, 3.0], r"float64 with whole values \[0\., 3\.\]\. Pass target\.astype\(int\)", 0),
        ([1.0] * 9, r"whole values \[1\., 1\., 1\., 1\., \.\.\.\]", 0),
        ([0.5, 3.0], r"float64 \[0\.5, 3\. ?\] of shape \(2,\)\. A distribution", 0),
        ([0.0, np.nan, 1.0], r"1 of 3 values missing or infinite; first: target\[1\] = nan", 1),
        (["cat", "dog"], r"names or objects such as .*'cat'.*np\.unique", 0),
        ([1j], r"complex128 such as", 0),
    ],
)
def test_other_dtypes_are_no_index(target, message, index):
    with pytest.raises(XentTypeError, match=message) as caught:
        check_index_dtype(target, 10)
    assert (caught.value.code, caught.value.index) == ("D16", index)


# D17 --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_hot_rows_are_accepted(rng, dtype, axis):
    target = np.moveaxis(np.eye(4, dtype=dtype)[rng.integers(4, size=(5, 6))], -1, axis)
    check_one_hot(target, axis)
    assert one_hot_to_float(target, axis, dtype=np.float32).dtype == np.float32


def test_two_positives_name_the_row_and_the_other_loss():
    target = np.eye(4, dtype=int)[[0, 1, 2, 3, 0, 1, 2]]
    target[5, 3] = 1
    with pytest.raises(XentValueError) as caught:
        check_one_hot(target)
    assert str(caught.value) == (
        "D17: row target[5] has 2 positive labels (1 of 7 rows do not have one); softmax needs "
        "exactly one. Use sigmoid_cross_entropy for multi-label."
    )
    assert (caught.value.code, caught.value.index, caught.value.value) == ("D17", 5, 2)


def test_the_row_shows_where_the_class_axis_is():
    target = np.zeros((2, 3, 4), int)
    target[:, 1] = 1
    target[1, :, 2] = 0
    with pytest.raises(XentValueError, match=r"row target\[1, :, 2\] has no positive.*padding"):
        check_one_hot(target, 1)


def test_integers_of_the_logits_shape_that_are_no_one_hot():
    with pytest.raises(XentValueError, match=r"2 of 6 entries are not; first: target\[0, 2\] = 2"):
        check_one_hot(np.array([[0, 1, 2], [3, 0, 1]]))


@pytest.mark.parametrize("dtype", [bool, int, float])
def test_labels_that_are_single_labels_are_noted(rng, dtype):
    target = np.eye(5, dtype=dtype)[rng.integers(5, size=300)]
    with checks("full"), listening() as heard:
        hint_single_label(target)
    ((kind, said),) = heard
    assert (kind, said.code, said.value) == ("note", "D17", 300)
    assert "each of the 300 rows has exactly one positive among 5 labels" in str(said)
    assert "right in 80% of the labels" in str(said)


@pytest.mark.parametrize("case", ["few rows", "two labels", "one row differs", "fast"])
def test_and_not_without_reason(rng, case):
    labels = 2 if case == "two labels" else 5
    target = np.eye(labels)[rng.integers(labels, size=255 if case == "few rows" else 300)]
    if case == "one row differs":
        target[101] = 0
    with checks("fast" if case == "fast" else "full"), listening() as heard:
        hint_single_label(target)
    assert not heard


# D08 --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("num_classes", [1, 2, 1000])
def test_distributions_are_accepted_in_their_own_precision(rng, dtype, axis, num_classes):
    target = rng.dirichlet(np.ones(num_classes), size=(7, 3)).astype(dtype)
    check_distribution_target(np.moveaxis(target, -1, axis), axis)


def test_a_row_that_does_not_sum_to_one():
    target = np.full((5, 4), 0.25)
    target[3] *= 2
    target[4] *= 3
    with pytest.raises(XentValueError) as caught:
        check_distribution_target(target)
    assert "2 of 5 rows do not; first: target[3] sums to 2.0." in str(caught.value)
    assert (caught.value.code, caught.value.index, caught.value.value) == ("D08", 3, 2.0)


def test_a_negative_target():
    target = np.array([[0.5, 0.5], [1.2, -0.2]])
    with pytest.raises(XentValueError, match=r"1 of 4 entries are negative.*\[1, 1\] = -0.2") as e:
        check_distribution_target(target)
    assert (e.value.code, e.value.index, e.value.value) == ("D08", (1, 1), -0.2)


def test_a_missing_target():
    with pytest.raises(XentValueError, match=r"1 of 2 entries are NaN; first: target\[1\] = nan"):
        check_distribution_target(np.array([0.5, np.nan]))


def test_rows_of_zeros_may_be_padding():
    with pytest.raises(XentValueError, match=r"target\[1\] sums to 0\.0\..*padding.*sample_weight"):
        check_distribution_target(np.array([[0.5, 0.5], [0, 0]]))


@pytest.mark.parametrize("off", [0.5, 2.0])
@pytest.mark.parametrize(("dtype", "allowed"), [(np.float64, 1e-8), (np.float32, 1e-4)])
def test_the_tolerance_is_where_it_is_said_to_be(dtype, allowed, off):
    target = np.array([[0.5, 0.5 + off * allowed]], dtype)
    if off < 1:
        check_distribution_target(target)
    else:
        with pytest.raises(XentValueError, match="D08"):
            check_distribution_target(target)


@pytest.mark.parametrize(
    "target", [[], [True, False], [0, 1], [0.0, 0.3, 1.0], np.array([0, 1], np.uint8)], ids=str
)
def test_labels_in_the_unit_interval_are_accepted(target):
    check_unit_interval(np.array(target))


@pytest.mark.parametrize(
    ("target", "found", "hint"),
    [
        ([1, -1], "1 of 2 entries are not; first: target[1] = -1", "map them with (y + 1) / 2"),
        ([1.0, -1.0], "target[1] = -1.0", "map them with (y + 1) / 2"),
        ([1, 0, -1], "target[2] = -1", "If -1 marks entries to ignore"),
        ([0, 255], "target[1] = 255", "divide by 255"),
        ([1, 5, 3], "2 of 3 entries are not; first: target[1] = 5", "Class labels up to 5?"),
        ([0.5, 3.5], "target[1] = 3.5", "If these are percentages, divide by 100"),
        ([0.5, -3.5], "target[1] = -3.5", "take their sigmoid first"),
        ([0.5, np.nan], "target[1] = nan", "NaN is no target"),
    ],
)
def test_labels_outside_get_the_hint_that_fits(target, found, hint):
    with pytest.raises(XentValueError) as caught:
        check_unit_interval(np.array(target))
    assert found in str(caught.value)
    assert hint in str(caught.value)
    assert caught.value.code == "D08"
