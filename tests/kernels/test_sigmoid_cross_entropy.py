"""What tensors ask of the kernel: numbers as they are stored, and a scale of the gradient."""

import numpy as np
import pytest
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


STORED = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def stored(values, dtype):
    """Return values that a bfloat16 holds, as the array of a tensor of `dtype`."""
    tensor = torch.from_numpy(values).bfloat16().to(dtype)
    return tensor.view(torch.int16).numpy() if dtype is torch.bfloat16 else tensor.numpy()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", STORED)
def test_targets_and_weights_are_read_as_they_are_stored(rng, dtype, kind):
    logits, target = batch(rng)
    weight = rng.uniform(0.5, 2, 1000)
    options = {"weight": 1.0, "count": 1000, "want_nll": True, "want_gradient": True}

    def score(stored_as):
        return kernel.score(
            logits.astype(dtype),
            stored(target, stored_as),
            node_weight=stored(weight, stored_as),
            **options,
        )[0]

    wide, narrow = score(torch.float64), score(kind)
    np.testing.assert_array_equal(narrow.nll, wide.nll)
    np.testing.assert_array_equal(narrow.gradient, wide.gradient)
    assert narrow.sum == wide.sum


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int8])
def test_bytes_are_labels(rng, kind):
    logits, target = batch(rng)
    target = (target > 0.5).astype(kind)
    options = {"weight": 1.0, "count": 1000, "want_nll": True}
    scored, bad = kernel.score(logits, target, **options)
    wide, _ = kernel.score(logits, target.astype(np.float32), **options)
    assert bad == 0
    np.testing.assert_array_equal(scored.nll, wide.nll)
    target[5] = 2
    assert kernel.score(logits, target, **options)[1] == int(kind is not np.bool_)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", [(7, 5, 3, 11), (1, 400, 1, 3), (300, 1, 2, 2)])
def test_weights_go_to_the_nodes_they_belong_to(rng, shape, axis):
    # blocks of 256 nodes begin anywhere in a label and in a sample
    logits = rng.normal(size=shape)
    target = rng.uniform(size=shape)
    labels = shape[axis]
    along = [labels if i == axis else 1 for i in range(4)]
    others = [1 if i == axis else shape[i] for i in range(4)]
    pos, label = rng.uniform(1, 2, (2, labels))
    sample, node = rng.uniform(1, 2, others), rng.uniform(1, 2, shape)
    scored, _ = kernel.score(
        logits,
        target,
        axis=axis,
        weight=1.0,
        count=1,
        pos_weight=pos,
        label_weight=label,
        sample_weight=np.ascontiguousarray(sample.squeeze(axis)),
        node_weight=node,
        want_nll=True,
    )
    up, down = np.logaddexp(0, logits), np.logaddexp(0, -logits)
    right = pos.reshape(along) * target * down + (1 - target) * up
    right *= label.reshape(along) * sample * node
    np.testing.assert_allclose(scored.nll, right, rtol=1e-14)
    by_node, _ = kernel.score(
        logits,
        target,
        weight=1.0,
        count=1,
        node_pos_weight=np.ascontiguousarray(np.broadcast_to(pos.reshape(along), shape)),
        node_weight=label.reshape(along) * sample * node,
        want_nll=True,
    )
    np.testing.assert_allclose(by_node.nll, scored.nll, rtol=1e-14)


def test_an_ignored_node_ignores_no_other(rng):
    # the nodes of the next block of 256 are counted again
    logits, target = batch(rng)
    ones = np.ones(1000, np.float32)
    target[:300] = -1
    options = {"weight": 1.0, "count": 1, "want_nll": True, "ignored_target": -1.0}
    plain, _ = kernel.score(logits, target, **options)
    assert not plain.nll[:300].any()
    assert plain.nll[300:].all()
    for name in ("node_pos_weight", "node_weight"):
        scored, _ = kernel.score(logits, target, **{name: ones}, **options)
        np.testing.assert_array_equal(scored.nll, plain.nll)
