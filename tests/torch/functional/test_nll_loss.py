"""Negative log-likelihood: what is read, what is skipped, what is refused."""

import math
import warnings

import pytest
import torch

import xent
from xent.errors import MisuseWarning, XentTypeError, XentValueError
from xent.torch import functional as F
from xent.torch.total import Total


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16"])
def test_every_integer_is_an_index(dtype):
    log_probs = torch.randn(4, 3).log_softmax(1)
    target = torch.tensor([0, 2, 1, 1])
    expected = F.nll_loss(log_probs, target)
    torch.testing.assert_close(expected, torch.nn.functional.nll_loss(log_probs, target))
    assert F.nll_loss(log_probs, target.to(getattr(torch, dtype))) == expected


@pytest.mark.parametrize("ignore_index", [-100, 1, 7])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_are_skipped(ignore_index, weighted):
    log_probs = torch.randn(5, 3, 2, dtype=torch.float64).log_softmax(1)
    target = torch.randint(3, (5, 2))
    target[0, 1] = target[3, 0] = ignore_index
    weight = torch.rand(3, dtype=torch.float64) if weighted else None
    for reduction in ("none", "sum", "mean"):
        options = {"weight": weight, "ignore_index": ignore_index, "reduction": reduction}
        ours = log_probs.detach().requires_grad_()
        theirs = log_probs.detach().requires_grad_()
        a = F.nll_loss(ours, target, **options)
        b = torch.nn.functional.nll_loss(theirs, target, **options)
        torch.testing.assert_close(a, b, rtol=1e-14, atol=0)
        upstream = torch.rand_like(a)
        a.backward(upstream)
        b.backward(upstream)
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-14, atol=0)


def test_all_ignored_is_nan_with_gradient_zero():
    log_probs = torch.randn(2, 3).log_softmax(1).requires_grad_()
    target = torch.tensor([-100, -100])
    loss = F.nll_loss(log_probs, target)
    loss.backward()
    assert loss.isnan()
    assert not log_probs.grad.any()
    zero = F.nll_loss(log_probs, target, on_empty="zero")
    (gradient,) = torch.autograd.grad(zero, log_probs)
    assert zero == 0
    assert not gradient.any()
    with pytest.raises(XentValueError, match="D02: all 2 targets equal ignore_index=-100"):
        F.nll_loss(log_probs, target, on_empty="raise")


def test_a_weight_of_zero_skips_its_row():
    log_probs = torch.tensor([[-math.inf, 0.0], [-1.0, -1.0]], requires_grad=True)
    target, weight = torch.tensor([0, 1]), torch.tensor([0.0, 1.0])
    loss = F.nll_loss(log_probs, target, weight, reduction="none")
    assert loss.tolist() == [0.0, 1.0]
    loss.sum().backward()
    assert log_probs.grad.tolist() == [[0.0, 0.0], [0.0, -1.0]]
    assert torch.nn.functional.nll_loss(log_probs, target, weight, reduction="none")[0].isnan()


def test_sample_weight():
    log_probs = torch.randn(4, 3, dtype=torch.float64).log_softmax(1)
    target, rows = torch.tensor([0, 2, 1, 1]), torch.tensor([1.0, 0.0, 2.0, 0.5])
    losses = F.nll_loss(log_probs, target, reduction="none")
    mean = F.nll_loss(log_probs, target, sample_weight=rows)
    torch.testing.assert_close(mean, (losses * rows).sum() / rows.sum())
    total = F.nll_loss(log_probs, target, sample_weight=rows, reduction="total")
    assert isinstance(total, Total)
    assert (float(total.weight), int(total.count)) == (3.5, 3)


def test_sums_are_taken_in_float64():
    log_probs = torch.full((3_000_000, 1), -0.1)
    loss = F.nll_loss(log_probs, torch.zeros(3_000_000, dtype=torch.int64), reduction="sum")
    exact = 3_000_000 * -float(log_probs[0, 0])
    assert loss.item() == torch.tensor(exact, dtype=torch.float64).float().item()


