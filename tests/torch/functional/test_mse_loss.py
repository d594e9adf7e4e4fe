"""Squared error: sums in float64, weights, and shapes that broadcast."""

import math
import warnings

import pytest
import torch
from accuracy.losses_in_50_digits import mp, ulps

from xent.errors import XentTypeError, XentValueError
from xent.torch import functional as F
from xent.torch.total import Total


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_sums_in_50_digits(reduction):
    x, y = torch.randn(50_000), torch.randn(50_000)
    exact = sum(
        ((mp.mpf(a) - mp.mpf(b)) ** 2 for a, b in zip(x.tolist(), y.tolist(), strict=True)),
        mp.mpf(0),
    )
    ours = F.mse_loss(x, y, reduction=reduction)
    assert ulps(ours.numpy(), exact / (1 if reduction == "sum" else 50_000)) <= 0.51


def test_of_large_integers():
    x = torch.tensor([2**24 + 1, 2**24])
    assert F.mse_loss(x, torch.tensor([2**24, 2**24]), reduction="sum") == 1.0


def test_weighted_as_torch():
    x = torch.randn(40, 3, dtype=torch.float64, requires_grad=True)
    y = torch.randn(40, 3, dtype=torch.float64)
    w = torch.rand(40, 3, dtype=torch.float64)
    for reduction in ("none", "sum", "mean"):
        a = F.mse_loss(x, y, reduction=reduction, weight=w)
        error = (x - y) ** 2 * w
        b = {"none": error, "sum": error.sum(), "mean": error.sum() / w.sum()}[reduction]
        torch.testing.assert_close(a, b, rtol=1e-13, atol=0)
        upstream = torch.rand_like(a)
        torch.testing.assert_close(
            torch.autograd.grad(a, x, upstream), torch.autograd.grad(b, x, upstream)
        )
    with pytest.raises(XentValueError, match="weight must have the shape of input"):
        F.mse_loss(x, y, weight=w[:, :1])


def test_total_of_parts():
    x, y, w = torch.randn(10), torch.randn(10), torch.rand(10)
    whole = F.mse_loss(x, y, weight=w)
    parts = [
        F.mse_loss(x[part], y[part], weight=w[part], reduction="total")
        for part in (slice(0, 3), slice(3, 10))
    ]
    assert isinstance(parts[0], Total)
    torch.testing.assert_close((parts[0] + parts[1]).mean(), whole)


def test_nothing_to_average():
    nothing = torch.zeros(0)
    assert F.mse_loss(nothing, nothing).isnan()
    assert F.mse_loss(nothing, nothing, on_empty="zero") == 0
    with pytest.raises(XentValueError, match="D02"):
        F.mse_loss(nothing, nothing, on_empty="raise")
    x = torch.ones(2, requires_grad=True)
    loss = F.mse_loss(x, torch.zeros(2), weight=torch.zeros(2))
    loss.backward()
    assert loss.isnan()
    assert x.grad.tolist() == [0.0, 0.0]


def test_broadcasting_is_told_once():
    x, y = torch.randn(4, 1, requires_grad=True), torch.randn(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            loss = F.mse_loss(x, y)
    assert [w.message.code for w in caught] == ["D15"]
    assert "4 x 3 loss" in str(caught[0].message)
    error = (x - y) ** 2
    torch.testing.assert_close(loss, error.mean())
    torch.testing.assert_close(torch.autograd.grad(loss, x), torch.autograd.grad(error.mean(), x))
    with pytest.raises(XentValueError, match="D15"):
        F.mse_loss(torch.randn(4, 2), torch.randn(3))


@pytest.mark.parametrize(
    ("input", "target", "result"),
    [
        (torch.float32, torch.float64, torch.float64),
        (torch.bfloat16, torch.float32, torch.float32),
        (torch.float16, torch.float16, torch.float16),
        (torch.float32, torch.int64, torch.float32),
        (torch.int64, torch.int64, torch.float32),
        (torch.bool, torch.float64, torch.float64),
    ],
)
def test_dtypes_are_promoted(input, target, result):
    loss = F.mse_loss(torch.ones(3).to(input), torch.zeros(3).to(target))
    assert loss.dtype is result
    assert loss == 1


def test_infinite_and_missing():
    x = torch.tensor([math.inf, math.nan, 1.0])
    assert F.mse_loss(x, torch.zeros(3), reduction="none")[:1] == math.inf
    assert F.mse_loss(x, torch.zeros(3)).isnan()
    with pytest.raises(XentTypeError, match="real numbers"):
        F.mse_loss(torch.zeros(3, dtype=torch.complex64), torch.zeros(3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_target_that_changed_before_the_backward_pass_is_refused(dtype):
    x, y = torch.tensor([1.0, 2.0], dtype=dtype, requires_grad=True), torch.zeros(2, dtype=dtype)
    loss = F.mse_loss(x, y)
    y.add_(5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, x, create_graph=dtype is torch.float32)
