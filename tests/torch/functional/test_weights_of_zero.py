"""Gradients by weights of which some are exactly 0: where meta-learning starts, and every mask.

A loss is linear in its weights (a mean is a ratio of such), so a central difference is the
derivative to rounding. It is taken without a graph, by what serves the call then: the native
kernels, and blocks of several sizes.
"""

import pytest
import torch
from torch.testing import assert_close

import xent
from xent.torch import functional as F

N, C, D = 4, 3, 2
STEP = 1e-3
Y = torch.tensor([0, 1, 2, 1])
DOUBLE = torch.float64


def numbers(*shape, seed=0):
    return torch.randn(shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


SOFT = numbers(N, C, seed=1).softmax(-1)
ONE_HOT = torch.nn.functional.one_hot(Y, C).to(DOUBLE)
HEAD, TEACHER = numbers(C, D, seed=2), numbers(N, D, seed=3)
LABELS = (numbers(N, C, seed=4) > 0).to(DOUBLE)


def over_rows(loss, *arguments, **options):
    return lambda x, w, **o: loss(x, *arguments, sample_weight=w, **options, **o)


def over_classes(loss, *arguments, **options):
    return lambda x, w, **o: loss(x, *arguments, weight=w, **options, **o)


def over_nodes(loss, *arguments, name="weight"):
    return lambda x, w, **o: loss(x, *arguments, **{name: w}, **o)


def in_both_ways(name, loss, *arguments, **options):
    return {
        f"{name}, weight": (over_classes(loss, *arguments, **options), C),
        f"{name}, sample_weight": (over_rows(loss, *arguments, **options), N),
    }


OPTIONS = {
    "plain": {}, "z_loss": {"z_loss": 0.1}, "smoothed": {"label_smoothing": 0.1},
    "both": {"z_loss": 0.1, "label_smoothing": 0.1}, "softcap": {"softcap": 3.0},
}  # fmt: skip
TARGETS = {"classes": Y, "soft": SOFT, "one-hot": ONE_HOT}
# of logits, (N, C): the loss of them and of weights, and how many of these there are
OF_LOGITS = {}
# of hidden states, (N, D)
OF_HIDDEN = {}
for target, option in [
    *(("classes", option) for option in OPTIONS),
    ("soft", "plain"), ("soft", "both"), ("one-hot", "plain"),
]:  # fmt: skip
    asked, name = OPTIONS[option], f"{target}, {option}"
    OF_LOGITS |= in_both_ways(f"cross_entropy, {name}", F.cross_entropy, TARGETS[target], **asked)
    for memory in (None, 1 << 12) if option == "plain" else (None,):
        OF_HIDDEN |= in_both_ways(
            f"linear_softmax, {name}, {memory}", F.linear_softmax_cross_entropy, HEAD,
            TARGETS[target], memory=memory, **asked,
        )  # fmt: skip
OF_LOGITS |= in_both_ways("nll_loss", F.nll_loss, Y)
OF_LOGITS |= {
    "softmax_entropy": (over_rows(F.softmax_entropy), N),
    "bce_with_logits, nodes": (over_nodes(F.binary_cross_entropy_with_logits, SOFT), (N, C)),
    "bce_with_logits, weight": (over_nodes(F.binary_cross_entropy_with_logits, LABELS), C),
    "bce_with_logits, pos_weight": (
        over_nodes(F.binary_cross_entropy_with_logits, SOFT, name="pos_weight"), C,
    ),
    "bce": (over_nodes(lambda x, y, **o: F.binary_cross_entropy(x.sigmoid(), y, **o), SOFT), C),
    "mse": (over_nodes(F.mse_loss, SOFT), (N, C)),
    "token_cross_entropy": (over_rows(F.token_cross_entropy, labels=Y), N),
}  # fmt: skip
for direction in ("forward", "reverse", "js"):
    OF_LOGITS[f"distillation, {direction}"] = (
        over_rows(F.distillation_loss, numbers(N, C, seed=5), direction=direction), N,
    )  # fmt: skip
    OF_HIDDEN[f"linear_kl, {direction}"] = (
        over_rows(F.linear_kl_divergence, HEAD, TEACHER, HEAD, direction=direction), N,
    )  # fmt: skip
for memory in (None, 1 << 12):
    OF_HIDDEN |= in_both_ways(
        f"linear_sigmoid, {memory}", F.linear_sigmoid_cross_entropy, HEAD, LABELS, memory=memory
    )
OF_HIDDEN["linear_sigmoid, pos_weight"] = (
    over_nodes(F.linear_sigmoid_cross_entropy, HEAD, LABELS, name="pos_weight"), C,
)  # fmt: skip
LOSSES = {
    **{name: (loss, shape, (N, C)) for name, (loss, shape) in OF_LOGITS.items()},
    **{name: (loss, shape, (N, D)) for name, (loss, shape) in OF_HIDDEN.items()},
}
cases = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture(autouse=True)
def _silence():
    with xent.checks("off"):
        yield


def inputs(name):
    """The loss, what it reads, and weights of which every other is 0."""
    loss, shape, of = LOSSES[name]
    weight = numbers(*(shape if isinstance(shape, tuple) else (shape,)), seed=6).abs() + 0.5
    weight.view(-1)[::2] = 0
    return loss, numbers(*of, seed=7), weight


def difference(function, weight):
    """The derivative of a number by each weight."""
    slopes = torch.empty_like(weight)
    for at in range(weight.numel()):
        ends = []
        for step in (STEP, -STEP):
            moved = weight.clone()
            moved.view(-1)[at] += step
            ends.append(function(moved))
        slopes.view(-1)[at] = (ends[0] - ends[1]) / (2 * STEP)
    return slopes


# a mean is a ratio: the third order of its difference is left
ROOM = {"none": {"rtol": 1e-9, "atol": 1e-10}, "mean": {"rtol": 1e-5, "atol": 1e-6}}


@cases
@pytest.mark.parametrize("reduction", ROOM)
def test_the_gradient_by_a_weight_of_zero(name, reduction):
    loss, x, weight = inputs(name)
    shares = numbers(*loss(x, weight, reduction=reduction).shape, seed=8)
    number = lambda w: (loss(x, w, reduction=reduction) * shares).sum()  # noqa: E731
    w = weight.clone().requires_grad_()
    (found,) = torch.autograd.grad(number(w), w)
    assert_close(found, difference(number, weight), **ROOM[reduction])


@cases
@pytest.mark.parametrize("reduction", ROOM)
def test_the_gradient_of_the_gradient_by_a_weight_of_zero(name, reduction):
    loss, x, weight = inputs(name)
    direction = numbers(*x.shape, seed=9)
    shares = numbers(*loss(x, weight, reduction=reduction).shape, seed=8)

    def slope(w, create_graph=False):
        leaf = x.clone().requires_grad_()
        number = (loss(leaf, w, reduction=reduction) * shares).sum()
        (gradient,) = torch.autograd.grad(number, leaf, create_graph=create_graph)
        return (gradient * direction).sum()

    w = weight.clone().requires_grad_()
    (found,) = torch.autograd.grad(slope(w, create_graph=True), w)
    assert_close(found, difference(slope, weight), **ROOM[reduction])


SKIPS = [
    name for name, (_, shape, _) in LOSSES.items()
    if shape == N or name == "bce_with_logits, nodes"
    or "classes, plain" in name or "classes, softcap" in name
    or name == "nll_loss, weight"
]  # fmt: skip


@pytest.mark.parametrize("name", SKIPS)
@pytest.mark.parametrize("held", [torch.nan, torch.inf])
@pytest.mark.parametrize("by_weight", [False, True])
def test_what_a_row_of_weight_zero_holds_reaches_nobody(name, held, by_weight):
    loss, x, weight = inputs(name)
    at = (0, 0) if weight.dim() == 2 else 0
    assert weight[at] == 0
    dirty = x.clone()
    dirty[at] = held
    shares = numbers(N, seed=8) if weight.dim() == 1 else numbers(N, C, seed=8)
    found = []
    for held_by in (x, dirty):
        leaves = [held_by.clone(), weight.clone(), HEAD]
        leaves[0].requires_grad_()
        leaves[1].requires_grad_(by_weight)
        HEAD.requires_grad_()
        try:
            losses = loss(leaves[0], leaves[1], reduction="none")
            wanted = [each for each in leaves if each.requires_grad]
            first = torch.autograd.grad(
                (losses * shares).sum(), wanted, create_graph=True, materialize_grads=True
            )
            second = ()
            if first[0].requires_grad:  # not that of nll_loss, which is linear
                second = torch.autograd.grad(first[0].sin().sum(), wanted, materialize_grads=True)
        finally:
            HEAD.requires_grad_(False)
        found.append([losses.detach(), *(each.detach() for each in (*first, *second))])
    for clean, each in zip(*found, strict=True):
        if each.shape == weight.shape and by_weight and each is not found[1][0]:
            clean = clean.clone()
            clean[at] = each[at]  # of a loss that is not finite there is no derivative
        assert_close(each, clean, rtol=1e-12, atol=1e-14)
