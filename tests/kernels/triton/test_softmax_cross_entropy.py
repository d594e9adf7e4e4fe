"""The softmax kernels against 50 digits, for every dtype, loop and kind of target."""

import math

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import (
    in_50_digits,
    mass,
    softmax,
    softmax_cross_entropy,
    ulps,
)
from promises import promised

from xent.kernels.triton import softmax_cross_entropy as kernel
from xent.kernels.triton._layout import Blocks
from xent.kernels.triton.softmax_cross_entropy import score
from xent.losses import reference

# one class; around the number up to which rows share a program; a row of several warps
CLASSES = [1, 2, 10, 127, 128, 129, 1000, 4097]
MARGINS = [0.0, 1e-3, 1.0, 15.0, 17.0, 40.0, 90.0, 100.0, -30.0, -100.0]


@pytest.fixture(params=["one block", "walked"])
def loop(request, monkeypatch):
    """Every row as one block of its program, or every row walked in blocks of 64."""
    blocks = Blocks(1, 64, 4, 2) if request.param == "walked" else Blocks(1, 256, 1)
    monkeypatch.setattr(kernel, "blocks_for", lambda *_: blocks)


def rows(rng, num_classes, dtype=torch.float32):
    """Rows whose targets are ahead or behind by 0 to 100 nats; the last has large logits."""
    logits = rng.normal(size=(len(MARGINS), num_classes)) * 3
    target = rng.integers(num_classes, size=len(MARGINS))
    logits[np.arange(len(MARGINS)), target] += MARGINS
    if dtype in (torch.float32, torch.float64):
        logits[-1] += 1e4
    return torch.tensor(logits).to(dtype), torch.tensor(target)


def worst(logits, target, result, rounding=1.0):
    """Largest errors of the losses and, in units of `rounding` ulp, of the gradients."""
    nll_error = grad_error = 0
    for x, y, nll, g in zip(logits, target, result.nll, result.gradient, strict=True):
        p, not_p, log_p = softmax(x.double().cpu().numpy())
        p[y] = -not_p[y]
        nll_error = max(nll_error, ulps(nll[None].cpu().numpy(), -log_p[y : y + 1]))
        grad_error = max(grad_error, ulps(g.cpu().numpy(), p))
    return nll_error, grad_error


def class_targets(device, logits, target):
    return score(logits.to(device), axis=1, target=target.to(device), want_gradient=True)


# Class targets ------------------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", CLASSES)
def test_float32_is_within_4_ulp(rng, device, num_classes):
    logits, target = rows(rng, num_classes)
    assert max(worst(logits, target, class_targets(device, logits, target))) <= promised("triton")


def test_a_vocabulary_is_within_4_ulp(rng, device):
    values = rng.uniform(-20, 0, 200).astype(np.float32)
    logits = torch.tensor(rng.choice(values, (3, 32000)))
    target = torch.tensor([5, 31999, 16000])
    logits[torch.arange(3), target] = torch.tensor([-1e4, 12.0, 80.0])
    assert max(worst(logits, target, class_targets(device, logits, target))) <= promised("triton")


