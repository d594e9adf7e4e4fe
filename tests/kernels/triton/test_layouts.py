"""Tensors of one call that lie in memory in different ways give what contiguous ones give."""

import pytest
import torch
from numpy.testing import assert_allclose

from xent.kernels.triton._layout import View, vector_of
from xent.kernels.triton.softmax_cross_entropy import score

# sizes that 16 divides or nearly: an assumed alignment that does not hold is then seen
IMAGES = (2, 8, 4, 4)


def distributions(rng, device, shape, axis):
    """The same distributions twice: contiguous, and with classes and rows swapped in memory."""
    logits = torch.tensor(rng.normal(size=shape), dtype=torch.float32, device=device)
    soft = logits.softmax(dim=axis)
    swapped = soft.movedim(axis, -1).contiguous().movedim(-1, axis)
    if axis == logits.ndim - 1:
        swapped = soft.movedim(-1, 0).contiguous().movedim(0, -1)
    assert swapped.stride() != soft.stride()
    return soft, swapped


@pytest.mark.parametrize(("shape", "axis"), [(IMAGES, 1), ((16, 16), 1), ((16, 32), 0)])
def test_a_soft_target_of_another_layout_than_the_logits(rng, device, shape, axis):
    logits = torch.tensor(rng.normal(size=shape) * 3, dtype=torch.float32, device=device)
    soft, swapped = distributions(rng, device, shape, axis)
    options = {"axis": axis, "want_gradient": True, "want_stats": True}
    expected = score(logits, soft_target=soft, **options)
    result = score(logits, soft_target=swapped, **options)
    for got, right in zip(result, expected, strict=True):
        assert_allclose(got.cpu(), right.cpu(), rtol=1e-6, atol=1e-7)


def test_one_hot_targets_of_images_with_the_classes_last(rng, device):
    logits = torch.tensor(rng.normal(size=IMAGES), dtype=torch.float32, device=device)
    target = torch.tensor(rng.integers(8, size=(2, 4, 4)), device=device)
    one_hot = torch.nn.functional.one_hot(target, 8).permute(0, 3, 1, 2).float()
    as_classes = score(logits, axis=1, target=target, want_gradient=True)
    as_distributions = score(logits, axis=1, soft_target=one_hot, want_gradient=True)
    assert_allclose(as_distributions.nll.cpu(), as_classes.nll.cpu(), rtol=1e-6)
    expected = as_classes.gradient.cpu()
    assert_allclose(as_distributions.gradient.cpu(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_windows_that_overlap(rng, device, smoothing):
    series = torch.tensor(rng.normal(size=40), dtype=torch.float32, device=device)
    windows = series.unfold(0, 16, 1)  # both strides are 1
    target = torch.arange(25, device=device) % 16
    options = {"axis": 1, "target": target, "label_smoothing": smoothing, "want_gradient": True}
    expected = score(windows.contiguous(), **options)
    result = score(windows, **options)
    assert_allclose(result.nll.cpu(), expected.nll.cpu(), rtol=1e-6)
    assert_allclose(result.gradient.cpu(), expected.gradient.cpu(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("across", [False, True])
def test_a_gradient_that_is_adjacent_in_the_other_axis(rng, device, smoothing, across):
    logits = torch.tensor(rng.normal(size=(16, 16)), dtype=torch.float32, device=device)
    out = torch.zeros((16, 16), device=device).t()
    if across:
        logits, out = logits.t(), out.t()
    target = torch.arange(16, device=device)
    options = {"axis": 1, "target": target, "label_smoothing": smoothing, "want_gradient": True}
    expected = score(logits, **options).gradient
    assert score(logits, **options, out=out).gradient is out
    assert_allclose(out.cpu(), expected.cpu(), rtol=1e-5, atol=1e-7)


def test_the_power_of_two_divides_every_stride_but_that_of_the_adjacent_axis():
    something = torch.empty(0)
    along, over = View(something, 512, 1, 64), View(something, 512, 64, 1)
    assert vector_of([along, View(None)], False, 64) == 16
    assert vector_of([over], True, 64) == 16
    assert vector_of([along], False, 24) == 8
    assert vector_of([along, over], False, 64) == 1
    assert vector_of([along, over], True, 64) == 1
    assert vector_of([View(something, 0, 1, 1)], False, 64) == 1
    assert vector_of([View(something, 0, 4, 64)], False, 64) == 4
