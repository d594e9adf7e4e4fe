"""A block of logits in place: sums of rows, gradients, targets that lie apart, bad targets."""

import numpy as np
import pytest

from xent.kernels.cpu import sigmoid_block as kernel
from xent.kernels.cpu import sigmoid_cross_entropy as whole

EPS = {np.float32: 2.0**-24, np.float64: 2.0**-53}
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def softplus(z):
    return np.logaddexp(0, z)


def sigmoid(z):
    return np.exp(-softplus(-z))


@pytest.mark.isa
@dtypes
# pieces of rows, blocks of 256 and rows shorter than either
@pytest.mark.parametrize("shape", [(3, 20_000), (50, 300), (1, 1), (400, 7)])
def test_without_targets_no_label_is_true(rng, dtype, shape):
    z = (rng.normal(size=shape) * 20).astype(dtype)
    z[0, 0] = -100
    block, sums = z.copy(), np.ones(shape[0])
    assert kernel.score_(block, sums, want_gradient=True) == 0
    wide = z.astype(np.longdouble)
    # the sums are added, in float64, of nodes that are right within 4 ulp
    right = 1 + softplus(wide).sum(axis=1)
    np.testing.assert_allclose(sums, right.astype(np.float64), rtol=8 * EPS[dtype])
    expected = sigmoid(wide).astype(dtype)
    np.testing.assert_allclose(block, expected, rtol=8 * EPS[dtype], atol=0)


@dtypes
def test_what_is_minus_infinity_adds_nothing(rng, dtype):
    z = rng.normal(size=(5, 1000)).astype(dtype)
    taken = rng.uniform(size=z.shape) < 0.1
    block, sums, rest = np.where(taken, -np.inf, z), np.zeros(5), np.zeros(5)
    kernel.score_(block, sums, want_gradient=True)
    assert not block[taken].any()
    for row in range(5):
        kernel.score_(z[row][~taken[row]][None].copy(), rest[row : row + 1])
    np.testing.assert_allclose(sums, rest, rtol=1e-14)


@dtypes
def test_with_targets_and_weights_it_is_the_loss_of_logits(rng, dtype):
    z = (rng.normal(size=(9, 700)) * 5).astype(dtype)
    target = rng.uniform(size=z.shape).astype(np.float32)
    pos, label = rng.uniform(0.5, 3, (2, 700))
    rows = rng.uniform(0.5, 3, 9)
    label[17] = 0
    z[:, 17] = np.nan  # of no weight, so nobody looks
    expected, _ = whole.score(
        z, target, weight=1.0, count=1, axis=1, pos_weight=pos, label_weight=label,
        want_nll=True, want_gradient=True,
    )  # fmt: skip
    block, sums = z.copy(), np.zeros(9)
    bad = kernel.score_(
        block, sums, target=target, pos_weight=pos, label_weight=label, row_scale=rows,
        scale=0.5, want_gradient=True,
    )  # fmt: skip
    assert bad == 0
    np.testing.assert_allclose(sums, expected.nll.sum(axis=1, dtype=np.float64), rtol=1e-12)
    # two terms that nearly cancel, of at most 3 * 3 * 3 / 2 each, are right to 4 ulp of theirs
    close = 4 * EPS[dtype]
    right = expected.gradient * rows[:, None] / 2
    np.testing.assert_allclose(block, right, rtol=close, atol=20 * close)
    only, again = z.copy(), np.zeros(9)
    kernel.score_(only, again, target=target, pos_weight=pos, label_weight=label)
    np.testing.assert_array_equal(again, sums)
    np.testing.assert_array_equal(only, z)


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.float16, np.float32, np.float64, "bits"])
def test_targets_are_read_where_they_lie(rng, kind):
    labels = rng.integers(0, 2, (6, 900))
    stored = labels.astype(np.float32).view(np.uint32) >> 16 if kind == "bits" else labels
    stored = stored.astype(np.uint16 if kind == "bits" else kind)
    z = rng.normal(size=(4, 500)).astype(np.float32)
    cut = (slice(1, 5), slice(300, 800))
    found, right = np.zeros(4), np.zeros(4)
    kernel.score_(z, found, target=stored[cut])
    kernel.score_(z, right, target=labels[cut].astype(np.float64))
    np.testing.assert_array_equal(found, right)


def test_bad_targets_are_counted():
    z, target = np.zeros((2, 300), np.float32), np.zeros((2, 300), np.float32)
    target[0, 3], target[1, 299], target[1, 0] = 1.5, np.nan, -1e-9
    assert kernel.score_(z, np.zeros(2), target=target) == 3


def test_a_row_of_scale_0_has_no_gradient_whatever_it_holds():
    z = np.full((2, 300), np.nan)
    kernel.score_(z, np.zeros(2), row_scale=np.array([0.0, 1.0]), want_gradient=True)
    assert not z[0].any()
    assert np.isnan(z[1]).all()


def test_the_bits_do_not_depend_on_the_number_of_threads(rng):
    z = rng.normal(size=(7, 50_000)).astype(np.float32)
    found = []
    for threads in (1, 3):
        block, sums = z.copy(), np.zeros(7)
        kernel.score_(block, sums, want_gradient=True, threads=threads)
        found.append((block, sums))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_targets_that_cannot_be_read_are_refused():
    z = np.zeros((2, 300), np.float32)
    for target in (np.zeros((300, 2)).T, np.zeros((2, 299)), np.broadcast_to(0.0, (2, 300))):
        with pytest.raises(ValueError, match="each row contiguous"):
            kernel.score_(z, np.zeros(2), target=target)