@pytest.mark.usefixtures("loop")
def test_both_loops_are_within_4_ulp(rng, device):
    logits, target = rows(rng, 200)
    assert max(worst(logits, target, class_targets(device, logits, target))) <= promised("triton")


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("num_classes", [2, 129])
def test_float64_is_within_6_ulp(rng, device, num_classes):
    # the odds 2.5; 1 + odds, its inverse, the exponential 1.5, and a product of each
    logits, target = rows(rng, num_classes, torch.float64)
    assert max(worst(logits, target, class_targets(device, logits, target))) <= promised(
        "triton", 1
    )


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_loses_only_the_rounding_of_its_gradients(rng, device, dtype):
    logits, target = rows(rng, 200, dtype)
    result = class_targets(device, logits, target)
    # ex2 has 2 ulp on a GPU, the sum of 8 exponentials 1.5, and the loss half an ulp
    # x - m is rounded, half an ulp a nat, where its terms are of different size
    for x, y, nll, g in zip(logits, target, result.nll, result.gradient, strict=True):
        exact = softmax(x.double().numpy())
        assert ulps(nll[None].cpu().numpy(), -exact.log_p[y : y + 1]) <= promised("triton")
        p = exact.p.copy()
        p[y] = -exact.not_p[y]
        p = p.astype(np.float64)
        # the interpreter truncates bfloat16, which a GPU rounds
        ulp = 1 if dtype is torch.bfloat16 and device.type == "cpu" else 0.5
        info = torch.finfo(dtype)
        unit = np.maximum(2.0 ** np.floor(np.log2(np.maximum(abs(p), 1e-300))), info.tiny)
        allowed = (ulp + 2**-8) * unit * info.eps
        if dtype is torch.bfloat16:
            # ex2 gives 0 for a denormal result, and the interpreter's bfloat16 has none
            allowed += info.tiny
        assert (abs(g.double().cpu().numpy() - p) <= allowed).all()


@pytest.mark.usefixtures("loop")
def test_rows_of_gradients_sum_to_zero(rng, device):
    logits, target = rows(rng, 193)
    gradient = class_targets(device, logits, target).gradient.cpu().numpy()
    info = np.finfo(np.float32)
    for g, y in zip(gradient, target, strict=True):
        # a denormal entry has the error of its coarse spacing, however small grad_y is
        denormal = np.count_nonzero(abs(g) < info.smallest_normal)
        allowed = 8 * np.spacing(abs(g[y])) + denormal * float(info.smallest_subnormal)
        assert abs(math.fsum(g)) <= allowed


# Distributions ------------------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", [1, 2, 7, 130])
@pytest.mark.parametrize("kind", ["smoothed", "soft", "weighted", "smoothed and weighted"])
def test_distributions_are_within_4_ulp_of_their_terms(rng, device, num_classes, kind):
    logits, target = rows(rng, num_classes)
    n = len(logits)
    weight = 10 ** rng.uniform(-2, 2, num_classes)
    soft = rng.dirichlet(np.full(num_classes, 0.5), n).astype(np.float32)
    options, bound = {}, promised("its gradient")
    if kind in ("soft", "weighted"):
        options["soft_target"] = torch.tensor(soft, device=device)
        masses = [in_50_digits(row.astype(np.float64)) for row in soft]
    else:
        options |= {"target": target.to(device), "label_smoothing": 0.1}
        masses = [mass(int(y), num_classes, 0.1) for y in target]
    if "weighted" in kind:
        options["class_weight"] = torch.tensor(weight, device=device)
        masses = [s * in_50_digits(weight) for s in masses]
        # rounded twice before it is used: as a mass, and as a weighted mass
        bound = promised("the same with class weights")
    result = score(logits.to(device), axis=1, want_gradient=True, **options)
    for x, s, nll, g in zip(logits, masses, result.nll, result.gradient, strict=True):
        exact = softmax_cross_entropy(x.double().numpy(), s)
        # a row as long as this has weights, distances and products of half an ulp each
        assert ulps(nll[None].cpu().numpy(), np.array([exact.nll])) <= bound
        assert ulps(g.cpu().numpy(), exact.gradient, exact.terms) <= bound


def test_the_reference_agrees(rng, device):
    logits, target = rows(rng, 11, torch.float64)
    s = reference.mass(target.numpy(), 11)
    result = class_targets(device, logits, target)
    nll = reference.softmax_cross_entropy(logits.numpy(), s)
    np.testing.assert_allclose(result.nll.cpu(), nll, rtol=1e-13)
    gradient = reference.softmax_cross_entropy_grad(logits.numpy(), s)
    np.testing.assert_allclose(result.gradient.cpu(), gradient, rtol=1e-12)
