"""Where a drop-in differs from torch's function: both are called, side by side.

The rows of docs/torch.md name these tests, and others that stand beside what they test.
"""

import math

import pytest
import torch
from torch.nn import functional as T

from xent.errors import XentTypeError, XentValueError
from xent.torch import functional as F

INF = math.inf


def test_a_distribution_without_mass_on_an_impossible_class():
    logits, target = torch.tensor([[0.0, -INF]]), torch.tensor([[1.0, 0.0]])
    assert T.cross_entropy(logits, target).isnan()
    logits.requires_grad_()
    loss = F.cross_entropy(logits, target)
    loss.backward()
    assert loss == 0
    assert logits.grad.tolist() == [[0.0, 0.0]]


def test_weights_of_any_dtype():
    logits, target = torch.tensor([[0.5, 0.0], [0.0, 2.0]]), torch.tensor([0, 1])
    for weight in (torch.tensor([1, 3]), torch.tensor([1.0, 3.0], dtype=torch.float64)):
        for name, input in (("cross_entropy", logits), ("nll_loss", logits.log_softmax(1))):
            with pytest.raises(RuntimeError, match="expected scalar type"):
                getattr(T, name)(input, target, weight)
            expected = getattr(T, name)(input, target, weight.float())
            torch.testing.assert_close(getattr(F, name)(input, target, weight), expected)


def test_no_class_at_all():
    nothing = torch.zeros(0, 0)
    assert T.cross_entropy(nothing, torch.zeros(0, dtype=torch.int64)).isnan()
    with pytest.raises(XentValueError, match="at least one class"):
        F.cross_entropy(nothing, torch.zeros(0, dtype=torch.int64))


def test_an_infinite_logit_whose_label_is_right():
    logits, target = torch.tensor([INF, -INF]), torch.tensor([1.0, 0.0])
    assert T.binary_cross_entropy_with_logits(logits, target, reduction="none").isnan().any()
    logits.requires_grad_()
    losses = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    losses.sum().backward()
    assert losses.tolist() == [0.0, 0.0]
    assert logits.grad.tolist() == [0.0, 0.0]


def test_labels_of_integers():
    logits, labels = torch.tensor([0.5, -1.0]), torch.tensor([1, 0])
    for name, input in (
        ("binary_cross_entropy_with_logits", logits),
        ("binary_cross_entropy", logits.sigmoid()),
    ):
        with pytest.raises(RuntimeError):
            getattr(T, name)(input, labels)
        expected = getattr(T, name)(input, labels.float())
        torch.testing.assert_close(getattr(F, name)(input, labels), expected)


def test_probabilities_and_labels_of_two_dtypes():
    probs, labels = torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0], dtype=torch.float64)
    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        T.binary_cross_entropy(probs, labels)
    assert F.binary_cross_entropy(probs, labels).dtype is torch.float32


def test_the_gradient_of_the_weights():
    probs, labels = torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0])
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="not differentiable with respect to argument 'weight'"):
        T.binary_cross_entropy(probs, labels, weight)
    F.binary_cross_entropy(probs, labels, weight, reduction="sum").backward()
    torch.testing.assert_close(weight.grad, -torch.tensor([0.5, 0.75]).log())


def test_integers_for_kl_div_and_mse_loss():
    log_probs, target = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[1, 0]])
    with pytest.raises(RuntimeError, match="Integral inputs not supported"):
        T.kl_div(log_probs, target, reduction="batchmean")
    loss = F.kl_div(log_probs, target, reduction="batchmean")
    torch.testing.assert_close(loss.item(), math.log(2))
    with pytest.raises(NotImplementedError):
        T.mse_loss(target, target)
    assert F.mse_loss(target, target) == 0


def test_weights_that_sum_to_zero_have_gradient_zero():
    for module, expected in ((T, [math.nan, math.nan]), (F, [0.0, 0.0])):
        x = torch.ones(2, requires_grad=True)
        error = module.mse_loss(x, torch.zeros(2), reduction="none")
        weight = torch.zeros(2)
        if module is T:  # what torch 2.13 does with its argument `weight`, for older torch
            loss = (error * weight).sum() / weight.sum()
        else:
            loss = module.mse_loss(x, torch.zeros(2), weight=weight)
        loss.backward()
        assert loss.isnan()
        torch.testing.assert_close(x.grad, torch.tensor(expected), equal_nan=True)


def test_errors_are_of_xent_and_of_pythons_classes():
    log_probs = torch.tensor([[0.5, 0.5]]).log()
    with pytest.raises(IndexError):
        T.nll_loss(log_probs, torch.tensor([2]))
    with pytest.raises(XentValueError) as told:
        F.nll_loss(log_probs, torch.tensor([2]))
    assert isinstance(told.value, ValueError)
    with pytest.raises(RuntimeError):
        T.nll_loss(log_probs, torch.tensor([0.5]))
    with pytest.raises(XentTypeError) as told:
        F.nll_loss(log_probs, torch.tensor([0.5]))
    assert isinstance(told.value, TypeError)


def test_half_precision_is_computed_in_higher_precision():
    probs = torch.full((1000,), 0.3, dtype=torch.bfloat16)
    labels = torch.zeros_like(probs)
    exact = -torch.log1p(-probs.double()).mean().item()
    ours = F.binary_cross_entropy(probs, labels).item()
    theirs = T.binary_cross_entropy(probs, labels).item()
    assert ours == torch.tensor(exact).bfloat16().item()
    assert abs(ours - exact) <= abs(theirs - exact)
