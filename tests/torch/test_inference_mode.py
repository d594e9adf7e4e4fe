"""Targets and weights that were made in inference mode, as a teacher's logits often are.

Torch saves no such tensor for a backward pass. On a GPU, and wherever torch operations serve a
loss, these are what computes it; `_choose` says here that they do.
"""

from typing import NamedTuple

import pytest
import torch
from torch.testing import assert_close

import xent
from xent.torch import functional as F
from xent.torch._ops import route

N, C, D = 6, 5, 4


@pytest.fixture(autouse=True)
def _silence():
    with xent.checks("off"):
        yield


class Given(NamedTuple):
    """What a loss takes beside what it is differentiated by."""

    logits: torch.Tensor
    probs: torch.Tensor
    classes: torch.Tensor
    of_rows: torch.Tensor  # weights
    of_classes: torch.Tensor
    of_nodes: torch.Tensor
    hidden: torch.Tensor
    head: torch.Tensor


def given():
    draw = torch.Generator().manual_seed(3)
    logits, weight = (torch.randn(N, C, dtype=torch.float64, generator=draw) for _ in range(2))
    weight = weight.abs()
    return Given(
        logits, logits.softmax(-1), logits.argmax(-1), weight.sum(-1), weight[0].clone(), weight,
        logits[:, :D].clone(), weight[:C, :D].clone(),
    )  # fmt: skip


LOSSES = {
    "cross_entropy": lambda x, g: F.cross_entropy(
        x, g.classes, g.of_classes, sample_weight=g.of_rows, class_mask=g.of_classes > 0
    ),
    "cross_entropy, smoothed": lambda x, g: F.cross_entropy(
        x, g.classes, g.of_classes, sample_weight=g.of_rows, label_smoothing=0.1
    ),
    "cross_entropy of distributions": lambda x, g: F.cross_entropy(
        x, g.probs, g.of_classes, sample_weight=g.of_rows
    ),
    "softmax_entropy": lambda x, g: F.softmax_entropy(x, sample_weight=g.of_rows),
    "distillation_loss": lambda x, g: F.distillation_loss(x, g.logits),
    "distillation_loss, weights": lambda x, g: F.distillation_loss(
        x, g.logits, sample_weight=g.of_rows
    ),
    "distillation_loss, js": lambda x, g: F.distillation_loss(x, g.logits, direction="js"),
    "nll_loss": lambda x, g: F.nll_loss(x, g.classes, sample_weight=g.of_rows),
    "nll_loss, weight": lambda x, g: F.nll_loss(x, g.classes, g.of_classes),
    "binary_cross_entropy_with_logits": lambda x, g: F.binary_cross_entropy_with_logits(
        x, g.probs, g.of_nodes, pos_weight=g.of_classes
    ),
    "binary_cross_entropy": lambda x, g: F.binary_cross_entropy(x.sigmoid(), g.probs, g.of_nodes),
    "kl_div": lambda x, g: F.kl_div(x, g.probs),
    "mse_loss": lambda x, g: F.mse_loss(x, g.logits, weight=g.of_nodes),
    "linear_softmax": lambda x, g: F.linear_softmax_cross_entropy(
        x[:, :D], g.head, g.classes, weight=g.of_classes, sample_weight=g.of_rows
    ),
    "linear_softmax of distributions": lambda x, g: F.linear_softmax_cross_entropy(
        x[:, :D], g.head, g.probs, weight=g.of_classes, sample_weight=g.of_rows
    ),
    "linear_sigmoid": lambda x, g: F.linear_sigmoid_cross_entropy(
        x[:, :D], g.head, g.probs, weight=g.of_classes, sample_weight=g.of_rows
    ),
    "linear_kl": lambda x, g: F.linear_kl_divergence(
        x[:, :D], g.head, g.hidden, g.head, sample_weight=g.of_rows
    ),
}


def derivatives(loss, given):
    x = torch.linspace(-2, 1, N * C, dtype=torch.float64).view(N, C).requires_grad_()
    value = loss(x, given)
    (plain,) = torch.autograd.grad(value, x, retain_graph=True)
    (slopes,) = torch.autograd.grad(value, x, create_graph=True)
    assert_close(slopes, plain)
    second = None
    if slopes.requires_grad:
        (second,) = torch.autograd.grad(slopes.square().sum(), x)
    return value.detach(), plain, second


@pytest.mark.parametrize("by", ["what serves a CPU", "formulas"])
@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_are_those_of_ordinary_tensors(name, by, monkeypatch):
    if by == "formulas":
        monkeypatch.setattr(route, "_choose", lambda logits, others: ("formulas", "a test"))
    expected = derivatives(LOSSES[name], given())
    with torch.inference_mode():
        made = given()
    assert all(each.is_inference() for each in made)
    assert_close(derivatives(LOSSES[name], made), expected)
