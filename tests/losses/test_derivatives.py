"""`value_and_grad` and `gradient_and_hessian` of every loss and option, by differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import xent


def cases():
    rng = np.random.default_rng(7)
    logits, probs = rng.normal(size=(6, 4)), rng.dirichlet(np.full(4, 3.0), 6)
    index, labels = rng.integers(4, size=6), rng.integers(2, size=(6, 4))
    soft, weight, rows = rng.dirichlet(np.ones(4), 6), rng.uniform(size=4), rng.uniform(size=6)
    softmax, sigmoid = xent.softmax_cross_entropy, xent.sigmoid_cross_entropy
    yield softmax, logits, index, {}
    yield softmax, logits, index, {"weight": weight, "sample_weight": rows}
    yield softmax, logits, index, {"label_smoothing": 0.1, "weight": weight}
    yield softmax, logits, np.r_[-1, index[1:]], {"ignore_index": -1}
    yield softmax, logits, soft, {"weight": weight, "sample_weight": rows}
    yield softmax, logits.T.copy(), index, {"axis": 0}
    yield sigmoid, logits, labels, {}
    yield sigmoid, logits, labels, {"pos_weight": weight * 3, "weight": weight}
    yield sigmoid, logits, labels, {"axis": -1, "sample_weight": rows, "label_smoothing": 0.1}
    yield xent.binary_cross_entropy, probs, labels, {"axis": 1, "weight": weight}
    yield xent.half_squared_error, logits, soft, {}
    # from probabilities each one is moved by itself, off the simplex
    yield xent.categorical_cross_entropy, probs, index, {"weight": weight}
    yield xent.categorical_cross_entropy, probs, soft, {"sample_weight": rows}


CASES = list(cases())


@pytest.mark.parametrize(("loss", "scores", "target", "options"), CASES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_derivatives_are_those_of_the_value(loss, scores, target, options, reduction):
    options = {**options, "reduction": reduction}
    derivatives = xent.value_and_grad(loss)
    value, gradient = derivatives(scores, target, **options)
    assert value == loss(scores, target, **options)
    again, hessian = xent.gradient_and_hessian(loss)(scores, target, **options)
    # with a Hessian the class targets take the path of the soft ones: 4 ulp each
    assert_allclose(again, gradient, rtol=4e-15, atol=1e-16)
    # probabilities of a row must sum to one within 1e-8, so that they may move by 1e-9
    h = 1e-9 if loss is xent.categorical_cross_entropy else 1e-5
    # relative to the next derivative: h^2 of the one after it, and an ulp of 10 over h
    allowed = max(100 * h**2, 1e-14 / h)
    for i in np.ndindex(scores.shape):
        step = np.zeros(scores.shape)
        step[i] = h
        up, down = (derivatives(scores + d, target, **options) for d in (step, -step))
        assert abs((up[0] - down[0]) / (2 * h) - gradient[i]) <= allowed * (1 + hessian[i])
        curve = (up[1][i] - down[1][i]) / (2 * h)
        assert abs(curve - hessian[i]) <= 100 * allowed * (1 + hessian[i])


@pytest.mark.parametrize(("loss", "scores", "target", "options"), CASES)
def test_none_and_total_give_the_gradient_of_the_sum(loss, scores, target, options):
    expected = xent.value_and_grad(loss)(scores, target, reduction="sum", **options)[1]
    for reduction in ("none", "total"):
        gradient = xent.value_and_grad(loss)(scores, target, reduction=reduction, **options)[1]
        assert_array_equal(gradient, expected)


def test_only_the_losses_have_derivatives():
    for wrong in (np.sum, 0.5, "softmax_cross_entropy", []):
        with pytest.raises(ValueError, match=r"loss must be one of xent\.\w+, .*function itself"):
            xent.value_and_grad(wrong)


@pytest.mark.parametrize("derivatives", [xent.value_and_grad, xent.gradient_and_hessian])
def test_an_unknown_option_is_told_with_the_name_of_the_loss(derivatives):
    for loss, scores, target, _ in CASES:
        with pytest.raises(TypeError, match=rf"^{loss.__name__}\(\) got an unexpected .*'nope'"):
            derivatives(loss)(scores, target, nope=1)
