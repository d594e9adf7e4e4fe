"""softmax, log_softmax, sigmoid, log_sigmoid: definition, edges, shapes."""

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import xent
from xent.losses import reference

ROW_MAPS = [(xent.softmax, scipy.special.softmax), (xent.log_softmax, scipy.special.log_softmax)]
NODE_MAPS = [(xent.sigmoid, scipy.special.expit), (xent.log_sigmoid, scipy.special.log_expit)]


@pytest.mark.parametrize(("ours", "theirs"), ROW_MAPS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_rows_are_those_of_scipy(rng, ours, theirs, axis):
    logits = rng.normal(size=(4, 300, 3)) * 3
    # scipy takes log(1 + tau) of a sum that is rounded: an ulp of one
    expected = theirs(logits, axis=axis)
    assert_allclose(ours(logits, axis=axis), expected, rtol=1e-13, atol=4e-16)


@pytest.mark.parametrize(("ours", "theirs"), NODE_MAPS)
def test_nodes_are_those_of_scipy(rng, ours, theirs):
    logits = rng.normal(size=(4, 300)) * 30
    assert_allclose(ours(logits), theirs(logits), rtol=1e-13)


def test_softmax_is_the_reference(rng):
    logits = rng.normal(size=(5, 70))
    p, _, log_p = reference.softmax(logits)
    assert_allclose(xent.softmax(logits), p, rtol=1e-14)
    assert_allclose(xent.log_softmax(logits), log_p, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("ours", [m for m, _ in ROW_MAPS + NODE_MAPS])
def test_the_result_has_the_shape_and_dtype_of_the_input(rng, ours, dtype):
    for shape in ((3,), (2, 5), (2, 3, 4)):
        result = ours(rng.normal(size=shape).astype(dtype))
        assert (result.shape, result.dtype) == (shape, dtype)
    assert ours([1, 2]).dtype == np.float64


@pytest.mark.parametrize("num_classes", [3, 65, 300])
def test_impossible_classes_have_probability_zero(num_classes):
    logits = np.full(num_classes, -np.inf)
    logits[1] = 5
    expected = np.eye(num_classes)[1]
    assert_array_equal(xent.softmax(logits), expected)
    with np.errstate(divide="ignore"):
        assert_array_equal(xent.log_softmax(logits), np.log(expected))


@pytest.mark.parametrize("held", [np.nan, np.inf])
def test_what_has_no_softmax_stays_in_its_row(held):
    logits = np.zeros((3, 5))
    logits[1, 2] = held
    for ours, clean in ((xent.softmax, 0.2), (xent.log_softmax, -np.log(5))):
        result = ours(logits)
        assert np.isnan(result[1]).all()
        assert_allclose(result[[0, 2]], clean, rtol=1e-15)


def test_a_row_of_impossible_classes_is_nan():
    assert np.isnan(xent.softmax([-np.inf, -np.inf])).all()
    assert np.isnan(xent.log_softmax([-np.inf, -np.inf])).all()


def test_infinite_logits_of_a_node_are_certain():
    logits = np.array([-np.inf, np.inf, np.nan])
    assert_array_equal(xent.sigmoid(logits), [0, 1, np.nan])
    assert_array_equal(xent.log_sigmoid(logits), [-np.inf, 0, np.nan])


def test_a_confident_log_probability_is_not_rounded_to_zero():
    assert_allclose(xent.log_softmax([100.0, 0.0])[0], -np.exp(-100), rtol=1e-15, atol=0)
    assert_allclose(xent.log_sigmoid(100.0), -np.exp(-100), rtol=1e-15, atol=0)


@pytest.mark.parametrize("ours", [xent.softmax, xent.log_softmax])
def test_a_class_axis_is_needed(ours):
    with pytest.raises(ValueError, match=r"D14.*class axis"):
        ours(1.0)
    with pytest.raises(ValueError, match=r"D14.*axis must be"):
        ours([1.0, 2.0], axis=1)
