"""The adversarial pair: its equilibria, which gradient dies, and the whole range of logits."""

import math

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import sigmoid, ulps
from torch.testing import assert_close

from xent.errors import XentTypeError, XentValueError
from xent.torch.adversarial import discriminator_loss, generator_loss

Z = np.array([0.0, 1e-3, 0.5, 3.0, 16.0, 17.0, 40.0, 80.0, 500.0])
Z = np.concatenate([Z, -Z])
INFINITE = 1e30  # a logit so large that its loss is 0 in every dtype


def slope_of(loss, z):
    return torch.autograd.grad(loss, z)[0].numpy()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_sample_is_within_4_ulp_over_the_whole_range(dtype):
    exact = sigmoid(Z.astype(dtype))
    for i, value in enumerate(Z.astype(dtype)):
        z = torch.tensor([value], requires_grad=True)
        nothing = torch.tensor([-INFINITE], dtype=z.dtype)
        loss = discriminator_loss(-nothing, z)  # the real ones cost nothing
        assert ulps(loss.detach().numpy(), exact.not_cost[i]) <= 4
        assert ulps(slope_of(loss, z), exact.p[i : i + 1]) <= 4
        loss = discriminator_loss(z, nothing)
        assert ulps(loss.detach().numpy(), exact.cost[i]) <= 4
        assert ulps(slope_of(loss, z), -exact.not_p[i : i + 1]) <= 4
        loss = generator_loss(z)
        assert ulps(loss.detach().numpy(), exact.cost[i]) <= 4
        assert ulps(slope_of(loss, z), -exact.not_p[i : i + 1]) <= 4
        loss = generator_loss(z, saturating=True)
        assert ulps(loss.detach().numpy(), -exact.not_cost[i]) <= 4
        assert ulps(slope_of(loss, z), -exact.p[i : i + 1]) <= 4


def test_equilibria():
    zeros = torch.zeros(5, 1)
    assert_close(discriminator_loss(zeros, zeros).item(), 2 * math.log(2), rtol=1e-7, atol=0)
    assert_close(generator_loss(zeros).item(), math.log(2), rtol=1e-7, atol=0)
    assert_close(generator_loss(zeros, saturating=True).item(), -math.log(2), rtol=1e-7, atol=0)


def test_the_saturating_gradient_dies_where_the_fakes_are_found_out():
    z = torch.tensor([-30.0], requires_grad=True)
    assert slope_of(generator_loss(z), z) == -1
    assert_close(slope_of(generator_loss(z, saturating=True), z)[0], -np.float32(math.exp(-30)))


def test_the_game_is_zero_sum_in_the_saturating_form(rng):
    real, fake = (torch.tensor(rng.normal(size=n)) for n in (4, 7))
    nothing = torch.full_like(real, INFINITE)
    assert generator_loss(fake, saturating=True) == -discriminator_loss(nothing, fake)
    expected = (
        torch.nn.functional.softplus(-real).mean() + torch.nn.functional.softplus(fake).mean()
    )
    assert_close(discriminator_loss(real, fake), expected)


def test_each_side_has_its_own_mean_and_patches_are_samples(rng):
    real, fake = torch.tensor(rng.normal(size=(2, 1, 3, 3))), torch.tensor(rng.normal(size=5))
    summed = discriminator_loss(real, fake, reduction="sum")
    softplus = torch.nn.functional.softplus
    assert_close(summed, softplus(-real).sum() + softplus(fake).sum())
    assert_close(discriminator_loss(real, fake), softplus(-real).mean() + softplus(fake).mean())


def test_smoothing_is_one_sided():
    z = torch.tensor([3.0], requires_grad=True)
    nothing = torch.tensor([-INFINITE])
    loss = discriminator_loss(z, nothing, label_smoothing=0.1)
    assert_close(slope_of(loss, z)[0], np.float32(0.1 - 1 / (1 + math.exp(3))))
    # the best logit of a real sample is finite: log 9
    best = torch.tensor([math.log(9)], requires_grad=True)
    assert abs(slope_of(discriminator_loss(best, nothing, label_smoothing=0.1), best)) < 1e-7
    assert discriminator_loss(-nothing, nothing, label_smoothing=0.1) > 1e28
    assert generator_loss(nothing, saturating=True) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    z = torch.tensor([-9.5, 2.0], dtype=dtype, requires_grad=True)
    loss = generator_loss(z)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, generator_loss(z.float()))
    assert torch.autograd.grad(loss, z)[0].dtype == dtype


def test_derivatives_by_differences(rng):
    z = torch.tensor(rng.normal(size=4), requires_grad=True)
    for loss in (generator_loss, lambda z: generator_loss(z, saturating=True)):
        assert torch.autograd.gradcheck(loss, z)
        assert torch.autograd.gradgradcheck(loss, z)
    both = lambda z: discriminator_loss(z[:1], z[1:], label_smoothing=0.2)  # noqa: E731
    assert torch.autograd.gradcheck(both, z)
    assert torch.autograd.gradgradcheck(both, z)


def test_refusals():
    z = torch.zeros(3)
    with pytest.raises(XentTypeError, match="fake_logits"):
        generator_loss(z.long())
    with pytest.raises(XentTypeError, match="real_logits"):
        discriminator_loss([0.0], z)
    with pytest.raises(XentValueError, match="reduction must be one of"):
        discriminator_loss(z, z, reduction="none")
    with pytest.raises(XentValueError, match="label_smoothing"):
        discriminator_loss(z, z, label_smoothing=1.5)
