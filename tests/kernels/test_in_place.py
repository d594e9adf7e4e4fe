"""The gradient in place of the logits: not a bit differs from one in memory of its own."""

import numpy as np
import pytest
import torch

from xent.kernels.cpu import sigmoid_cross_entropy, softmax_cross_entropy

STORED = ["float16", "bfloat16", "float32", "float64"]
# (shape, class axis): by tiles of short rows, by tiles of classes that lie apart, row by row,
# with a length that fills no vector, and with more rows than one thread takes
SHAPES = [((70, 3), 1), ((5, 200, 67), 1), ((70, 193), 1), ((9, 1037), 1), ((200, 1100), 1)]
TARGETS = ["class", "smoothed", "soft", "soft and smoothed"]
OPTIONS = {
    "plain": {},
    "z-loss": {"z_loss": 0.1},
    "temperature": {"temperature": 1.7},
    "softcap": {"softcap": 9.0},
    "mask": {"class_mask": "shared"},
    "mask of each row": {"class_mask": "each"},
    "weights": {"class_weight": True, "sample_weight": True},
    "all": {
        "softcap": 9.0,
        "temperature": 1.7,
        "z_loss": 0.1,
        "class_mask": "each",
        "class_weight": True,
        "sample_weight": True,
    },
}


def stored(values, dtype):
    """Return the values as an array of that dtype, and whether it holds bits of bfloat16."""
    tensor = torch.from_numpy(values).to(getattr(torch, dtype))
    if dtype == "bfloat16":
        return tensor.view(torch.uint16).numpy(), True
    return tensor.numpy(), False


def told(rng, shape, axis, compute, target, options):
    """Return the arguments of the kernel, whose first class may always be chosen."""
    options, num_classes = dict(options), shape[axis]
    rows = shape[:axis] + shape[axis + 1 :]
    soft = np.moveaxis(rng.dirichlet(np.ones(num_classes), rows), -1, axis)
    if mask := options.get("class_mask"):
        allowed = rng.random(shape if mask == "each" else num_classes) < 0.6
        np.moveaxis(allowed, axis if mask == "each" else 0, 0)[0] = True
        options["class_mask"] = np.ascontiguousarray(allowed).view(np.uint8)
        if mask == "each":  # else some losses are infinite, and their sum may be NaN
            soft = soft * allowed
    if "class_weight" in options:
        options["class_weight"] = rng.uniform(0.5, 2, num_classes)
        options["sample_weight"] = rng.choice([-1.0, 0.0, 2.0], rows)
    if target.startswith("soft"):
        options["soft_target"] = np.ascontiguousarray(soft, dtype=compute)
    else:
        options["target"] = (
            np.zeros(rows, np.int64) if mask else rng.integers(num_classes, size=rows)
        )
        options["ignore_index"] = 1
    return options | {"label_smoothing": 0.1 if "smoothed" in target else 0.0, "axis": axis}


def assert_same(one, other):
    np.testing.assert_array_equal(one.nll, other.nll)
    np.testing.assert_array_equal(one.gradient, other.gradient)
    assert (one.sum, one.weight, one.count) == (other.sum, other.weight, other.count)
    for a, b in zip(one.statistics or (), other.statistics or (), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("statistics", [False, True])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", STORED)
def test_the_gradient_replaces_the_logits_of_a_softmax(rng, dtype, target, options, statistics):
    for shape, axis in SHAPES:
        logits, bfloat16 = stored(rng.normal(size=shape) * 3, dtype)
        compute = "f8" if dtype == "float64" else "f4"
        arguments = told(rng, shape, axis, compute, target, OPTIONS[options])
        arguments |= {"bfloat16": bfloat16, "want_stats": statistics, "want_nll": True}
        arguments |= {"want_gradient": True, "mean": True}
        apart = softmax_cross_entropy.score(logits.copy(), **arguments)
        in_place = softmax_cross_entropy.score(logits, out=logits, **arguments)
        assert in_place.gradient is logits
        assert_same(in_place, apart)


def test_the_hessian_is_that_of_the_logits_before_they_were_replaced(rng):
    for shape, axis in SHAPES:
        logits = rng.normal(size=shape)
        arguments = told(rng, shape, axis, "f8", "soft", {})
        arguments |= {"want_hessian": True, "want_gradient": True, "want_nll": True}
        apart = softmax_cross_entropy.score(logits.copy(), **arguments)
        in_place = softmax_cross_entropy.score(logits, out=logits, **arguments)
        assert_same(in_place, apart)
        np.testing.assert_array_equal(in_place.hessian, apart.hessian)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", STORED)
def test_the_gradient_replaces_the_logits_of_a_sigmoid(rng, dtype, weighted):
    shape = (300, 211)
    logits, bfloat16 = stored(rng.normal(size=shape) * 5, dtype)
    options = {"weight": 1.0, "count": 1, "bfloat16": bfloat16, "label_smoothing": 0.1}
    options |= {"want_nll": True, "want_gradient": True, "want_hessian": True}
    if weighted:
        options |= {"axis": 1, "pos_weight": rng.uniform(1, 9, 211), "ignored_target": -1.0}
    target = rng.choice([-1.0, 0.0, 0.25, 1.0] if weighted else [0.0, 1.0], shape)
    apart, _ = sigmoid_cross_entropy.score(logits.copy(), target, **options)
    in_place, _ = sigmoid_cross_entropy.score(logits, target, out=logits, **options)
    assert in_place.gradient is logits
    assert_same(in_place, apart)
    np.testing.assert_array_equal(in_place.hessian, apart.hessian)


def softmax(logits, out):
    target = np.zeros(len(logits), np.int64)
    softmax_cross_entropy.score(logits, axis=1, target=target, want_gradient=True, out=out)


def sigmoid(logits, out):
    target = np.zeros(logits.shape)
    sigmoid_cross_entropy.score(logits, target, weight=1.0, count=1, want_gradient=True, out=out)


@pytest.mark.parametrize("score", [softmax, sigmoid])
@pytest.mark.parametrize("shift", [1, 200, 399])
def test_memory_that_only_overlaps_the_logits_is_refused(score, shift):
    memory = np.zeros(1200)
    logits = memory[400:800].reshape(2, 200)
    for start in (400 - shift, 400 + shift):
        with pytest.raises(ValueError, match="or share no memory with it"):
            score(logits, memory[start : start + 400].reshape(2, 200))
    for start in (0, 400):  # just before them, and they themselves
        score(logits, memory[start : start + 400].reshape(2, 200))


@pytest.mark.parametrize("score", [softmax, sigmoid])
def test_out_of_another_size_is_refused(score):
    logits = np.zeros((2, 200))
    for out in (np.zeros((2, 199)), np.zeros((2, 200), np.float32), np.zeros((2, 400), "f4")):
        with pytest.raises(ValueError, match="shape and dtype"):
            score(logits, out)
