"""KL divergence from logits in 100 digits: near and far, sure and unsure, in both dtypes."""

import mpmath
import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import ulps
from torch.testing import assert_close

from xent.torch.formulas import _closed_form
from xent.torch.formulas._closed_form import rows_of
from xent.torch.formulas.kl_divergence import KLDivergence

mp = mpmath.mp.clone()
mp.dps = 100  # the difference of two logarithms, of which 50 may be lost
exp, log = np.frompyfunc(mp.exp, 1, 1), np.frompyfunc(mp.log, 1, 1)
in_digits = np.frompyfunc(mp.mpf, 1, 1)


def softmax(logits, temperature):
    x = in_digits(logits.astype(np.float64)) / mp.mpf(temperature)
    x = x - x.max()
    log_p = x - mp.log(sum(exp(x)))
    return exp(log_p), log_p


def exactly(x, y, temperature):
    """The divergence, its gradients, and the size of what each gradient subtracts."""
    p, log_p = softmax(x, temperature)
    q, log_q = softmax(y, temperature)
    divergence = sum(p * (log_p - log_q))
    of_x, of_y = p * (log_p - log_q - divergence), q - p
    logs = abs(log_p) + abs(log_q)
    return divergence, of_x / temperature, of_y / temperature, p * (logs + divergence)


def relative(actual, exact):
    return float(abs(mp.mpf(float(actual)) - exact) / exact) if exact else abs(float(actual))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("num_classes", [2, 5, 100])
@pytest.mark.parametrize("apart", [1e-9, 1e-6, 1e-3, 1.0, 30.0])
@pytest.mark.parametrize("spread", [0.01, 1.0, 20.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_value_and_gradients(rng, dtype, spread, apart, num_classes, temperature):
    x = (rng.normal(size=(3, num_classes)) * spread).astype(dtype)
    y = (x * (1 + apart * rng.normal(size=x.shape))).astype(dtype)
    a, b = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
    rows = rows_of(KLDivergence(temperature), a, b)
    slopes = torch.autograd.grad(rows.sum(), (a, b))
    value_within = 2e-7 if dtype == np.float32 else 1e-13
    for i in range(3):
        exact, of_x, of_y, terms = exactly(x[i], y[i], temperature)
        if exact > np.finfo(dtype).tiny:
            assert relative(rows[i].detach(), exact) <= value_within
        # float32 is computed in float64; there exp of k nats is off by k halves of an ulp
        nats = np.ptp(x[i]) / temperature if dtype == np.float64 else 0
        assert ulps(slopes[0][i].numpy(), of_x, of=terms) <= 4 + nats / 2
        # what both classes share is subtracted from what they differ by
        largest = max(abs(of_y))
        assert all(abs(mp.mpf(float(g)) - e) <= 20 * value_within * largest
                   for g, e in zip(slopes[1][i], of_y, strict=True))  # fmt: skip


def test_a_student_that_is_nearly_there_has_a_right_gradient(rng):
    # torch's loss of such rows is rounding, and negative about every second time
    x = rng.normal(size=(20, 50)).astype(np.float32)
    y = x.copy()
    y[:, 7] = np.nextafter(y[:, 7], np.float32(9))
    b = torch.tensor(y, requires_grad=True)
    rows = rows_of(KLDivergence(), torch.tensor(x), b)
    (slopes,) = torch.autograd.grad(rows.sum(), b)
    assert (rows > 0).all()
    for i in range(20):
        exact, _, of_y, *_ = exactly(x[i], y[i], 1.0)
        assert relative(rows[i].detach(), exact) <= 2e-7
        assert all(relative(g, e) <= 1e-6 for g, e in zip(slopes[i], of_y, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_common_offset_costs_no_digits(rng, dtype):
    x = rng.normal(size=(5, 10)).astype(dtype)
    steps = rng.integers(-3, 4, x.shape) * np.finfo(dtype).eps
    y = ((x + dtype(100)) * (1 + steps)).astype(dtype)
    rows = rows_of(KLDivergence(3.0), torch.tensor(x), torch.tensor(y))
    for a, b, value in zip(x, y, rows, strict=True):
        exact, *_ = exactly(a, b, 3.0)
        assert relative(value, exact) <= (2e-7 if dtype == np.float32 else 1e-13)


def test_logits_near_zero_that_differ_in_their_digits():
    # h(d) is far below an ulp of d, in float64 as well
    x, y = torch.tensor([[1e-12, 0.0, -3e-12]]), torch.tensor([[2e-12, 1e-12, 0.0]])
    exact, *_ = exactly(x[0].numpy(), y[0].numpy(), 1.0)
    assert relative(rows_of(KLDivergence(), x, y)[0], exact) <= 2e-7


def test_sure_rows_keep_a_tiny_divergence():
    x = torch.tensor([[81.0, 0.0, 1.0]])
    y = torch.tensor([[80.0, 0.5, 0.0]])
    exact, *_ = exactly(x[0].numpy(), y[0].numpy(), 1.0)
    assert exact < 1e-33
    assert relative(rows_of(KLDivergence(), x, y)[0], exact) <= 2e-7


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_far_apart_overflows_nowhere(dtype):
    x = torch.tensor([[2000.0, 0.0], [0.0, 1e30]], dtype=dtype)
    y = x.flip(1).requires_grad_()
    rows = rows_of(KLDivergence(), x, y)
    assert rows.tolist() == [2000.0, torch.tensor(1e30, dtype=dtype).item()]
    (slopes,) = torch.autograd.grad(rows.sum(), y)
    assert slopes.tolist() == [[-1, 1], [1, -1]]


def test_blocks_are_rows(rng, monkeypatch):
    x, y = (torch.tensor(rng.normal(size=(7, 6)), requires_grad=True) for _ in range(2))
    scale = torch.tensor(rng.normal(size=7))

    def derivatives():
        rows = rows_of(KLDivergence(2.0), x, y)
        return rows, *torch.autograd.grad((rows * scale).sum(), (x, y))

    whole = derivatives()
    monkeypatch.setattr(_closed_form, "_BLOCK", 12)
    for got, expected in zip(derivatives(), whole, strict=True):
        assert torch.equal(got, expected)


@pytest.mark.parametrize("elements", [1 << 16, 12], ids=["one block", "blocks"])
def test_backward_again_scaled_and_batched(rng, monkeypatch, elements):
    # the first pass gives the gradient of the forward pass away
    monkeypatch.setattr(_closed_form, "_BLOCK", elements)
    x, y = (torch.tensor(rng.normal(size=(7, 6)), requires_grad=True) for _ in range(2))
    rows = rows_of(KLDivergence(2.0), x, y)
    first = torch.autograd.grad(rows.sum(), (x, y), retain_graph=True)
    kept = [each.clone() for each in first]
    second = torch.autograd.grad(3 * rows.sum(), (x, y), retain_graph=True)
    for a, b, c in zip(first, second, kept, strict=True):
        assert_close(b, 3 * a)
        assert torch.equal(a, c)
    (only_y,) = torch.autograd.grad(rows.sum(), y)
    assert_close(only_y, kept[1])
    rows = rows_of(KLDivergence(2.0), x, y)
    (of_y,) = torch.autograd.grad(rows, y, torch.eye(7).double(), is_grads_batched=True)
    assert_close(of_y.sum(0), kept[1])