def test_the_gradient_is_fresh_each_time():
    log_probs = torch.randn(64, 100).log_softmax(1).requires_grad_()
    loss = F.nll_loss(log_probs, torch.arange(64))
    (first,) = torch.autograd.grad(loss, log_probs, retain_graph=True)
    first += 1
    (second,) = torch.autograd.grad(3 * loss, log_probs)
    assert second.count_nonzero() == 64
    torch.testing.assert_close(second.sum().item(), -3.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    log_probs = torch.randn(64, 10).log_softmax(1).to(dtype).requires_grad_()
    target = torch.randint(10, (64,))
    loss = F.nll_loss(log_probs, target)
    assert loss.dtype is dtype
    exact = -log_probs.detach().double()[torch.arange(64), target].mean()
    assert loss.item() == exact.to(dtype).item()
    loss.backward()
    assert log_probs.grad.dtype is dtype
    assert log_probs.grad.sum().item() == -1.0


def test_a_target_that_is_no_class():
    log_probs = torch.randn(4, 3).log_softmax(1)
    with pytest.raises(XentValueError, match=r"1 of 4 are not; first: target\[2\] = 5") as told:
        F.nll_loss(log_probs, torch.tensor([0, 1, 5, 1]))
    assert (told.value.code, told.value.index, told.value.value) == ("D01", 2, 5)
    with pytest.raises(XentValueError, match="ignore_index=-1"):
        F.nll_loss(log_probs, torch.tensor([0, -1, 2, 1]))
    with pytest.raises(XentValueError, match="D01"):
        F.nll_loss(torch.zeros(2, 0), torch.tensor([0, 0]))


def test_a_target_that_is_no_class_is_nan_where_nobody_looks():
    log_probs = torch.randn(4, 3).log_softmax(1)
    compiled = torch.compile(F.nll_loss, fullgraph=True, backend="eager")
    losses = compiled(log_probs, torch.tensor([0, 1, 5, -100]), reduction="none")
    assert losses.isnan().tolist() == [False, False, True, False]


def test_shapes_and_dtypes_that_do_not_fit():
    log_probs = torch.randn(4, 3).log_softmax(1)
    with pytest.raises(XentValueError, match=r"one-hot, pass target.argmax\(1\)"):
        F.nll_loss(log_probs, torch.eye(3, dtype=torch.int64)[[0, 1, 2, 0]])
    with pytest.raises(XentValueError, match="D14"):
        F.nll_loss(log_probs, torch.tensor([0, 1]))
    with pytest.raises(XentValueError, match="D14"):
        F.nll_loss(torch.tensor(1.0), torch.tensor(0))
    with pytest.raises(XentTypeError, match="kl_div or cross_entropy"):
        F.nll_loss(log_probs, torch.rand(4))
    with pytest.raises(XentValueError, match=r"weight must have shape \(3,\)"):
        F.nll_loss(log_probs, torch.tensor([0, 1, 2, 1]), weight=torch.rand(4))


def test_logits_are_told_once():
    logits, target = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            F.nll_loss(logits, target)
    assert [w.message.code for w in caught] == ["D10"]
    assert "cross_entropy takes the logits" in str(caught[0].message)


def test_nothing_is_said_of_log_probabilities():
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        F.nll_loss(torch.randn(8, 10).to(dtype).log_softmax(1), torch.arange(8))
    with xent.checks("off"):
        F.nll_loss(torch.rand(8, 10), torch.arange(8))
    with pytest.warns(MisuseWarning, match="D10"):
        F.nll_loss(torch.rand(8, 10), torch.arange(8))


@pytest.mark.parametrize("shape", [(0, 3), (4, 3, 0)])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_a_batch_of_no_rows_has_a_gradient(shape, reduction):
    x = torch.randn(shape, requires_grad=True)
    target = torch.zeros(shape[:1] + shape[2:], dtype=torch.int64)
    F.nll_loss(x, target, reduction=reduction).sum().backward()
    assert x.grad.shape == shape
