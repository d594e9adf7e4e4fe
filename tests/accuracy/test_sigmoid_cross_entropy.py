"""Sigmoid cross-entropy and the sigmoid maps against 50 digits.

For a label of 0 or 1 there is one term, and 4 ulp of it. For a fractional label the
gradient is a difference of two terms, and the bound is 4 ulp of the sum of both.
"""

import numpy as np
import pytest
from accuracy.losses_in_50_digits import in_50_digits, sigmoid, sigmoid_cross_entropy, ulps
from promises import promised

import xent

DTYPES = [np.float32, np.float64]
LOWEST = {np.float32: -104, np.float64: -746}  # where exp becomes 0

loss_and_grad = xent.value_and_grad(xent.sigmoid_cross_entropy)
grad_and_hessian = xent.gradient_and_hessian(xent.sigmoid_cross_entropy)


@pytest.fixture(autouse=True)
def _without_checks():
    with xent.checks("off"):
        yield


def logits_of(rng, dtype, n=400):
    """Small, usual and large logits, among them those whose exp is denormal."""
    lowest = LOWEST[dtype]
    parts = [
        rng.normal(size=n),
        rng.uniform(lowest, -lowest, n),
        rng.choice([-1, 1], n) * lowest * rng.uniform(0.8, 1, n),
        rng.choice([-1, 1], n) * 10 ** rng.uniform(-45, 4, n),
        [0.0, -0.0, 1e4, -1e4],
    ]
    return np.concatenate(parts).astype(dtype)


def labels_of(rng, dtype, kind, n):
    if kind == "0 or 1":
        return rng.integers(2, size=n)
    y = rng.uniform(size=n)
    y[::5] = 10 ** rng.uniform(-30, 0, len(y[::5]))
    return y.astype(dtype)


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["0 or 1", "fractions"])
def test_loss_gradient_and_hessian_are_within_their_ulps(rng, dtype, kind):
    z = logits_of(rng, dtype)
    y = labels_of(rng, dtype, kind, z.size)
    nll, gradient = loss_and_grad(z, y, reduction="none")
    _, hessian = grad_and_hessian(z, y, reduction="none")
    exact = sigmoid_cross_entropy(z, y)
    assert ulps(nll, exact.nll) <= promised("sigmoid loss and gradient")
    assert ulps(gradient, exact.gradient, exact.terms) <= promised("sigmoid loss and gradient")
    # two quotients of 2 ulp each and their product
    assert ulps(hessian, exact.hessian) <= promised("diagonal Hessian of the sigmoid")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pos_weight", [0.01, 3.0, 100.0])
def test_a_positive_weight_adds_an_ulp_and_scales_what_was_denormal(rng, dtype, pos_weight):
    z = logits_of(rng, dtype, 100)[:, None]
    y = labels_of(rng, dtype, "0 or 1", z.size)[:, None]
    weight = np.array([pos_weight])
    nll, gradient = loss_and_grad(z, y, pos_weight=weight, reduction="none")
    # in float32 the weight itself is rounded to the dtype
    exact = sigmoid_cross_entropy(z, y, pos_weight=float(dtype(pos_weight)))
    floor = in_50_digits(float(np.finfo(dtype).smallest_normal) * max(pos_weight, 1))
    bound = promised("sigmoid loss and gradient", 1)
    assert ulps(nll, exact.nll, np.maximum(exact.nll, floor)) <= bound
    assert ulps(gradient, exact.gradient, np.maximum(exact.terms, floor)) <= bound


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("smoothing", [0.3, 0.1, 1e-3, 1e-6])
def test_a_smoothed_label_keeps_the_digits_of_its_smoothing(rng, dtype, smoothing):
    z = logits_of(rng, dtype, 100)
    y = labels_of(rng, dtype, "0 or 1", z.size)
    nll, gradient = loss_and_grad(z, y, label_smoothing=smoothing, reduction="none")
    exact = sigmoid_cross_entropy(z, y, label_smoothing=smoothing)
    # 4, and one rounding each of the smoothing and of the mass it makes
    bound = promised("sigmoid loss and gradient", 2)
    assert ulps(nll, exact.nll) <= bound
    assert ulps(gradient, exact.gradient, exact.terms) <= bound


@pytest.mark.parametrize("pos_weight", [1.0, 7.0])
def test_half_precision_adds_half_an_ulp_of_its_own(rng, pos_weight):
    z = logits_of(rng, np.float32, 100).clip(-6e4, 6e4).astype(np.float16)[:, None]
    y = labels_of(rng, np.float32, "0 or 1", z.size)[:, None]
    weight = np.array([pos_weight])
    nll, gradient = loss_and_grad(z, y, pos_weight=weight, reduction="none")
    exact = sigmoid_cross_entropy(z, y, pos_weight)
    floor = in_50_digits(float(np.finfo(np.float32).smallest_normal) * pos_weight)
    assert ulps(nll, exact.nll, np.maximum(exact.nll, floor)) <= 5
    assert ulps(gradient, exact.gradient) <= 0.5 + 5 / 2**13


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_and_log_sigmoid_are_within_4_ulp(rng, dtype):
    z = logits_of(rng, dtype)
    exact = sigmoid(z)
    bound = promised("softmax, log_softmax, sigmoid")
    assert ulps(xent.sigmoid(z), exact.p) <= bound
    assert ulps(xent.log_sigmoid(z), -exact.cost) <= bound
