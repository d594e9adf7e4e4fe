"""The numbers of chapter 7: the losses over a logit, and the game of two normal distributions."""

import math

import mpmath
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from xent.learn.pictures.adversarial import gaussians, losses
from xent.torch.adversarial import discriminator_loss, generator_loss

Z = np.array([-30.0, -5.0, -0.5, 0.0, 2.0, 12.0])


@pytest.mark.parametrize("saturating", [False, True])
def test_the_generator_minimises_what_the_torch_loss_computes(saturating):
    z = torch.tensor(Z, requires_grad=True)
    each = torch.stack([generator_loss(x, saturating=saturating) for x in z])
    (slope,) = torch.autograd.grad(each.sum(), z)
    found = losses.generator(Z)
    value, gradient = (
        (found.saturating, found.saturating_slope) if saturating else (found.loss, found.slope)
    )
    assert_allclose(value, each.detach(), rtol=1e-15)
    assert_allclose(gradient, slope, rtol=1e-14)


def test_the_ratio_of_the_pushes_is_the_odds_of_fake():
    # two sigmoids and a division, 4 ulp each at most
    assert_allclose(losses.generator(Z).ratio, np.exp(-Z), rtol=9 * np.finfo(float).eps)


def test_equilibrium():
    at = losses.generator([0.0])
    assert (at.loss[0], at.saturating[0]) == (math.log(2), -math.log(2))
    assert sum(losses.discriminator(0.0, 0.0)) == 2 * math.log(2)


def test_the_discriminator_minimises_what_the_torch_loss_computes():
    expected = discriminator_loss(
        torch.tensor([3.0], dtype=torch.float64), torch.tensor([-1.0], dtype=torch.float64)
    )
    assert_allclose(sum(losses.discriminator(3.0, -1.0)), expected, rtol=1e-15)


# Two normal distributions -----------------------------------------------------


@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (2, 1), (-3, 0.5), (0, 0.25), (6, 2)])
def test_the_loss_of_the_best_discriminator_is_2_ln_2_less_twice_the_divergence(mean, deviation):
    game = gaussians.play(mean, deviation)
    assert_allclose(game.left, 2 * math.log(2) - 2 * game.divergence, rtol=1e-15)
    assert_allclose(game.loss, game.left, atol=1e-12)


@pytest.mark.parametrize(("mean", "deviation"), [(2, 1), (-3, 0.5), (0, 0.25)])
def test_the_divergence_is_its_integral(mean, deviation):
    def integrand(x):
        p = mpmath.npdf(x)
        q = mpmath.npdf(x, mean, deviation)
        m = (p + q) / 2
        return (p * mpmath.log(p / m) + q * mpmath.log(q / m)) / 2

    pieces = sorted({-12, mean - 4 * deviation, mean, mean + 4 * deviation, 0, 12})
    expected = float(mpmath.quad(integrand, pieces))
    assert_allclose(gaussians.play(mean, deviation).divergence, expected, rtol=1e-9)


def test_a_generator_that_has_become_the_data_cannot_be_told_apart():
    game = gaussians.play(0.0, 1.0)
    assert_allclose(game.said_real, 0.5, rtol=1e-15)
    assert_allclose(game.loss, 2 * math.log(2), rtol=1e-13)
    assert game.divergence == pytest.approx(0, abs=1e-15)


def test_one_that_is_far_away_always_can():
    game = gaussians.play(30.0, 1.0)
    assert game.loss == pytest.approx(0, abs=1e-12)
    assert_allclose(game.divergence, math.log(2), rtol=1e-12)


@pytest.mark.parametrize("saturating", [False, True])
@pytest.mark.parametrize("mean", [1.0, 4.0, 7.0])
def test_the_push_is_the_gradient_for_a_discriminator_that_is_held(mean, saturating):
    def loss(at):
        # E over x ~ N(at, 1) with the logit of the best discriminator against N(mean, 1)
        def integrand(noise):
            z = mean**2 / 2 - mean * (at + noise)
            fooled = mpmath.log(1 + mpmath.exp(-z))
            minimised = -mpmath.log(1 + mpmath.exp(z)) if saturating else fooled
            return mpmath.npdf(noise) * minimised

        return mpmath.quad(integrand, [-10, -5, -mean / 2, 0, 5, 10])

    with mpmath.workdps(30):
        expected = float(mpmath.diff(loss, mean, h=mpmath.mpf("1e-8")))
    # the sum over noise stops at 8 deviations
    assert_allclose(gaussians.push(mean, saturating=saturating), expected, rtol=1e-6)


def test_the_saturating_loss_takes_far_longer_from_far_away():
    near, far = gaussians.chase(1.0, 0.1), gaussians.chase(6.0, 0.1)
    assert [len(near.means) - 1, len(near.saturating_means) - 1] == [12, 16]
    assert [len(far.means) - 1, len(far.saturating_means) - 1] == [34, 677]
    assert near.finished == far.finished == (True, True)
    assert far.means[-1] <= gaussians.CAUGHT < far.means[-2]
