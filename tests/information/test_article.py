"""Every number and claim of the article's theory: information, entropy, divergence.

Its logarithms are natural. The article lost the fraction bars of its formulas: the KL
divergence has p / q under the logarithm.
"""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from xent.information import (
    binary_entropy,
    cross_entropy,
    entropy,
    kl_divergence,
    reference,
    self_information,
)

# the computer that starts, does not start, or explodes
COMPUTER = np.array([0.7, 0.2, 0.1])


def test_the_less_likely_event_carries_more_information():
    brazil, china = 0.95, 0.01
    assert self_information(china) > self_information(brazil)
    assert self_information(1.0) == 0


@pytest.mark.parametrize(("p", "printed"), [(0.7, 0.36), (0.2, 1.61), (0.1, 2.30)])
def test_information_of_the_three_outcomes(p, printed):
    # the table rounds to two digits
    assert abs(self_information(p) - printed) <= 0.005


def test_entropy_of_the_computer():
    # the article adds its rounded terms, 0.7 x 0.36 + 0.2 x 1.61 + 0.1 x 2.30 = 0.804;
    # the sum of the exact ones is 0.8018
    assert_allclose(0.7 * 0.36 + 0.2 * 1.61 + 0.1 * 2.30, 0.804, rtol=1e-14)
    assert_allclose(entropy(COMPUTER), 0.8018185525433372, rtol=1e-15)
    # half of the last digit that the table gives, in each of three terms that weigh one in all
    assert abs(entropy(COMPUTER) - 0.804) <= 0.005


def test_entropy_is_the_information_to_expect():
    assert_allclose(entropy(COMPUTER), COMPUTER @ self_information(COMPUTER), rtol=1e-15)


@pytest.mark.parametrize("p", [0.5, 1e-7], ids=["coin", "lottery"])
def test_entropy_of_two_outcomes(p):
    written_out = -p * np.log(p) - (1 - p) * np.log(1 - p)
    # 1 - p is rounded before its logarithm is taken: an error of up to half an epsilon
    assert_allclose(binary_entropy(p), written_out, rtol=1e-15, atol=1.2e-16)
    assert_allclose(binary_entropy(p), entropy([p, 1 - p]), rtol=1e-15, atol=1.2e-16)


def test_a_coin_is_the_most_uncertain_of_two_outcomes():
    p = np.linspace(0, 1, 101)
    assert np.argmax(binary_entropy(p)) == 50
    assert binary_entropy(0.5, unit="bit") == 1


def test_what_the_model_lacks():
    assert_allclose(kl_divergence([1, 0, 0], COMPUTER), -np.log(0.7), rtol=1e-15)


def test_a_model_that_equals_the_truth_lacks_nothing():
    assert kl_divergence(COMPUTER, COMPUTER) == 0


def test_the_closer_the_model_the_smaller_the_divergence(rng):
    p, q = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3))
    towards = [kl_divergence(p, p + share * (q - p)) for share in (1.0, 0.5, 0.25, 0.125, 0.0)]
    assert towards == sorted(towards, reverse=True)


def test_divergence_is_cross_entropy_without_the_entropy(rng):
    p, q = rng.dirichlet(np.ones(7), 50), rng.dirichlet(np.ones(7), 50)
    # the right side subtracts: its error is that of its larger term
    assert_allclose(kl_divergence(p, q), cross_entropy(p, q) - entropy(p), atol=1e-14)
    assert_allclose(
        reference.kl_divergence(p, q),
        reference.cross_entropy(p, q) - reference.entropy(p),
        atol=1e-14,
    )


def test_divergence_and_cross_entropy_have_the_same_gradient_in_the_model(rng):
    """Which is why the loss needs only the cross-entropy: -H(y) does not depend on it."""
    p = torch.tensor(rng.dirichlet(np.ones(5), 4))
    q = torch.tensor(rng.dirichlet(np.ones(5), 4), requires_grad=True)
    (of_kl,) = torch.autograd.grad(kl_divergence(p, q).sum(), q)
    (of_cross_entropy,) = torch.autograd.grad(cross_entropy(p, q).sum(), q)
    assert_allclose(of_kl, of_cross_entropy, rtol=1e-14)
    assert_allclose(of_cross_entropy, -p / q.detach(), rtol=1e-15)


def test_and_in_the_logits_of_the_model(rng):
    p = torch.tensor(rng.dirichlet(np.ones(5), 4))
    z = torch.tensor(rng.normal(size=(4, 5)), requires_grad=True)
    spaces = {"given": ("probs", "logits")}
    (of_kl,) = torch.autograd.grad(kl_divergence(p, z, **spaces).sum(), z)
    (of_cross_entropy,) = torch.autograd.grad(cross_entropy(p, z, **spaces).sum(), z)
    assert_allclose(of_kl, of_cross_entropy, rtol=1e-12, atol=1e-16)
    assert_allclose(of_cross_entropy, torch.softmax(z, -1).detach() - p, rtol=1e-12, atol=1e-16)


def test_one_hot_truth_leaves_the_information_of_the_true_class():
    # cat 0.3, frog 0.6, mouse 0.1, and it is a frog
    assert cross_entropy([0, 1, 0], [0.3, 0.6, 0.1]) == self_information(0.6)
