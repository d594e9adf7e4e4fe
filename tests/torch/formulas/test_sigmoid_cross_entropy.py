"""Sigmoid cross-entropy in torch operations against 50 digits, and its edges."""

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import mp, sigmoid_cross_entropy, ulps
from accuracy.losses_in_50_digits import sigmoid as exact_sigmoid
from torch.testing import assert_close

from xent.torch._tasks import SigmoidTask
from xent.torch.formulas.sigmoid_cross_entropy import gradient, nodes, sigmoid, softplus

LOGITS = [0.0, 1e-30, 1e-3, 0.3, 1.0, 5.0, 16.0, 17.0, 20.5, 40.0, 80.0, 100.0, 103.0, 700.0, 1e4]
INF, NAN = torch.inf, torch.nan


def both_signs(dtype):
    return np.array([sign * z for z in LOGITS for sign in (1, -1)], dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("label", [0.0, 1.0, 0.25, 0.999])
@pytest.mark.parametrize("pos_weight", [1.0, 3.5])
def test_every_derivative_is_within_4_ulp_of_its_terms(dtype, label, pos_weight):
    z = both_signs(dtype)
    if pos_weight != 1 and dtype == np.float32:
        z = z[(abs(z) < 85) | (abs(z) > 150)]  # a weight multiplies the rounding of a denormal loss
    y = np.full(z.shape, label, dtype)
    x = torch.tensor(z, requires_grad=True)
    task = SigmoidTask(target=torch.tensor(y), pos_weight=torch.tensor(pos_weight, dtype=x.dtype))
    exact = sigmoid_cross_entropy(z, y, pos_weight)
    loss = nodes(x, task)
    assert loss.dtype == x.dtype
    (automatic,) = torch.autograd.grad(loss.sum(), x, create_graph=True)
    closed = gradient(x, task, torch.ones_like(x))
    assert ulps(loss.detach().numpy(), exact.nll) <= 4
    for slopes in (automatic, closed):
        assert ulps(slopes.detach().numpy(), exact.gradient, of=exact.terms) <= 4
        (bend,) = torch.autograd.grad(slopes.sum(), x, retain_graph=True)
        # two more roundings
        assert ulps(bend.numpy(), exact.hessian) <= 6


def test_sigmoid_and_softplus_in_all_derivatives():
    z = torch.tensor(both_signs(np.float64), requires_grad=True)
    exact = exact_sigmoid(z.detach().numpy())
    assert ulps(softplus(z).detach().numpy(), exact.not_cost) <= 4
    assert ulps(sigmoid(z).detach().numpy(), exact.p) <= 4
    (slope,) = torch.autograd.grad(sigmoid(z).sum(), z, create_graph=True)
    assert ulps(slope.detach().numpy(), exact.p * exact.not_p) <= 4
    (bend,) = torch.autograd.grad(slope.sum(), z)
    terms = exact.p * exact.not_p
    assert ulps(bend.numpy(), terms * (exact.not_p - exact.p), of=terms) <= 8


def test_derivatives_by_differences(rng):
    x = torch.tensor(rng.normal(size=(3, 4)) * 3, requires_grad=True)
    x.data[0, 0] = 0.0
    scale = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    y = torch.tensor(rng.random((3, 4)), requires_grad=True)
    weight, pos_weight = torch.tensor(rng.random(4)), torch.tensor(rng.random((3, 1)))

    def task(y):
        return SigmoidTask(target=y, pos_weight=pos_weight, weight=weight)

    assert torch.autograd.gradcheck(lambda x, y: nodes(x, task(y)), (x, y))
    assert torch.autograd.gradgradcheck(lambda x, y: nodes(x, task(y)), (x, y))
    fixed = task(y.detach())
    assert torch.autograd.gradcheck(lambda x, s: gradient(x, fixed, s), (x, scale))
    assert torch.autograd.gradgradcheck(lambda x, s: gradient(x, fixed, s), (x, scale))


@pytest.mark.parametrize(
    ("z", "y", "loss", "slope"),
    [
        (INF, 1.0, 0.0, 0.0),
        (-INF, 0.0, 0.0, 0.0),
        (INF, 0.0, INF, 1.0),
        (-INF, 1.0, INF, -1.0),
        (NAN, 1.0, NAN, NAN),
    ],
)
def test_edges_of_the_logits(z, y, loss, slope):
    x = torch.tensor([z, 0.0], requires_grad=True)
    task = SigmoidTask(target=torch.tensor([y, y]))
    got = nodes(x, task)
    assert_close(got[0].detach(), torch.tensor(loss), equal_nan=True)
    assert got[1].isfinite()
    (automatic,) = torch.autograd.grad(got.sum(), x)
    for slopes in (automatic, gradient(x, task, torch.ones(2)).detach()):
        assert_close(slopes[0], torch.tensor(slope), equal_nan=True)
        assert slopes[1].isfinite()


@pytest.mark.parametrize("held", [NAN, INF, -INF])
def test_a_node_of_weight_0_is_not_looked_at(held):
    x = torch.tensor([held, 1.0], requires_grad=True)
    task = SigmoidTask(target=torch.tensor([0.5, 1.0]), weight=torch.tensor([0.0, 2.0]))
    loss = nodes(x, task)
    assert loss[0] == 0
    for slopes in (torch.autograd.grad(loss.sum(), x)[0], gradient(x, task, torch.ones(2))):
        assert slopes[0] == 0
        assert slopes[1] < 0


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.uint8])
def test_labels_may_be_whole_numbers(dtype):
    x = torch.tensor([1.0, -2.0])
    task = SigmoidTask(target=torch.tensor([1, 0], dtype=dtype))
    expected = SigmoidTask(target=torch.tensor([1.0, 0.0]))
    assert torch.equal(nodes(x, task), nodes(x, expected))


def test_a_label_of_half_precision_is_subtracted_in_float32():
    label = torch.tensor([1e-3], dtype=torch.bfloat16)
    x = torch.tensor([30.0], dtype=torch.bfloat16)
    exact = (1 - mp.mpf(label.item())) * 30
    assert ulps(nodes(x, SigmoidTask(target=label)).numpy(), [exact]) <= 4
    slopes = gradient(x, SigmoidTask(target=label), torch.ones(1))
    assert slopes.dtype == torch.bfloat16
