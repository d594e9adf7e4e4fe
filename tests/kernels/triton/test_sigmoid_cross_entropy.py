"""The sigmoid kernel against 50 digits, and its options; scaling, and sums of weights."""

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import sigmoid_cross_entropy, ulps
from numpy.testing import assert_allclose, assert_array_equal

from xent.kernels.triton.elementwise import scale_, weight_total
from xent.kernels.triton.sigmoid_cross_entropy import score
from xent.torch._tasks import SigmoidTask
from xent.torch.formulas import sigmoid_cross_entropy as formulas

INF = float("inf")


def nodes(rng, n=300):
    z = np.concatenate([rng.normal(size=n) * 3, rng.uniform(-100, 100, n), [0.0, 1e-30, -1e-30]])
    y = rng.choice([0.0, 1.0, 0.25, 0.9], len(z))
    return z, y


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_within_4_ulp_of_their_terms(rng, device, dtype):
    z, y = (torch.tensor(each, dtype=dtype, device=device) for each in nodes(rng))
    result = score(z, y, want_nll=True, want_gradient=True, want_total=True)
    exact = sigmoid_cross_entropy(z.double().cpu().numpy(), y.double().cpu().numpy())
    assert ulps(result.nll.cpu().numpy(), exact.nll) <= 4
    assert ulps(result.gradient.cpu().numpy(), exact.gradient, exact.terms) <= 4
    assert_allclose(result.total.item(), float(sum(exact.nll)), rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(rng, device, dtype):
    z, y = (torch.tensor(each, device=device).to(dtype) for each in nodes(rng))
    result = score(z, y, want_nll=True, want_gradient=True)
    task = SigmoidTask(y.double())
    expected = formulas.nodes(z.double(), task)
    # ex2 gives 0 for a denormal result on a GPU
    tiny = torch.finfo(torch.float32).tiny
    assert_allclose(result.nll.cpu(), expected.cpu(), rtol=4e-7, atol=tiny)
    gradient = formulas.gradient(z.double(), task, torch.ones_like(expected))
    eps = torch.finfo(dtype).eps
    assert_allclose(
        result.gradient.double().cpu(), gradient.cpu(), rtol=eps, atol=torch.finfo(dtype).tiny
    )


SHAPES = [(), (4,), (3, 1), (5, 3, 4), (5, 1, 4), (1, 3, 1), (1, 3, 4), (5, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_weights_of_any_shape(rng, device, shape):
    z = torch.tensor(rng.normal(size=(5, 3, 4)) * 3, device=device)
    y = torch.tensor(rng.random((5, 3, 4)), device=device)
    w = torch.tensor(rng.random(shape), device=device)
    v = torch.tensor(rng.random(shape[-1:] or (1,)) * 3, device=device)
    scale = torch.tensor(rng.normal(size=(5, 3, 4)), device=device)
    result = score(
        z, y, weight=w, pos_weight=v, node_scale=scale, factor=0.25,
        gradient_scale=torch.tensor(4.0, device=device), want_nll=True, want_gradient=True,
    )  # fmt: skip
    task = SigmoidTask(y, v, w)
    assert_allclose(result.nll.cpu(), formulas.nodes(z, task).cpu(), rtol=1e-12)
    gradient = formulas.gradient(z, task, scale)
    assert_allclose(result.gradient.cpu(), gradient.cpu(), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.uint8, torch.float64])
def test_labels_of_any_dtype(rng, device, dtype):
    z = torch.tensor(rng.normal(size=40), dtype=torch.float32, device=device)
    y = torch.tensor(rng.integers(2, size=40), device=device)
    expected = score(z, y.float(), want_nll=True, want_gradient=True)
    result = score(z, y.to(dtype), want_nll=True, want_gradient=True)
    assert_array_equal(result.nll.cpu(), expected.nll.cpu())
    assert_array_equal(result.gradient.cpu(), expected.gradient.cpu())


def test_edges(device):
    z = torch.tensor([INF, INF, -INF, -INF, float("nan"), 3.0], device=device)
    y = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 1.0], device=device)
    result = score(z, y, want_nll=True, want_gradient=True)
    assert_array_equal(result.nll.cpu()[:5], [0, INF, 0, INF, float("nan")])
    assert_array_equal(result.gradient.cpu()[:5], [0, 1, 0, -1, float("nan")])
    weight = torch.tensor([1.0, 0, 1, 0, 0, 1], device=device)
    result = score(z, y, weight=weight, want_total=True, want_gradient=True, out=z)
    assert_allclose(result.total.item(), np.log1p(np.exp(-3)), rtol=1e-6)
    assert_array_equal(z.cpu()[:5], np.zeros(5))
    empty = score(z[:0], y[:0], want_nll=True, want_total=True, want_gradient=True)
    assert empty.total.item() == 0


# What surrounds the losses ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_a_gradient_is_scaled(rng, device, dtype):
    gradient = torch.tensor(rng.normal(size=(3, 4097)), device=device).to(dtype)
    factor = torch.tensor(-0.5, device=device)
    kept = gradient.clone()
    other = scale_(gradient, factor, out=torch.empty_like(gradient))
    assert_array_equal(gradient.cpu(), kept.cpu())
    assert_array_equal(other.cpu(), (-0.5 * kept).cpu())
    copied = scale_(gradient, torch.ones((), device=device), out=torch.empty_like(gradient))
    assert_array_equal(copied.cpu(), kept.cpu())
    assert scale_(gradient, factor) is gradient
    assert_array_equal(gradient.cpu(), (-0.5 * kept).cpu())
    assert_array_equal(scale_(gradient, torch.ones((), device=device)).cpu(), (-0.5 * kept).cpu())


def test_weights_are_summed(rng, device):
    target = torch.tensor(rng.integers(-1, 5, 9000), device=device)
    class_weight = torch.tensor(rng.random(4), device=device)
    sample_weight = torch.tensor(rng.random(9000), device=device)
    total = weight_total(
        9000, device, num_classes=4, target=target, class_weight=class_weight,
        sample_weight=sample_weight, ignore_index=-1,
    )  # fmt: skip
    # a bad target weighs 1: its own row is NaN, and no other
    padded = torch.cat([class_weight, torch.ones(1, device=device)])
    right = (padded[target.clamp(0, 4)] * sample_weight)[target != -1].sum()
    assert_allclose(total.item(), right.item(), rtol=1e-12)
    assert weight_total(7, device).item() == 7
    assert weight_total(0, device).item() == 0
