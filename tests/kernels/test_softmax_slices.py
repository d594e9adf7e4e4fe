"""Slices of softmax rows: what a slice may hold, and that nothing depends on how rows are cut."""

import itertools

import numpy as np
import pytest
import sliced

from xent.kernels.cpu import softmax_cross_entropy as whole_rows
from xent.kernels.cpu import softmax_slices as kernel

INF, NAN = np.inf, np.nan
CUTS = ["whole", "three", "each class"]
NUM_CLASSES = 70


def batch(rng, dtype=np.float32, rows=20):
    logits = (rng.normal(size=(rows, NUM_CLASSES)) * 4).astype(dtype)
    return logits, rng.integers(NUM_CLASSES, size=rows)


def states_of(logits, target, cuts, order=None, **options):
    state = kernel.empty(len(logits))
    pieces = sliced.slices(logits.shape[1], cuts)
    for first, last in pieces if order is None else order(pieces):
        told = sliced.part_of(options, first, last)
        kernel.scan(logits[:, first:last], state, first=first, target=target, **told)
    return state


# Rows whose numbers are no numbers --------------------------------------------------


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("place", [0, 1, 30, NUM_CLASSES - 1])
def test_what_is_no_number_makes_its_row_nan_and_no_other(rng, how, place):
    logits, target = batch(rng)
    cuts = sliced.cuts_of(NUM_CLASSES)[how]
    _, clean, clean_gradient = sliced.score(logits, cuts, target=target)
    logits[3, place] = NAN
    logits[4, place] = INF
    logits[5] = -INF
    logits[6] = -INF
    logits[6, place] = NAN  # among classes that cannot happen
    logits[7, :2] = INF
    bad = slice(3, 8)
    state, nll, gradient = sliced.score(logits, cuts, target=target)
    for numbers in (nll, *sliced.numbers_of(state)):
        assert np.isnan(numbers[bad]).all()
    assert np.isnan(gradient[bad]).all()
    others = np.delete(np.arange(len(logits)), range(3, 8))
    np.testing.assert_array_equal(nll[others], clean[others])
    np.testing.assert_array_equal(gradient[others], clean_gradient[others])


@pytest.mark.parametrize("how", CUTS)
def test_a_class_that_cannot_happen_costs_nothing_but_as_a_target(rng, how):
    logits, target = batch(rng)
    cuts = sliced.cuts_of(NUM_CLASSES)[how]
    logits[:, :40] = -INF
    target[:] = 50
    target[0] = 2
    state, nll, gradient = sliced.score(logits, cuts, target=target)
    assert nll[0] == INF
    assert gradient[0, 2] == -1
    assert np.isfinite(nll[1:]).all()
    assert not gradient[1:, :40].any()
    assert (state.arg >= 40).all()
    # all but one: certain
    logits[:, 51:] = logits[:, :50] = -INF
    state, nll, gradient = sliced.score(logits[1:], cuts, target=target[1:])
    assert not nll.any()
    assert not gradient.any()
    np.testing.assert_array_equal(state.arg, 50)


@pytest.mark.parametrize("how", CUTS)
def test_mass_on_a_class_that_cannot_happen_is_infinitely_dear(rng, how):
    logits, _ = batch(rng)
    soft = rng.dirichlet(np.ones(NUM_CLASSES), len(logits)).astype(np.float32)
    soft[1, :10] = 0
    logits[:2, :10] = -INF
    cuts = sliced.cuts_of(NUM_CLASSES)[how]
    state, nll, gradient = sliced.score(logits, cuts, soft_target=soft)
    assert nll[0] == INF
    assert np.isfinite(nll[1:]).all()
    np.testing.assert_array_equal(gradient[0, :10], -soft[0, :10])
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(state.peak, soft.argmax(axis=1))


# Rows that are skipped ------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_skipped_row_is_left_alone_and_has_no_gradient(rng, smoothing):
    logits, target = batch(rng)
    scale = np.where(np.arange(20) % 3 == 0, 0.0, 2.0)
    logits[scale == 0] = NAN
    target[scale == 0] = -(2**62)  # nothing is read there
    options = {"target": target, "label_smoothing": smoothing}
    state, nll, gradient = sliced.score(logits, [20], row_scale=scale, **options)
    for seen, none in zip(state, kernel.empty(20), strict=True):
        np.testing.assert_array_equal(seen[scale == 0], none[scale == 0])
    assert not gradient[scale == 0].any()
    kept = scale != 0
    options["target"] = target[kept]
    _, right, slopes = sliced.score(logits[kept], [20], **options)
    np.testing.assert_array_equal(nll[kept], right)
    np.testing.assert_allclose(gradient[kept], 2 * slopes, rtol=3e-7)


# Nothing depends on the cuts ----------------------------------------------------------------


