"""What tensors ask of the kernel: bfloat16 bits, and a scale of the gradient."""

import numpy as np
import torch

from xent.kernels.cpu import sigmoid_cross_entropy as kernel


def batch(rng, nodes=1000):
    logits = (rng.normal(size=nodes) * 5).astype(np.float32)
    return logits, rng.uniform(size=nodes).astype(np.float32)


def test_bfloat16_comes_and_goes_as_its_bits(rng):
    logits, target = batch(rng)
    logits = torch.from_numpy(logits).bfloat16()
    options = {"weight": 1000.0, "count": 1000, "want_nll": True, "want_gradient": True}
    pattern = logits.view(torch.uint16).numpy()
    scored, bad = kernel.score(pattern, target, bfloat16=True, **options)
    wide, _ = kernel.score(logits.float().numpy(), target, **options)
    assert bad == 0
    np.testing.assert_array_equal(scored.nll, wide.nll)
    assert scored.nll.dtype == np.float32
    assert scored.gradient.dtype == np.uint16
    rounded = torch.from_numpy(wide.gradient).bfloat16()
    assert torch.equal(torch.from_numpy(scored.gradient).view(torch.bfloat16), rounded)


def test_a_scale_replaces_the_denominator(rng):
    options = {"weight": 1000.0, "count": 1000, "want_gradient": True}
    logits, target = batch(rng)
    sums = kernel.score(logits, target, **options)[0].gradient
    for mean in (False, True):
        scored, _ = kernel.score(logits, target, gradient_scale=0.25, mean=mean, **options)
        np.testing.assert_array_equal(scored.gradient, sums / 4)
