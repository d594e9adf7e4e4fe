"""What tensors ask of the kernel: bfloat16 bits, a scale of the gradient, weights of any sign."""

import numpy as np
import pytest
import torch

from xent.kernels.cpu import softmax_cross_entropy as kernel

CLASSES = [3, 192, 193]  # by tiles, and row by row


def batch(rng, num_classes, rows=70):
    logits = (rng.normal(size=(rows, num_classes)) * 3).astype(np.float32)
    return logits, rng.integers(num_classes, size=rows)


def gradient_of(logits, target, **options):
    return kernel.score(logits, axis=1, target=target, want_gradient=True, **options).gradient


@pytest.mark.parametrize("bits", [torch.int16, torch.uint16])
@pytest.mark.parametrize("num_classes", CLASSES)
def test_bfloat16_comes_and_goes_as_its_bits(rng, num_classes, bits):
    logits, target = batch(rng, num_classes)
    logits = torch.from_numpy(logits).bfloat16()
    pattern = logits.view(bits).numpy()
    options = {"axis": 1, "target": target, "want_nll": True, "want_gradient": True}
    scored = kernel.score(pattern, bfloat16=True, **options)
    wide = kernel.score(logits.float().numpy(), **options)
    # computed as float32 is, then rounded once
    np.testing.assert_array_equal(scored.nll, wide.nll)
    assert scored.nll.dtype == np.float32
    assert scored.gradient.dtype == pattern.dtype
    rounded = torch.from_numpy(wide.gradient).bfloat16()
    assert torch.equal(torch.from_numpy(scored.gradient).view(torch.bfloat16), rounded)


def test_integers_are_no_logits_unless_they_are_said_to_be_bfloat16(rng):
    target = np.zeros(2, np.int64)
    with pytest.raises(TypeError, match="must be float16"):
        kernel.score(np.zeros((2, 3), np.int16), axis=1, target=target)
    with pytest.raises(TypeError, match="must be float16"):
        kernel.score(np.zeros((2, 3), np.int32), axis=1, target=target, bfloat16=True)


@pytest.mark.parametrize("num_classes", CLASSES)
def test_a_scale_replaces_the_denominator(rng, num_classes):
    logits, target = batch(rng, num_classes)
    sums = gradient_of(logits, target)
    np.testing.assert_array_equal(gradient_of(logits, target, gradient_scale=1.0), sums)
    for mean in (False, True):
        scaled = gradient_of(logits, target, gradient_scale=0.25, mean=mean)
        np.testing.assert_array_equal(scaled, sums / 4)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("num_classes", CLASSES)
def test_weights_of_either_sign_multiply_and_a_weight_of_zero_skips(rng, num_classes, soft):
    # an upstream gradient is a weight of its row; 2 and -2 round as 1 does
    logits, target = batch(rng, num_classes)
    truth = {"target": target}
    if soft:
        truth = {"soft_target": rng.dirichlet(np.ones(num_classes), 70).astype(np.float32)}
    weight = rng.choice([-2.0, 0.0, 2.0], 70)
    logits[weight == 0] = np.nan
    options = {"axis": 1, "want_nll": True, "want_gradient": True} | truth
    plain = kernel.score(logits, **options)
    weighted = kernel.score(logits, sample_weight=weight, gradient_scale=0.5, **options)
    kept = weight != 0
    factor = weight[kept].astype(np.float32)
    np.testing.assert_array_equal(weighted.nll[kept], plain.nll[kept] * factor)
    np.testing.assert_array_equal(
        weighted.gradient[kept], plain.gradient[kept] * factor[:, None] / 2
    )
    assert not weighted.nll[~kept].any()
    assert not weighted.gradient[~kept].any()