@pytest.mark.parametrize("order", [reversed, lambda p: sorted(p, key=lambda c: c[0] * 7 % 11)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slices_may_come_in_any_order(rng, dtype, order):
    logits, target = batch(rng, dtype)
    logits[:, 60] = logits[:, 5] = logits.max(axis=1)  # the first of equal ones is the arg max
    options = {"label_smoothing": 0.1, "choices": NUM_CLASSES, "want_terms": True}
    cuts = [3, 20, 21, 64]
    one = states_of(logits, target, cuts, **options)
    other = states_of(logits, target, cuts, order=order, **options)
    for name in ("top", "arg", "peak", "at_peak"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("odds", "terms", "spread", "mass", "but_peak"):
        # sums and products of five numbers of one sign
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=3e-15)
    np.testing.assert_array_equal(one.arg, logits.argmax(axis=1))


@pytest.mark.parametrize("kind", ["class", "smoothed", "soft"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_options_at_once_agree_with_whole_rows(rng, dtype, kind):
    logits, target = batch(rng, dtype)
    mask = rng.random(logits.shape) < 0.7
    mask[np.arange(20), target] = True
    options = {
        "class_weight": rng.uniform(0.5, 2, NUM_CLASSES),
        "class_mask": mask.view(np.uint8),
        "label_smoothing": 0.1 if kind == "smoothed" else 0.0,
        "softcap": 9.0,
        "temperature": 1.7,
        "z_loss": 0.2,
    }
    if kind == "soft":
        soft = rng.dirichlet(np.ones(NUM_CLASSES), 20) * mask
        options["soft_target"] = soft.astype(dtype)
    else:
        options["target"] = target
    weight = rng.choice([-1.0, 0.0, 3.0], 20)
    right = whole_rows.score(
        logits, axis=1, want_nll=True, want_gradient=True, sample_weight=weight, **options
    )
    eps = np.finfo(dtype).eps
    for cuts in sliced.cuts_of(NUM_CLASSES).values():
        _, nll, gradient = sliced.score(logits, cuts, row_scale=weight, **options)
        np.testing.assert_allclose(weight * nll, right.nll, rtol=60 * eps)
        # the two terms of an entry may cancel: of the size of each, at most 3 * 2 * 1
        np.testing.assert_allclose(gradient, right.gradient, rtol=0, atol=40 * eps)
        assert not gradient[~mask].any()


def test_rows_may_lie_apart_and_threads_change_no_bit(rng):
    logits = rng.normal(size=(400, 1000)).astype(np.float32)
    target = rng.integers(1000, size=400)
    soft = rng.random((400, 900)).astype(np.float32)
    mask = (rng.random((400, 900)) < 0.5).view(np.uint8)
    for told in ({"target": target}, {"soft_target": soft}, {"target": target, "class_mask": mask}):
        columns = {k: v[:, 100:800] if v.ndim == 2 else v for k, v in told.items()}
        dense = {k: np.ascontiguousarray(v) for k, v in columns.items()}
        results = []
        for threads, lie_apart in itertools.product((1, 2), (True, False)):
            around = logits.copy()
            block = around[:, 50:750] if lie_apart else logits[:, 50:750].copy()
            options = {"first": 0, "threads": threads} | (columns if lie_apart else dense)
            state = kernel.empty(400)
            kernel.scan(block, state, want_terms=True, **options)
            kernel.gradient_(block, state, **options)
            results.append((*state, block))
            np.testing.assert_array_equal(around[:, :50], logits[:, :50])
            np.testing.assert_array_equal(around[:, 750:], logits[:, 750:])
        for result in results[1:]:
            for one, other in zip(result, results[0], strict=True):
                np.testing.assert_array_equal(one, other)


# Arrays that do not fit ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": np.zeros(4, np.int64)},
        {"soft_target": np.zeros((3, 4), np.float32)},
        {"soft_target": np.zeros((3, 5))},
        {"target": None},
        {"soft_target": np.zeros((3, 5), np.float32), "target": np.zeros(3, np.int64)},
        {"soft_target": np.zeros((3, 10), np.float32)[:, ::2]},
        {"class_weight": np.zeros(4)},
        {"class_mask": np.zeros((2, 5), np.uint8)},
        {"class_mask": np.zeros(4, np.uint8)},
        {"label_smoothing": 0.1, "choices": np.ones(2)},
        {"state": kernel.empty(2)},
        {"block": np.zeros((3, 10), np.float32)[:, ::2]},
    ],
)
@pytest.mark.parametrize("operation", ["scan", "gradient_"])
def test_arrays_that_do_not_fit_are_refused(operation, wrong):
    options = {"block": np.zeros((3, 5), np.float32), "state": kernel.empty(3), "first": 0}
    if "soft_target" not in wrong:
        options["target"] = np.zeros(3, np.int64)
    with pytest.raises(ValueError, match="must be"):
        getattr(kernel, operation)(**(options | wrong))


def test_a_block_is_float32_or_float64():
    for dtype in (np.float16, np.int32):
        with pytest.raises(TypeError, match="must be float"):
            kernel.scan(
                np.zeros((1, 2), dtype), kernel.empty(1), first=0, target=np.zeros(1, np.int64)
            )


def test_rows_of_a_gradient_must_not_overlap():
    memory = np.zeros(20, np.float32)
    block = np.lib.stride_tricks.as_strided(memory, (3, 5), (8, 4))
    told = {"first": 0, "target": np.zeros(3, np.int64)}
    with pytest.raises(ValueError, match="do not overlap"):
        kernel.gradient_(block, kernel.empty(3), **told)


def test_nothing_is_seen_in_no_columns():
    state = kernel.empty(3)
    block, target = np.zeros((3, 0), np.float32), np.zeros(3, np.int64)
    kernel.scan(block, state, first=0, target=target)
    kernel.gradient_(block, state, first=0, target=target)
    assert (state.arg == -1).all()
