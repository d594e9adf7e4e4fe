"""Softmax cross-entropy against 50 digits: value, gradient, Hessian, maps.

The promise for a class target is 4 ulp of every number, denormal ones included (an ulp
there is their spacing). It is stronger than rounding x_j - m would allow, because the
kernels carry what that subtraction loses. Inputs are random and adversarial: see `rows`.
"""

import math

import numpy as np
import pytest
from accuracy.losses_in_50_digits import (
    in_50_digits,
    mass,
    softmax,
    softmax_cross_entropy,
    ulps,
)
from promises import promised

import xent

DTYPES = [np.float32, np.float64]
# one class; both loops, at and beside their limits; several blocks; a vocabulary
CLASSES = [1, 2, 3, 10, 63, 64, 65, 192, 193, 1000]
LOWEST = {np.float32: -104, np.float64: -746}  # where exp becomes 0

loss_and_grad = xent.value_and_grad(xent.softmax_cross_entropy)
grad_and_hessian = xent.gradient_and_hessian(xent.softmax_cross_entropy)


@pytest.fixture(autouse=True)
def _without_checks():
    with xent.checks("off"):
        yield


def rows(rng, dtype, num_classes, each=None):
    """Rows on which a softmax goes wrong somewhere, if it does."""
    n = max(1, 40 // num_classes) if each is None else each
    shape = n, num_classes
    one_each = n, 1
    lowest = LOWEST[dtype]
    equal = np.repeat(-rng.uniform(8, 16, one_each), num_classes, axis=1)
    equal[:, 0] = 0
    steps = rng.choice([-1, 0, 1], shape) * np.finfo(dtype).eps
    kinds = [
        rng.normal(size=shape) * rng.choice([0.01, 1, 20], one_each),
        equal,  # the same rounding error in every entry
        -(2.0 ** rng.integers(-20, 10, shape)) * (1 + steps),  # around the powers of two
        1e4 + rng.uniform(-30, 0, shape),  # a large offset, small differences
        rng.uniform(lowest, 0, shape),  # down to the denormal exponentials
        -abs(rng.normal(size=shape)) * 8,
    ]
    return np.concatenate(kinds).astype(dtype)


def with_margins(rng, logits):
    """Move the target up or down by 1e-3 to 1e4 nats in two rows of three."""
    n = len(logits)
    target = rng.integers(logits.shape[1], size=n)
    margin = rng.choice([-1, 0, 1], n) * 10 ** rng.uniform(-3, 4, n)
    # as many again where the loss or its gradient is denormal
    margin[::5] = -LOWEST[logits.dtype.type] * rng.uniform(0.8, 1, len(margin[::5]))
    logits[np.arange(n), target] += margin.astype(logits.dtype)
    return target


def worst_of_class_targets(logits, target):
    """Largest errors of the losses and of the gradients, in ulp."""
    nll, gradient = loss_and_grad(logits, target, reduction="none")
    worst = 0, 0
    for x, y, loss, g in zip(logits, target, nll, gradient, strict=True):
        p, not_p, log_p = softmax(x)
        p[y] = -not_p[y]
        worst = max(worst[0], ulps(loss, -log_p[y])), max(worst[1], ulps(g, p))
    return worst


# Class targets ----------------------------------------------------------------


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", CLASSES)
def test_loss_and_every_gradient_entry_are_within_4_ulp(rng, dtype, num_classes):
    logits = rows(rng, dtype, num_classes)
    target = with_margins(rng, logits)
    assert max(worst_of_class_targets(logits, target)) <= promised("softmax loss of a class")


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [50257, 128256])
@pytest.mark.parametrize("margin", [-1e4, -12.0, 12.0, 80.0, 1e4])
def test_a_vocabulary_is_within_4_ulp(rng, dtype, num_classes, margin):
    values = rng.uniform(-20, 0, 200).astype(dtype)
    logits = rng.choice(values, (1, num_classes))
    target = np.array([num_classes // 2])
    logits[0, target] = values.max() + margin
    assert max(worst_of_class_targets(logits, target)) <= promised("softmax loss of a class")


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
def test_margins_at_which_the_odds_of_a_vocabulary_overflow_a_double(dtype):
    logits = np.zeros((5, 50257), dtype)
    logits[:, 0] = [-597, -601, -699, -709, -745]
    assert max(worst_of_class_targets(logits, np.zeros(5, int))) <= promised(
        "softmax loss of a class"
    )


@pytest.mark.parametrize("num_classes", [2, 10, 65, 300])
def test_half_precision_adds_half_an_ulp_of_its_own(rng, num_classes):
    logits = (rng.normal(size=(12, num_classes)) * 4).astype(np.float16)
    target = rng.integers(num_classes, size=12)
    nll, gradient = loss_and_grad(logits, target, reduction="none")
    assert nll.dtype == np.float32
    assert gradient.dtype == np.float16
    loss_error, gradient_error = worst_of_class_targets(logits, target)
    assert loss_error <= promised("softmax loss of a class")
    # 4 ulp of float32 are 4 / 2^13 of float16
    assert gradient_error <= 0.5 + 4 / 2**13


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [2, 10, 65, 193, 1000, 50257])
def test_rows_of_gradients_sum_to_zero(rng, dtype, num_classes):
    logits = rows(rng, dtype, num_classes, each=2)
    target = with_margins(rng, logits)
    _, gradient = loss_and_grad(logits, target, reduction="none")
    info = np.finfo(dtype)
    for g, y in zip(gradient, target, strict=True):
        # a denormal entry has the error of its coarse spacing, however small grad_y is
        denormal = np.count_nonzero(abs(g) < info.smallest_normal)
        allowed = 8 * np.spacing(abs(g[y])) + denormal * float(info.smallest_subnormal)
        assert abs(math.fsum(g)) <= allowed


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_weight_adds_one_ulp_and_scales_what_was_denormal(rng, dtype):
    logits = rows(rng, dtype, 10)
    target = with_margins(rng, logits)
    weight = 10 ** rng.uniform(-3, 3, 10)
    nll, gradient = loss_and_grad(logits, target, weight=weight, reduction="none")
    tiny = in_50_digits(float(np.finfo(dtype).smallest_normal))
    for x, y, loss, g in zip(logits, target, nll, gradient, strict=True):
        exact = softmax_cross_entropy(x, mass(y, 10, weight=weight))
        # the weight multiplies exponentials that are rounded already: where those are
        # denormal, the error is 4 of their spacings, times the weight
        floor = tiny * in_50_digits(weight[y])
        of = np.array([max(abs(e), floor) for e in exact.gradient])
        assert ulps(g, exact.gradient, of) <= 5
        assert ulps(loss, exact.nll, max(exact.nll, floor)) <= 5


# Soft, smoothed and weighted targets ------------------------------------------


def soft_cases(rng, dtype, num_classes, n):
    """Name, options, what to pass as target, its exact mass, and the bound of the gradient."""
    target = rng.integers(num_classes, size=n)
    soft = rng.dirichlet(np.full(num_classes, 0.5), n).astype(dtype)
    weight = 10 ** rng.uniform(-2, 2, num_classes)
    exact_soft = [in_50_digits(row.astype(np.float64)) for row in soft]
    w = in_50_digits(weight)

    def smoothed(eps, weight=None):
        return [mass(y, num_classes, eps, weight) for y in target]

    plain, weighted = promised("its gradient"), promised("the same with class weights")
    yield {}, soft, exact_soft, plain
    yield {"label_smoothing": 0.1}, target, smoothed(0.1), plain
    # rounded twice before it is used: as a mass, and as a weighted mass
    yield {"weight": weight}, soft, [s * w for s in exact_soft], weighted
    yield {"label_smoothing": 0.1, "weight": weight}, target, smoothed(0.1, weight), weighted


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [1, 2, 7, 64, 193])
def test_soft_targets_are_within_4_ulp_of_their_terms(rng, dtype, num_classes):
    logits = rows(rng, dtype, num_classes, each=max(1, 10 // num_classes))
    for options, target, masses, bound in soft_cases(rng, dtype, num_classes, len(logits)):
        nll, gradient = loss_and_grad(logits, target, reduction="none", **options)
        _, hessian = grad_and_hessian(logits, target, reduction="none", **options)
        for x, s, loss, g, h in zip(logits, masses, nll, gradient, hessian, strict=True):
            exact = softmax_cross_entropy(x, s)
            # every term of the loss is positive, so its ulp is that of their sum
            assert ulps(loss, exact.nll) <= promised("softmax loss of soft")
            assert ulps(g, exact.gradient, exact.terms) <= bound
            # p and 1 - p of 2 ulp each, the total of the masses, and three products;
            # a denormal p is rounded before the masses multiply it
            floor = in_50_digits(float(np.finfo(dtype).smallest_normal)) * max(s.sum(), 1)
            of = np.array([max(e, floor) for e in exact.hessian])
            of_hessian = promised("diagonal Hessian of the softmax", "weight" in options)
            assert ulps(h, exact.hessian, of) <= of_hessian


# The maps ---------------------------------------------------------------------


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [1, 2, 10, 65, 1000])
def test_softmax_and_log_softmax_are_within_4_ulp(rng, dtype, num_classes):
    logits = rows(rng, dtype, num_classes, each=max(1, 10 // num_classes))
    with_margins(rng, logits)
    probs, log_probs = xent.softmax(logits), xent.log_softmax(logits)
    for x, p, log_p in zip(logits, probs, log_probs, strict=True):
        exact = softmax(x)
        assert ulps(p, exact.p) <= promised("softmax, log_softmax")
        assert ulps(log_p, exact.log_p) <= promised("softmax, log_softmax")
