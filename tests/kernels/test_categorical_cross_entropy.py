"""Which rows the kernel takes for distributions, entry by entry, and what they cost."""

import numpy as np
import pytest

from xent.kernels.cpu import categorical_cross_entropy as kernel

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-8}
NAN, INF = np.nan, np.inf


def special_rows(off):
    """Return rows of four classes; `off` is the tolerance."""
    return [
        [0.25, 0.25, 0.25, 0.25],
        [1.0, 0.0, 0.0, 0.0],
        [0.5, -0.0, 0.5, 0.0],
        [0.5 + off / 2, -off / 2, 0.5, 0.0],  # within the tolerance
        [1 + off / 2, 0.0, 0.0, 0.0],
        [1 + 3 * off, -off / 2, -off / 2, -off / 2],  # the sum is right, no entry may be
        [0.5, 0.5 + 3 * off, -3 * off, 0.0],
        [1 + 2 * off, 0.0, 0.0, 0.0],
        [0.5, 0.5 - 3 * off, 0.0, 0.0],
        [NAN, 0.5, 0.5, 0.0],
        [INF, 0.0, 0.0, 0.0],
        [INF, -INF, 0.5, 0.5],
        [2.0, -1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]


def good_rows(p, off):
    with np.errstate(invalid="ignore"):
        sums = p.astype(np.float64).sum(axis=-1)
        inside = (p >= p.dtype.type(-off)) & (p <= p.dtype.type(1 + off))
        return inside.all(axis=-1) & (np.abs(sums - 1) <= off)


def batch(dtype, rows, every):
    """Return random distributions with the special rows at every so many places."""
    off = TOLERANCE[dtype]
    rng = np.random.default_rng(rows)
    p = rng.dirichlet(np.ones(4), rows).astype(dtype)
    special = np.array(special_rows(off), dtype)
    for i, place in enumerate(range(every - 1, rows, every)):
        p[place] = special[i % len(special)]
    return p, rng.integers(0, 4, rows), off


def plain_loss(p, target):
    truth = np.clip(np.take_along_axis(p, target[:, None], 1)[:, 0].astype(np.float64), 0, 1)
    with np.errstate(divide="ignore"):
        return 0.0 - np.log(truth)


@pytest.mark.parametrize("axis", [1, 0])
@pytest.mark.parametrize("rows, every", [(1, 1), (14, 1), (63, 9), (64, 5), (65, 33), (1000, 37)])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_rows_that_are_no_distributions_are_counted(dtype, rows, every, axis):
    p, target, off = batch(dtype, rows, every)
    good = good_rows(p, off)
    stored = p if axis == 1 else p.T.copy()
    found = kernel.score(stored, target, axis=axis, tolerance=off)
    assert found.bad_targets == 0
    assert found.bad_rows == int((~good).sum())


@pytest.mark.parametrize("axis", [1, 0])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_bad_row_of_weight_zero_does_not_count(dtype, axis):
    p, target, off = batch(dtype, 300, 7)
    good = good_rows(p, off)
    assert not good.all()
    weight = np.where(good, np.random.default_rng(1).uniform(0.5, 2, 300), 0.0)
    stored = p if axis == 1 else p.T.copy()
    found = kernel.score(
        stored, target, axis=axis, tolerance=off, sample_weight=weight, want_nll=True
    )
    assert found.bad_rows == 0
    right = np.where(good, weight * plain_loss(np.where(good[:, None], p, 0.25), target), 0.0)
    rounding = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(found.scored.nll, right, rtol=rounding, atol=0)
    assert found.scored.sum == pytest.approx(right.sum(), rel=1e-13)
    assert found.scored.weight == pytest.approx(weight.sum(), rel=1e-13)


@pytest.mark.parametrize("classes", [1, 2, 7, 10, 32, 33, 100])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_losses_for_short_and_long_rows(dtype, classes):
    rng = np.random.default_rng(classes)
    p = rng.dirichlet(np.ones(classes), 777).astype(dtype)
    target = rng.integers(0, classes, 777)
    found = kernel.score(p, target, axis=1, tolerance=TOLERANCE[dtype], want_nll=True)
    right = plain_loss(p, target)
    assert found.bad_rows == found.bad_targets == 0
    assert (found.scored.weight, found.scored.count) == (777.0, 777)
    np.testing.assert_allclose(found.scored.nll, right, rtol=4 * np.finfo(dtype).eps, atol=0)
    assert found.scored.sum == pytest.approx(right.sum(), rel=1e-13)


@pytest.mark.parametrize("wrong", [-1, 4, 2**62, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("place", [0, 500, 70_000])
def test_a_target_that_is_no_class_is_found_wherever_it_is(wrong, place):
    # 65,536 targets are scanned together
    p = np.full((70_001, 4), 0.25)
    target = np.random.default_rng(0).integers(0, 4, len(p))
    target[place] = wrong
    assert kernel.score(p, target, axis=1, tolerance=1e-8).bad_targets == 1
    ignored = kernel.score(p, target, axis=1, tolerance=1e-8, ignore_index=wrong)
    assert (ignored.bad_targets, ignored.scored.count) == (0, 70_000)


def test_zeros_are_counted_and_clipped():
    p = np.full((200, 4), 0.25)
    p[[7, 150]] = [1, 0, 0, 0]
    target = np.full(200, 2)
    free = kernel.score(p, target, axis=1, tolerance=1e-8)
    assert (free.zero_rows, free.first_zero, free.scored.sum) == (2, 7, np.inf)
    clipped = kernel.score(p, target, axis=1, tolerance=1e-8, clip=1e-15)
    assert clipped.clipped_sum == pytest.approx(-2 * np.log(1e-15), rel=1e-15)
    right = -198 * np.log(0.25) - 2 * np.log(1e-15)
    assert clipped.scored.sum == pytest.approx(right, rel=1e-13)
