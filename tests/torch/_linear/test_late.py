"""Gradients that wait for their upstream gradient: what they need is asked for in time."""

import re

import pytest
import torch

from xent import kernels
from xent.errors import XentValueError
from xent.torch import functional as F

N, D, V = 30, 20, 150
KIB = 1024


def softmax(hidden, head, seen, **options):
    return F.linear_softmax_cross_entropy(hidden, head, seen, **options)


def sigmoid(hidden, weight, seen, **options):
    return F.linear_sigmoid_cross_entropy(hidden, weight, seen[:, None], **options)


def divergence(hidden, weight, seen, **options):
    teacher = torch.ones(V, D)
    return F.linear_kl_divergence(hidden, weight, seen[:, None].float().tile(D), teacher, **options)


LOSSES = [softmax, sigmoid, divergence]


def operands(dtype, seed=0):
    draw = torch.Generator().manual_seed(seed)
    hidden, weight = (torch.randn(n, D, generator=draw).to(dtype) for n in (N, V))
    return hidden, weight, torch.randint(0, V, (N,), generator=draw)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "late", [(torch.bfloat16, "none"), (torch.float16, "none"), (torch.float16, "mean")]
)
def test_memory_that_only_the_backward_pass_lacks_is_refused_in_the_forward_pass(loss, late):
    dtype, reduction = late
    hidden, weight, seen = operands(dtype)

    def call(memory):
        leaves = hidden.detach().requires_grad_(), weight.detach().requires_grad_()
        return loss(*leaves, seen, reduction=reduction, memory=memory)

    with pytest.raises(XentValueError, match="memory must be at least") as refused:
        call(1)
    number, unit = re.search(r"at least ([\d.,]+) (B|KiB)", str(refused.value)).groups()
    least = float(number.replace(",", "")) * {"B": 1, "KiB": KIB}[unit]
    with torch.no_grad():
        loss(hidden, weight, seen, reduction=reduction, memory=int(0.9 * least))
    with pytest.raises(XentValueError, match="memory must be at least"):
        call(int(0.9 * least))
    call(int(least) + KIB // 10).sum().backward()


@pytest.mark.parametrize("loss", LOSSES[:2])
def test_a_target_that_was_overwritten_is_noticed_as_autograd_does(loss):
    hidden, weight, seen = operands(torch.float32)
    rows = loss(hidden.requires_grad_(), weight, seen, reduction="none")
    seen += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        rows.sum().backward()


@pytest.mark.parametrize("name", ["weight", "sample_weight", "class_mask"])
def test_what_weighs_a_loss_is_watched_too(name):
    hidden, weight, seen = operands(torch.float32)
    each = {"weight": torch.ones(V), "sample_weight": torch.ones(N)}
    each["class_mask"] = torch.ones(V, dtype=torch.bool)
    value = each[name]
    rows = softmax(hidden.requires_grad_(), weight, seen, reduction="none", **{name: value})
    value.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        rows.sum().backward()


def test_a_teacher_is_watched_too():
    hidden, weight, _ = operands(torch.float32)
    teacher, of_teacher, _ = operands(torch.float32, seed=1)
    rows = F.linear_kl_divergence(
        hidden.requires_grad_(), weight, teacher, of_teacher, reduction="none"
    )
    of_teacher.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        rows.sum().backward()


def test_gradients_that_do_not_wait_are_those_of_what_was_there():
    hidden, weight, seen = operands(torch.float32)
    expected = torch.func.grad(softmax)(hidden, weight, seen.clone())
    loss = softmax(hidden.requires_grad_(), weight, seen)
    seen += 1
    loss.backward()
    torch.testing.assert_close(hidden.grad, expected)


def test_tensors_of_inference_mode_may_be_targets():
    hidden, weight, seen = operands(torch.float32)
    with torch.inference_mode():
        made_there = seen.clone()
    grads = []
    for target in (seen, made_there):
        leaf = hidden.detach().requires_grad_()
        softmax(leaf, weight, target, reduction="none").sum().backward()
        grads.append(leaf.grad)
    assert torch.equal(*grads)


def test_float16_is_told_to_make_its_logits_again():
    hidden, weight, _ = operands(torch.float16)
    leaves = hidden.requires_grad_(), weight.requires_grad_()
    for loss in ("linear_softmax_cross_entropy", "linear_sigmoid_cross_entropy"):
        assert "4 matrix products" in kernels.explain(loss, *leaves).reasons[-1]
