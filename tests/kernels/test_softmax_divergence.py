"""Divergences of softmaxes by the native kernel: 100 digits, every loop, and the edges."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xent.kernels.cpu.softmax_divergence import score

mp = mpmath.mp.clone()
mp.dps = 100  # differences of logarithms, of which 50 may be lost
exp, log = np.frompyfunc(mp.exp, 1, 1), np.frompyfunc(mp.log, 1, 1)
in_digits = np.frompyfunc(mp.mpf, 1, 1)

INF, NAN = np.inf, np.nan
# each value of a row is right to its own rounding and that of a few row scalars; gradients
# are those of float32 or float64 elements, with the rounding of their logits' differences
WITHIN = {np.float32: (2e-7, 3e-7), np.float64: (1e-13, 1e-13)}


def softmax(logits, temperature):
    x = in_digits(logits.astype(np.float64)) / mp.mpf(temperature)
    x = x - x.max()
    log_p = x - mp.log(sum(exp(x)))
    return exp(log_p), log_p


def exactly(x, y, temperature, jensen_shannon):
    """The divergence, and its gradients by x and by y."""
    (p, log_p), (q, log_q) = softmax(x, temperature), softmax(y, temperature)
    if not jensen_shannon:
        divergence = sum(p * (log_p - log_q))
        return divergence, p * (log_p - log_q - divergence) / temperature, (q - p) / temperature
    log_m = log((p + q) / 2)
    of_p, of_q = sum(p * (log_p - log_m)), sum(q * (log_q - log_m))
    by_x = p * (log_p - log_m - of_p) / (2 * temperature)
    by_y = q * (log_q - log_m - of_q) / (2 * temperature)
    return (of_p + of_q) / 2, by_x, by_y


def error(actual, exact):
    """Largest error relative to the largest entry."""
    exact = np.atleast_1d(exact)
    return float(max(abs(in_digits(np.float64(np.atleast_1d(actual))) - exact)) / max(abs(exact)))


# short rows go by tiles, and those of 100 classes one by one
@pytest.mark.parametrize("num_classes", [2, 5, 100])
@pytest.mark.parametrize("apart", [1e-9, 1e-7, 1e-3, 0.3, 3.0])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("jensen_shannon", [False, True], ids=["kl", "js"])
def test_values_and_gradients(rng, jensen_shannon, dtype, temperature, apart, num_classes):
    x = np.concatenate([rng.normal(size=(2, num_classes)) * s for s in (0.01, 1, 20)]).astype(dtype)
    y = (x * (1 + apart * rng.normal(size=x.shape))).astype(dtype)
    options = {"axis": 1, "jensen_shannon": jensen_shannon, "temperature": temperature}
    by_x = score(x, y, want_rows=True, gradient_by="x", **options)
    by_y = score(x, y, want_rows=True, gradient_by="y", **options)
    assert_array_equal(by_x.rows, by_y.rows)
    value_within, gradient_within = WITHIN[dtype]
    representable = 1e6 * np.finfo(dtype).tiny
    for i in range(len(x)):
        exact, *slopes = exactly(x[i], y[i], temperature, jensen_shannon)
        if exact > representable:
            assert error(by_x.rows[i], exact) <= value_within
        for found, slope in zip((by_x, by_y), slopes, strict=True):
            if max(abs(slope)) > representable:
                assert error(found.gradient[i], slope) <= gradient_within


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_classes", [10, 60])
def test_a_common_offset_costs_no_digits(rng, num_classes, dtype):
    # what rounds away in x - y, some -100, is as large as what they differ by otherwise
    x = rng.normal(size=(3, num_classes)).astype(dtype)
    steps = rng.integers(-3, 4, x.shape) * np.finfo(dtype).eps
    y = ((x + dtype(100)) * (1 + steps)).astype(dtype)
    found = score(x, y, axis=1, temperature=3.0, want_rows=True)
    for i in range(len(x)):
        exact, *_ = exactly(x[i], y[i], 3.0, False)
        assert error(found.rows[i], exact) <= WITHIN[dtype][0]


@pytest.mark.parametrize("num_classes", [3, 200])
def test_layouts_scales_weights_and_the_sum(rng, num_classes):
    x, y = rng.normal(size=(2, 7, num_classes))
    weight = rng.uniform(0.5, 2, size=7)
    plain = score(x, y, axis=1, want_rows=True, gradient_by="y")
    found = score(
        np.ascontiguousarray(x.T), np.ascontiguousarray(y.T), axis=0, want_rows=True,
        gradient_by="y", row_weight=weight, loss_scale=4.0, gradient_scale=0.5,
    )  # fmt: skip
    # one loop adds a row's terms in another order than the other
    assert_allclose(found.rows, 4 * weight * plain.rows, rtol=1e-14)
    assert_allclose(found.sum, found.rows.sum(), rtol=1e-14)
    assert_allclose(found.gradient.T, 0.5 * weight[:, None] * plain.gradient, rtol=1e-12)


@pytest.mark.parametrize("num_classes", [3, 200])
@pytest.mark.parametrize("jensen_shannon", [False, True], ids=["kl", "js"])
@pytest.mark.parametrize("by", ["x", "y"])
def test_the_gradient_may_overwrite_either(rng, by, jensen_shannon, num_classes):
    x, y = rng.normal(size=(2, 5, num_classes)).astype(np.float32)
    options = {"axis": 1, "jensen_shannon": jensen_shannon, "want_rows": True, "gradient_by": by}
    apart = score(x, y, **options)
    for overwritten in (0, 1):
        pair = [x.copy(), y.copy()]
        found = score(*pair, out=pair[overwritten], **options)
        assert_array_equal(found.rows, apart.rows)
        assert_array_equal(pair[overwritten], apart.gradient)


@pytest.mark.parametrize("num_classes", [3, 200])
def test_16_bits_are_computed_in_32(rng, num_classes):
    x, y = (rng.normal(size=(5, num_classes)).astype(np.float16) for _ in range(2))
    found = score(x, y, axis=1, want_rows=True, gradient_by="x")
    wide = score(x.astype(np.float32), y.astype(np.float32), axis=1, want_rows=True,
                 gradient_by="x")  # fmt: skip
    assert found.rows.dtype == np.float32
    assert_array_equal(found.rows, wide.rows)
    assert_array_equal(found.gradient, wide.gradient.astype(np.float16))
    bits = (wide.gradient.view(np.uint32) >> 16).astype(np.uint16)
    as_floats = (bits.astype(np.uint32) << 16).view(np.float32)
    assert_array_equal(
        score(bits, bits[::-1].copy(), bfloat16=True, axis=1, want_rows=True).rows,
        score(as_floats, as_floats[::-1].copy(), axis=1, want_rows=True).rows,
    )


def test_a_row_does_not_depend_on_its_batch(rng):
    for num_classes in (3, 200):
        x, y = rng.normal(size=(2, 300, num_classes)).astype(np.float32)
        together = score(x, y, axis=1, want_rows=True, gradient_by="y", threads=2)
        for i in (0, 63, 64, 299):
            alone = score(x[i : i + 1], y[i : i + 1], axis=1, want_rows=True, gradient_by="y")
            assert_array_equal(alone.rows, together.rows[i : i + 1])
            assert_array_equal(alone.gradient, together.gradient[i : i + 1])


def padded(rows, num_classes):
    """The same rows with classes that cannot happen, so that another loop serves them."""
    rows = np.array(rows, np.float32)
    return np.pad(rows, ((0, 0), (0, num_classes - rows.shape[1])), constant_values=-INF)


@pytest.mark.parametrize("num_classes", [3, 200])
def test_edges(num_classes):
    x = padded([[0, 0, -INF], [0, 1, 0], [-INF, 1, -INF], [0, 0, 0], [INF, 0, 0]], num_classes)
    y = padded([[0, 1, -INF], [0, 1, -INF], [0, 1, 0], [-INF] * 3, [0, 0, 0]], num_classes)
    found = score(x, y, axis=1, want_rows=True, gradient_by="y")
    q = np.exp([0, 1]) / np.exp([0, 1]).sum()
    assert_allclose(found.rows[0], -np.log(2 * np.sqrt(q[0] * q[1])), rtol=2e-7)
    assert_allclose(found.gradient[0, :3], [q[0] - 0.5, q[1] - 0.5, 0], rtol=2e-7)
    assert found.rows[1] == INF
    p = np.exp([0, 1, 0]) / np.exp([0, 1, 0]).sum()
    assert_allclose(found.gradient[1, :3], [*(q - p[:2]), -p[2]], rtol=2e-7)
    assert_allclose(found.rows[2], -np.log(p[1]), rtol=2e-7)
    assert np.isnan(found.rows[3:]).all()
    assert np.isnan(found.gradient[3:]).all()
    js = score(x, y, axis=1, want_rows=True, gradient_by="y", jensen_shannon=True)
    assert (js.rows[:3] <= np.log(2)).all()
    assert np.isfinite(js.gradient[:3]).all()
    apart = score(x[2:3], padded([[0, -INF, 0]], num_classes), axis=1, want_rows=True,
                  jensen_shannon=True)  # fmt: skip
    assert_allclose(apart.rows, np.log(2), rtol=1e-7)


@pytest.mark.parametrize("num_classes", [3, 200])
def test_mass_too_small_for_a_float_costs_infinity_where_the_other_has_none(num_classes):
    x, y = padded([[0, -2000]], num_classes), padded([[0, -INF]], num_classes)
    assert score(x, y, axis=1, want_rows=True).rows == INF


@pytest.mark.parametrize("num_classes", [3, 200])
def test_a_skipped_row_may_hold_anything(rng, num_classes):
    x, y = rng.normal(size=(2, 3, num_classes)).astype(np.float32)
    x[1] = NAN
    found = score(x, y, axis=1, want_rows=True, gradient_by="x", row_weight=np.array([1.0, 0, 1]))
    assert found.rows[1] == 0
    assert (found.gradient[1] == 0).all()
    assert np.isfinite(found.sum)
    not_skipped = score(x, y, axis=1, want_rows=True, gradient_by="x")
    assert np.isnan(not_skipped.gradient).all(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize("num_classes", [3, 200])
@pytest.mark.parametrize("jensen_shannon", [False, True], ids=["kl", "js"])
def test_equal_rows_are_exactly_0(rng, jensen_shannon, num_classes):
    x = rng.normal(size=(4, num_classes)).astype(np.float32)
    for by in ("x", "y"):
        found = score(x, x, axis=1, jensen_shannon=jensen_shannon, temperature=2.0,
                      want_rows=True, gradient_by=by)  # fmt: skip
        assert_array_equal(found.rows, 0)
        assert_array_equal(found.gradient, 0)
