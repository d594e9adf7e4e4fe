"""Entropy of the softmax of logits against 50 digits: value and gradient."""

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import mp, softmax, ulps
from accuracy.test_softmax_cross_entropy import rows as rows_that_go_wrong

from xent.torch.formulas._closed_form import rows_of
from xent.torch.formulas.softmax_entropy import SoftmaxEntropy


def exactly(x):
    """The entropy, its gradient, and the size of what the gradient subtracts."""
    p, _, log_p = softmax(x)
    behind = max(log_p) - log_p
    top = int(np.argmax(x))
    others = np.delete(np.arange(len(x)), top)
    mean = sum((p * behind)[others], mp.mpf(0))
    small = -log_p[top]
    return small + mean, p * (behind - mean), p * (behind + mean)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_classes", [1, 2, 3, 10, 200])
def test_value_and_gradient_are_within_4_ulp(rng, dtype, num_classes):
    logits = rows_that_go_wrong(rng, dtype, num_classes)
    x = torch.tensor(logits, requires_grad=True)
    entropy = rows_of(SoftmaxEntropy(), x)
    (slopes,) = torch.autograd.grad(entropy.sum(), x)
    for row, value, slope in zip(logits, entropy.detach().numpy(), slopes.numpy(), strict=True):
        exact, gradient, terms = exactly(row)
        assert ulps(value, exact) <= 4
        # a_j, at most 746, multiplies the rounding of a denormal p_j
        normal = np.array((terms > 1e-305) | (terms == 0), bool)
        assert ulps(slope[normal], gradient[normal], of=terms[normal]) <= 4


@pytest.mark.parametrize("margin", [20, 60, 100])
def test_a_sure_row_has_a_tiny_entropy_and_a_tiny_gradient(margin):
    row = np.array([margin, 0, 0], np.float32)
    x = torch.tensor(row[None], requires_grad=True)
    entropy = rows_of(SoftmaxEntropy(), x)
    exact, gradient, _ = exactly(row)
    assert 0 < exact < 1e-6
    assert ulps(entropy.detach().numpy(), exact) <= 4
    assert ulps(torch.autograd.grad(entropy, x)[0].numpy(), gradient) <= 4
