"""Losses of bfloat16 tensors against 50 digits, from torch and back.

They are computed as float32 is, whose ulp is 2^-16 of theirs, and rounded once: gradients,
and the losses that torch returns in the dtype of the logits, are right to half an ulp.
"""

import pytest
import torch
from accuracy.losses_in_50_digits import (
    BFLOAT16,
    changed,
    in_50_digits,
    mass,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    ulps,
)

from xent.torch import functional as F

CLASSES = [2, 10, 193, 1000]
HALF = 0.5 + 2**-10  # what 4 ulp of float32, and a rounded slope, add


def logits_of(rng, shape):
    scale = rng.choice([0.1, 1, 10, 60], (shape[0], *[1] * (len(shape) - 1)))
    return torch.tensor(rng.normal(size=shape) * scale).bfloat16().requires_grad_()


@pytest.mark.parametrize("num_classes", CLASSES)
def test_class_targets(rng, num_classes):
    logits = logits_of(rng, (12, num_classes))
    target = rng.integers(num_classes, size=12)
    loss = F.cross_entropy(logits, torch.tensor(target), reduction="none")
    loss.sum().backward()
    assert loss.dtype is logits.grad.dtype is torch.bfloat16
    for x, y, nll, g in zip(logits, target, loss, logits.grad, strict=True):
        exact = softmax_cross_entropy(x.detach().float().numpy(), mass(y, num_classes))
        assert ulps(nll.item(), exact.nll, places=BFLOAT16) <= HALF
        assert ulps(g.float().numpy(), exact.gradient, places=BFLOAT16) <= HALF


@pytest.mark.parametrize("num_classes", CLASSES)
def test_smoothed_targets(rng, num_classes):
    logits = logits_of(rng, (8, num_classes))
    target = rng.integers(num_classes, size=8)
    F.cross_entropy(logits, torch.tensor(target), label_smoothing=0.1, reduction="sum").backward()
    for x, y, g in zip(logits, target, logits.grad, strict=True):
        exact = softmax_cross_entropy(x.detach().float().numpy(), mass(y, num_classes, 0.1))
        # 4 ulp of float32 of the two terms, and the rounding of what they leave
        excess = ulps(g.float().numpy(), exact.gradient, exact.terms, places=BFLOAT16)
        assert excess <= HALF


@pytest.mark.parametrize("num_classes", [10, 193])
def test_options(rng, num_classes):
    logits = logits_of(rng, (8, num_classes))
    target = rng.integers(num_classes, size=8)
    options = {"softcap": 20.0, "temperature": 2.0}
    F.cross_entropy(logits, torch.tensor(target), reduction="sum", **options).backward()
    for x, y, g in zip(logits, target, logits.grad, strict=True):
        moved, slope = changed(x.detach().float().numpy(), **options)
        p, not_p, _ = softmax(moved)
        p[y] = -not_p[y]
        # an error of 2.9 eps of x', at most 10, moves a probability by 2 * 29 eps of itself
        bound = 0.5 + (4 * 29 + 13) / 2**16
        assert ulps(g.float().numpy(), p * slope, places=BFLOAT16) <= bound


def test_single_elements(rng):
    z = logits_of(rng, (300, 1))
    y = torch.tensor(rng.uniform(size=(300, 1))).bfloat16()
    loss = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    loss.sum().backward()
    exact = sigmoid_cross_entropy(z.detach().float().numpy(), y.float().numpy())
    assert ulps(loss.detach().float().numpy(), exact.nll, places=BFLOAT16) <= HALF
    assert ulps(z.grad.float().numpy(), exact.gradient, exact.terms, places=BFLOAT16) <= HALF


def test_the_reference_tells_a_half_ulp_from_a_whole_one():
    third = in_50_digits([1.0]) / 3
    nearest = torch.tensor([1 / 3]).bfloat16()
    beside = (nearest.view(torch.int16) + 1).view(torch.bfloat16)
    assert ulps(nearest.float().numpy(), third, places=BFLOAT16) <= 0.5
    assert ulps(beside.float().numpy(), third, places=BFLOAT16) > 0.5
