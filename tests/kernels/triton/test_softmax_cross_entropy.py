"""The softmax kernels with class targets: exact, at every shape, and with every option."""

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import softmax, ulps

from xent.kernels.triton import softmax_cross_entropy as kernel
from xent.kernels.triton._layout import Blocks
from xent.kernels.triton.softmax_cross_entropy import score

NAN, INF = float("nan"), float("inf")
# one class; around the number that shares programs; a walked row
CLASSES = [1, 2, 10, 127, 128, 129, 1000, 4097]


@pytest.fixture(params=["tile", "long"])
def blocks(request, monkeypatch):
    """Every row as one block, or every row walked in blocks of 64."""
    if request.param == "long":
        monkeypatch.setattr(kernel, "blocks_for", lambda *_: Blocks(1, 64, 4, 2))
    return request.param


def rows(rng, num_classes, dtype=torch.float32):
    """Rows whose targets are ahead and behind by margins from 0 to 100 nats."""
    margins = [0.0, 1e-3, 1.0, 15.0, 17.0, 40.0, 90.0, 100.0, -30.0, -100.0]
    logits = rng.normal(size=(len(margins), num_classes)) * 3
    logits[-1] += 1e4 if dtype in (torch.float32, torch.float64) else 0
    target = rng.integers(num_classes, size=len(margins))
    logits[np.arange(len(margins)), target] += margins
    return torch.tensor(logits).to(dtype), torch.tensor(target)


def worst(logits, target, result):
    """Largest errors of the losses and of the gradients, in ulp."""
    nll_error = grad_error = 0
    for x, y, nll, g in zip(logits, target, result.nll, result.gradient, strict=True):
        p, not_p, log_p = softmax(x.double().cpu().numpy())
        p[y] = -not_p[y]
        nll_error = max(nll_error, ulps(nll[None].cpu().numpy(), -log_p[y : y + 1]))
        grad_error = max(grad_error, ulps(g.cpu().numpy(), p))
    return nll_error, grad_error


# Exactness ----------------------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", [*CLASSES, 32000])
def test_float32_is_within_4_ulp(rng, device, num_classes):
    logits, target = rows(rng, num_classes)
    result = score(logits.to(device), axis=1, target=target.to(device), want_gradient=True)
    assert max(worst(logits, target, result)) <= 4


def test_rows_walked_in_blocks_are_within_4_ulp(rng, device, blocks):
    logits, target = rows(rng, 300)
    result = score(logits.to(device), axis=1, target=target.to(device), want_gradient=True)
    assert max(worst(logits, target, result)) <= 4


@pytest.mark.parametrize("num_classes", [1, 2, 10, 129])
def test_float64_is_within_6_ulp(rng, device, blocks, num_classes):
    # the odds 2.5, 1 + odds, its inverse and two products of half an ulp each
    logits, target = rows(rng, num_classes, torch.float64)
    result = score(logits.to(device), axis=1, target=target.to(device), want_gradient=True)
    assert max(worst(logits, target, result)) <= 6
