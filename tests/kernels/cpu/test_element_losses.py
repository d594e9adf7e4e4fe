"""Sums and gradients of single elements against 64-bit-mantissa arithmetic of NumPy."""

import numpy as np
import pytest

from xent.kernels.cpu.element_losses import score

WIDE = np.longdouble
EPSILON = np.finfo(np.float64).eps
COUNTS = [0, 1, 255, 256, 257, 70_001]  # blocks are of 256, chunks of 32,768


def squared_error(x, y):
    return (x - y) ** 2, 2 * (x - y)


def binary_cross_entropy(q, y):
    with np.errstate(divide="ignore", invalid="ignore"):
        if_true, if_false = np.maximum(np.log(q), -100), np.maximum(np.log1p(-q), -100)
        inside = (q > 0) & (q < 1)
        slope = np.where(inside, (q - y) / (q * (1 - q)), (q - y) / WIDE(1e-12))
    return -(y * if_true + (1 - y) * if_false), np.where(~inside & (q == y), 1 - 2 * q, slope)


def kl_of_probs(x, p):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p == 0, 0, p * (np.log(p) - x)), -p


def kl_of_log_probs(x, log_p):
    return kl_of_probs(x, np.exp(log_p))


LOSSES = (squared_error, binary_cross_entropy, kl_of_probs, kl_of_log_probs)


def given(loss, count, dtype, soft=True):
    """Return an input and a target, edges among them where there is room."""
    # the same whichever tests ran before
    rng = np.random.default_rng([LOSSES.index(loss), count, np.dtype(dtype).itemsize, soft])
    if loss is squared_error:
        return (rng.normal(size=(2, count)) * 3).astype(dtype)
    spread = (10.0 ** rng.uniform(-9, 0, (2, count))).astype(dtype)
    if loss is binary_cross_entropy:
        x, y = spread
        x[::2] = 1 - x[::2]
        y = y if soft else (rng.random(count) < 0.5).astype(dtype)
        if count > 8:
            tiny = np.finfo(dtype).smallest_subnormal
            x[:6] = [0, 1, 0, 1, tiny, tiny]
            y[:6] = [0, 1, 1, 0, 0, 1]
        return x, y
    x, y = np.log(spread[0]), spread[1]
    if loss is kl_of_log_probs:
        y = np.log(y)
        if count > 8:
            x[0] = y[0] = -np.inf
    elif count > 8:
        x[0], y[0] = -np.inf, 0
    return x, y


def sizes(loss, x, y, terms):
    """Return what terms are made of: the logarithm of a p is rounded before x is taken from it."""
    if loss is not kl_of_probs:
        return terms
    return np.where(
        y == 0, 0, y * np.maximum(np.abs(np.log(np.where(y == 0, 1, y))), np.abs(terms))
    )


@pytest.mark.parametrize("soft", [True, False], ids=["soft", "hard"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("loss", LOSSES)
def test_sums_and_gradients(loss, count, dtype, soft):
    x, y = given(loss, count, dtype, soft)
    terms, slopes = loss(x.astype(WIDE), y.astype(WIDE))
    found = score(loss.__name__, x, y, want_gradient=True, gradient_scale=0.5)
    # terms are within 4 ulp; blocks of 256 are added in some order, the rest loses nothing
    size = float(np.abs(sizes(loss, x.astype(WIDE), y.astype(WIDE), terms)).sum())
    assert abs(found.sum - float(terms.sum())) <= (4 + 8) * EPSILON * size
    assert found.outside == 0
    most = np.finfo(dtype).max
    expected = np.clip(slopes / 2, -most, most)
    # a few roundings in float64, then one of the gradient's own
    unit = np.finfo(dtype).eps / 2 if dtype == np.float32 else 0.0
    allowed = np.abs(expected) * (unit + 6 * EPSILON) + np.finfo(dtype).smallest_subnormal
    assert np.all(np.abs(found.gradient.astype(WIDE) - expected) <= allowed)
    assert score(loss.__name__, x, y).sum == found.sum


@pytest.mark.parametrize("loss", LOSSES)
def test_nothing_depends_on_the_number_of_threads(loss):
    x, y = given(loss, 200_000, np.float32)
    one, many = (score(loss.__name__, x, y, want_gradient=True, threads=t) for t in (1, 3))
    assert one.sum == many.sum
    assert np.array_equal(one.gradient, many.gradient)


def test_a_million_equal_terms_lose_nothing():
    x = np.full(1_000_000, 0.1, np.float32)
    term = float(WIDE(x[0]) ** 2)
    found = score("squared_error", x, np.zeros_like(x)).sum
    # blocks of 256 equal terms are sums of up to 32 lanes
    assert found == pytest.approx(1e6 * term, rel=40 * EPSILON)


@pytest.mark.parametrize("wrong", [-1e-9, 1.0000001, np.nan, np.inf])
def test_what_is_outside_is_counted(wrong):
    q, y = np.full(1000, 0.5, np.float64), np.ones(1000)
    q[[3, 999]] = wrong
    y[500] = wrong
    assert score("binary_cross_entropy", q, y).outside == 3


@pytest.mark.parametrize("loss", LOSSES)
def test_infinities_are_infinite_and_nan_is_nan(loss):
    x, y = given(loss, 100, np.float64)
    if loss in (kl_of_probs, kl_of_log_probs):
        x[50] = -np.inf
        assert score(loss.__name__, x, y).sum == np.inf
    x[50] = np.nan
    assert np.isnan(score(loss.__name__, x, y).sum)


def test_sixteen_bits_and_bytes():
    rng = np.random.default_rng(3)
    x = rng.random(300).astype(np.float16)
    y = rng.random(300) < 0.5
    wide = score("binary_cross_entropy", x.astype(np.float64), y.astype(np.float64))
    assert score("binary_cross_entropy", x, y.view(np.uint8)).sum == wide.sum
    bits = (rng.normal(size=300).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    as_float = (bits.astype(np.uint32) << 16).view(np.float32)
    found = score("squared_error", bits, x, bfloat16=True, want_gradient=True)
    assert found.sum == score("squared_error", as_float, x).sum
    assert found.gradient.dtype == np.uint16


def test_a_steep_gradient_is_held_where_a_scaler_does_not_have_to_see_it():
    q, y = np.array([6e-8], np.float16), np.ones(1, np.float16)
    found = score("binary_cross_entropy", q, y, want_gradient=True)
    assert found.gradient[0] == -np.inf  # as torch's: a GradScaler skips such a step
    bits = (np.array([1e-39], np.float32).view(np.uint32) >> 16).astype(np.uint16)
    found = score("binary_cross_entropy", bits, y, bfloat16=True, want_gradient=True)
    assert found.gradient[0] == 0xFF7F  # the least finite number
