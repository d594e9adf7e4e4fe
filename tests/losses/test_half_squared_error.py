"""Half the squared error: values, derivatives, edges, the public function."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import xent
from xent import half_squared_error
from xent.losses import reference

loss_and_grad = xent.value_and_grad(half_squared_error)
grad_and_hessian = xent.gradient_and_hessian(half_squared_error)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (4,), (3, 5)], ids=str)
def test_it_is_the_definition_with_the_difference_as_gradient(rng, dtype, shape):
    prediction = np.asarray(rng.normal(size=shape)).astype(dtype)
    target = np.asarray(rng.normal(size=shape)).astype(dtype)
    p, y = prediction.astype(np.float64), target.astype(np.float64)
    nll, gradient = loss_and_grad(prediction, target, reduction="none")
    _, hessian = grad_and_hessian(prediction, target, reduction="none")
    # computed in float64, rounded once to the dtype that comes back
    assert_array_equal(nll, reference.half_squared_error(p, y).astype(nll.dtype))
    assert_array_equal(gradient, (p - y).astype(dtype))
    assert_array_equal(hessian, np.ones(shape, dtype))
    m = max(p.size, 1)
    mean, gradient = loss_and_grad(prediction, target)
    assert_allclose(mean, ((p - y) ** 2).sum() / (2 * m), rtol=1e-15)
    assert_allclose(gradient, (p - y) / m, rtol=2 * np.finfo(dtype).eps)


def test_weights_are_in_sum_and_denominator(rng):
    prediction, target, weight = rng.normal(size=(3, 9)) ** 2
    value, gradient = loss_and_grad(prediction, target, sample_weight=weight)
    difference = prediction - target
    assert_allclose(value, (weight * difference**2).sum() / (2 * weight.sum()), rtol=1e-14)
    assert_allclose(gradient, weight * difference / weight.sum(), rtol=1e-14)


@pytest.mark.parametrize("held", [np.nan, np.inf])
def test_an_entry_of_weight_zero_may_hold_anything(held):
    weight = np.array([1.0, 0.0])
    value, gradient = loss_and_grad([1.0, held], [0.0, 0.0], sample_weight=weight)
    assert value == 0.5
    assert_array_equal(gradient, [1.0, 0.0])


def test_nan_stays_in_its_entry():
    assert_array_equal(
        half_squared_error([np.nan, 2.0], [0.0, 0.0], reduction="none"), [np.nan, 2.0]
    )


def test_behind_a_sigmoid_its_slope_vanishes_where_the_model_is_most_wrong():
    # the article's reason for cross-entropy: y = 1 and a logit of -40
    p = xent.sigmoid(np.float64(-40))
    _, slope = loss_and_grad(p, 1.0)
    assert abs(slope * p * (1 - p)) < 1e-17
    _, gradient = xent.value_and_grad(xent.sigmoid_cross_entropy)(-40.0, 1)
    assert gradient == -1


def test_out_is_written_also_in_place(rng):
    prediction, target = rng.normal(size=(2, 6))
    value, gradient = loss_and_grad(prediction, target)
    assert loss_and_grad(prediction, target, out=prediction)[0] == value
    assert_array_equal(prediction, gradient)


def test_lists_and_integers_are_taken():
    assert half_squared_error([1, 4], [1, 2]) == 1.0


@pytest.mark.parametrize(
    ("arguments", "options", "code", "text"),
    [
        ((np.zeros((3, 1)), np.zeros(3)), {}, "D15", "3 x 3"),
        (([], []), {}, "D02", "0 rows"),
        (([1.0], [1.0]), {"sample_weight": [0.0]}, "D02", "sum to 0"),
        (([1.0], [1.0]), {"sample_weight": [-1.0]}, None, "not negative"),
        (([1.0], [1.0]), {"reduction": "avg"}, None, "'mean'"),
    ],
)
def test_errors_name_the_rule(arguments, options, code, text):
    with pytest.raises(xent.errors.XentValueError, match=text) as e:
        half_squared_error(*arguments, **options)
    assert e.value.code == code


def test_an_error_beyond_all_numbers_is_inf_and_warns_of_nothing():
    huge = np.array([1e200])
    assert xent.half_squared_error(huge, -huge) == np.inf
    infinite = np.array([np.inf])
    assert np.isnan(xent.half_squared_error(infinite, infinite))
    narrow = np.array([3e38], np.float32)
    _, gradient = xent.value_and_grad(xent.half_squared_error)(narrow, np.array([-1e39]))
    assert gradient == np.inf
