"""Softmax cross-entropy in torch operations against 50 digits: value, gradient, Hessian.

The promise is that of the kernels: 4 ulp for a class target, denormal numbers included, and
4 ulp of its terms for a gradient of a distribution. It holds for what automatic
differentiation makes of `rows` and for the closed form alike.
"""

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import in_50_digits, mp, softmax, softmax_cross_entropy, ulps
from accuracy.test_softmax_cross_entropy import rows as rows_that_go_wrong
from accuracy.test_softmax_cross_entropy import with_margins

from xent.torch._tasks import SoftmaxTask
from xent.torch.formulas import _precision, _softmax
from xent.torch.formulas.softmax_cross_entropy import gradient, rows

DTYPES = [np.float32, np.float64]
CLASSES = [1, 2, 3, 10, 65, 500]

# torch.func loads a part of torch that warns about another part of torch
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")


@pytest.fixture(params=["float64 scalars", "carried errors"], autouse=True)
def scalars(request, monkeypatch):
    """Run every test as on a device without float64, too."""
    if request.param == "carried errors":

        def own(x):
            return _precision.own_dtype(x.dtype)

        monkeypatch.setattr(_precision, "wide_dtype", own)
        monkeypatch.setattr(_softmax, "wide_dtype", own)
    return request.param


def loss_and_gradients(logits, **target):
    """The losses, their gradient by automatic differentiation, and in closed form."""
    x = torch.tensor(logits, requires_grad=True)
    task = SoftmaxTask(axis=1, **target)
    loss = rows(x, task)
    assert loss.dtype == x.dtype
    (automatic,) = torch.autograd.grad(loss.sum(), x)
    closed = gradient(x, task, torch.ones_like(loss)).detach()
    return loss.detach().numpy(), automatic.numpy(), closed.numpy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", CLASSES)
def test_class_targets_are_within_4_ulp(rng, dtype, num_classes):
    logits = rows_that_go_wrong(rng, dtype, num_classes)
    target = with_margins(rng, logits)
    results = loss_and_gradients(logits, target=torch.tensor(target))
    for x, y, loss, *slopes in zip(logits, target, *results, strict=True):
        p, not_p, log_p = softmax(x)
        p[y] = -not_p[y]
        assert ulps(loss, -log_p[y]) <= 4
        for slope in slopes:
            assert ulps(slope, p) <= 4
            if abs(slope[y]) > 1e-30:  # the sum of a gradient is 0
                total = sum(map(mp.mpf, slope.tolist()))
                assert abs(total) <= 8 * np.finfo(dtype).eps * abs(mp.mpf(float(slope[y])))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", CLASSES)
def test_distributions_are_within_4_ulp_of_their_terms(rng, dtype, num_classes):
    logits = rows_that_go_wrong(rng, dtype, num_classes)
    logits[::3] = rng.normal(size=logits[::3].shape) * 4
    target = torch.softmax(torch.tensor(rng.normal(size=logits.shape) * 4), -1)
    target = target.to(torch.tensor(logits).dtype)
    target[::3] = torch.softmax(torch.tensor(logits[::3]), -1)  # where the terms meet
    results = loss_and_gradients(logits, soft_target=target)
    for x, t, loss, *slopes in zip(logits, target.double().numpy(), *results, strict=True):
        exact = softmax_cross_entropy(x, in_50_digits(t))
        assert ulps(loss, exact.nll) <= 4
        for slope in slopes:
            assert ulps(slope, exact.gradient, of=exact.terms) <= 4


@pytest.mark.parametrize("margin", [-100, -30, -1, 0, 1e-3, 5, 17, 40, 80, 100])
def test_a_margin_costs_what_it_costs(margin):
    logits = np.array([[margin, 0.0]], np.float32)
    loss, *slopes = loss_and_gradients(logits, target=torch.tensor([0]))
    odds = mp.exp(-mp.mpf(margin))
    assert ulps(loss, [mp.log1p(odds)]) <= 4
    for slope in slopes:
        assert ulps(slope, np.array([[-1, 1]]) * (odds / (1 + odds))) <= 4


def hessian_times(x, v):
    """H v of a loss whose targets sum to 1, in 50 digits."""
    p, _, _ = softmax(x)
    v = in_50_digits(v.astype(np.float64))
    top = int(np.argmax(x))
    u = v - v[top]
    return p * (u - sum(np.delete(p * u, top), mp.mpf(0)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("margin", [0, 1, 10, 20, 60])
def test_hessian_of_confident_rows_keeps_its_digits(rng, dtype, margin):
    # float32 p (1 - p) with 1 - p subtracted is 0 from a margin of 17 on
    logits = rng.normal(size=(8, 5)).astype(dtype)
    target = rng.integers(5, size=8)
    logits[np.arange(8), target] += dtype(margin)
    direction = rng.normal(size=(8, 5)).astype(dtype)
    direction[4:] = np.eye(5)[target[4:]]  # and the diagonal
    x = torch.tensor(logits, requires_grad=True)
    slopes = gradient(x, SoftmaxTask(axis=1, target=torch.tensor(target)), torch.ones(8))
    (turned,) = torch.autograd.grad((slopes * torch.tensor(direction)).sum(), x)
    for row, v, got in zip(logits, direction, turned.numpy(), strict=True):
        p, _, _ = softmax(row)
        exact = hessian_times(row, v)
        top = int(np.argmax(row))
        u = abs(in_50_digits(v.astype(np.float64) - v[top]))
        # relative to the terms that meet in (u_j - sum p_k u_k), which the caller chose
        terms = p * (u + sum(np.delete(p * u, top), mp.mpf(0)))
        assert ulps(got, exact, of=terms) <= 8
        assert (got != 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_differentiating_rows_twice_is_right_for_confident_rows(dtype):
    x = torch.tensor([[40.0, 1.0, 0.0]], dtype=torch.tensor(dtype(0)).dtype)
    task = SoftmaxTask(axis=0, target=torch.tensor(0))
    hessian = torch.func.hessian(lambda row: rows(row, task))(x[0]).numpy()
    for j in range(3):
        exact = hessian_times(x[0].numpy(), np.eye(3)[j])
        assert ulps(hessian[j], exact) <= 8


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(rng, dtype):
    logits = torch.tensor(rng.normal(size=(6, 9)) * 4).to(dtype)
    task = SoftmaxTask(axis=1, target=torch.tensor(rng.integers(9, size=6)))
    loss = rows(logits, task)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, rows(logits.float(), task))
    slopes = gradient(logits, task, torch.ones(6))
    assert slopes.dtype == dtype
    assert torch.equal(slopes, gradient(logits.float(), task, torch.ones(6)).to(dtype))


def test_float32_logits_do_not_pay_for_a_common_offset():
    # one ulp of 10,000 nats is 1e-3: the differences are exact, and so is the loss
    x = torch.tensor([[10_010.0, 10_000.0]])
    (loss,) = rows(x, SoftmaxTask(axis=1, target=torch.tensor([0]))).numpy()
    assert ulps(loss, [mp.log1p(mp.exp(-10))]) <= 4
