"""The drop-ins on the Triton kernels: the same numbers, derivatives and misuse."""

import numpy as np
import pytest
import torch
from accuracy.losses_in_50_digits import softmax, ulps

from xent import kernels
from xent.errors import XentValueError
from xent.kernels.triton import faults
from xent.torch import functional as F

N, C = 6, 10


def options():
    return {
        "plain": {},
        "smoothed": {"label_smoothing": 0.1},
        "weighted": {"weight": torch.rand(C), "sample_weight": torch.rand(N)},
        "regularised": {"z_loss": 0.1, "softcap": 3.0, "temperature": 2.0},
        "masked": {"class_mask": torch.arange(C) != 7},
    }


def batch(device, dtype=torch.float32):
    x = (torch.randn(N, C, dtype=torch.float64) * 4).to(device, dtype).requires_grad_()
    return x, torch.tensor([0, 3, -100, 9, 2, 2], device=device)


def moved(named, device):
    return {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in named.items()}


@pytest.mark.parametrize("how", ["mean", "none"])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("name", options())
def test_the_kernels_agree_with_the_formulas(name, soft, how, device):
    x, y = batch(device)
    if soft:
        y = torch.softmax(torch.randn(N, C, device=device), 1)
        if name == "masked":
            y = torch.where(torch.arange(C, device=device) == 7, 0.0, y)
            y = y / y.sum(1, keepdim=True)
    named = moved(options()[name], device)
    found, right = (
        F.cross_entropy(x, y, reduction=how, implementation=i, **named)
        for i in ("triton", "formulas")
    )
    upstream = torch.rand_like(found)
    torch.testing.assert_close(found, right, rtol=1e-6, atol=0)
    a, b = (torch.autograd.grad(loss, x, upstream)[0] for loss in (found, right))
    torch.testing.assert_close(a, b, rtol=2e-6, atol=1e-7 * b.abs().max().item())


@pytest.mark.parametrize("how", ["mean", "sum", "none"])
def test_labels_agree_with_the_formulas(how, device):
    x, _ = batch(device)
    y = torch.rand(N, C, device=device)
    for weights in ({}, {"pos_weight": torch.rand(C), "weight": torch.rand(N, 1)}):
        named = moved(weights, device)
        found, right = (
            F.binary_cross_entropy_with_logits(x, y, reduction=how, implementation=i, **named)
            for i in ("triton", "formulas")
        )
        torch.testing.assert_close(found, right, rtol=1e-6, atol=0)
        a, b = (torch.autograd.grad(loss.sum() * 3, x)[0] for loss in (found, right))
        torch.testing.assert_close(a, b, rtol=2e-6, atol=1e-7 * b.abs().max().item())


def test_derivatives_of_both_orders(device):
    x = torch.randn(2, 3, dtype=torch.float64, device=device, requires_grad=True)
    y = torch.tensor([0, 2], device=device)
    labels = torch.rand(2, 3, dtype=torch.float64, device=device)

    def classes(x):
        return F.cross_entropy(x, y, implementation="triton")

    def nodes(x):
        return F.binary_cross_entropy_with_logits(x, labels, implementation="triton")

    for loss in (classes, nodes):
        assert torch.autograd.gradcheck(loss, x, fast_mode=True)
        assert torch.autograd.gradgradcheck(loss, x, fast_mode=True)


def test_every_backward_pass_of_a_kept_graph_is_right(device):
    x, y = batch(device)
    loss = F.cross_entropy(x, y, implementation="triton")
    right = torch.autograd.grad(loss, x, retain_graph=True)[0].clone()
    for g in (2.0, 1.0, -4.0):
        upstream = torch.tensor(g, device=device)
        assert torch.equal(torch.autograd.grad(loss, x, upstream, retain_graph=True)[0], g * right)
    assert torch.equal(torch.autograd.grad(loss, x, torch.tensor(0.5, device=device))[0],
                       0.5 * right)  # fmt: skip


def test_statistics_and_totals(device):
    x, y = batch(device)
    weight = torch.rand(C, device=device)
    found, right = (
        F.cross_entropy_with_stats(x, y, weight, implementation=i) for i in ("triton", "formulas")
    )
    for a, b in zip(found, right, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)
    total = F.cross_entropy(x, y, weight, reduction="total", implementation="triton")
    torch.testing.assert_close(total.mean(), found.loss)
    assert int(total.count) == N - 1


@pytest.mark.parametrize("num_classes", [2, 100, 1000])
def test_confident_rows_keep_their_loss_and_gradient(num_classes, device):
    margins = torch.tensor([1.0, 10.0, 17.0, 50.0, 80.0, -30.0])
    x = torch.zeros(len(margins), num_classes)
    x[:, 1] = margins
    x = x.to(device).requires_grad_()
    y = torch.ones(len(margins), dtype=torch.int64, device=device)
    nll = F.cross_entropy(x, y, reduction="none", implementation="triton")
    nll.sum().backward()
    for row in range(len(margins)):
        p, not_p, log_p = softmax(x.detach().cpu().numpy()[row])
        p[1] = -not_p[1]
        assert ulps(np.float32(nll[row].item()), -log_p[1:2]) <= 4
        assert ulps(x.grad[row].cpu().numpy(), p) <= 4


def test_nothing_to_average(device):
    x, _ = batch(device)
    y = torch.full((N,), -100, device=device)
    loss = F.cross_entropy(x, y, implementation="triton")
    assert loss.isnan()
    loss.backward()
    assert torch.equal(x.grad, torch.zeros_like(x))
    assert F.cross_entropy(x, y, on_empty="zero", implementation="triton") == 0


def test_a_bad_target_is_nan_at_once_and_raises_later(device):
    x, y = batch(device)
    y[1] = C
    losses = F.cross_entropy(x, y, reduction="none", implementation="triton")
    assert losses.isnan().tolist() == [False, True, False, False, False, False]
    with pytest.raises(XentValueError, match="row 1 has 10") as e:
        faults.raise_pending(device, wait=True)
    assert (e.value.code, e.value.index, e.value.value) == ("D01", 1, C)
    F.cross_entropy(*batch(device), implementation="triton")  # told once


def test_explain_names_triton(device):
    x, _ = batch(device)
    reasons = " ".join(kernels.explain("softmax_cross_entropy", x).reasons)
    assert "triton: a CPU tensor, by the interpreter" in reasons or "triton: chosen" in reasons


@pytest.mark.parametrize("classes", [8, 3000])
@pytest.mark.parametrize("softcap", [None, 30.0])
def test_a_row_whose_class_weighs_nothing_has_its_statistics_alone(device, classes, softcap):
    x = torch.randn(5, classes, generator=torch.Generator().manual_seed(0)).to(device)
    target = torch.tensor([0, 1, 2, 1, 3], device=device)
    weight = torch.ones(classes, device=device)
    weight[1] = 0
    options = {"softcap": softcap, "implementation": "triton"}
    bare = F.cross_entropy_with_stats(x, target, **options)
    slopes = []
    for held in (None, torch.nan):
        leaf = x.clone()
        if held is not None:
            leaf[3] = held
        leaf.requires_grad_()
        found = F.cross_entropy_with_stats(leaf, target, weight, **options)
        if held is None:
            for name in ("nll", "lse", "entropy", "hit"):
                assert torch.equal(getattr(found, name), getattr(bare, name))
        slopes += torch.autograd.grad(found.loss, leaf)
    assert not slopes[1][[1, 3]].any()
    assert torch.equal(*slopes)
