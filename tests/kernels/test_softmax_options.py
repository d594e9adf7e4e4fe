"""The options of softmax cross-entropy at their edges, and what their parts do to each other."""

import numpy as np
import pytest

from xent.kernels.cpu import softmax_cross_entropy as kernel

CLASSES = [3, 192, 193]  # by tiles, and row by row
INF, NAN = np.inf, np.nan
WANTED = {"axis": 1, "want_nll": True, "want_gradient": True}


def batch(rng, num_classes, rows=70):
    logits = (rng.normal(size=(rows, num_classes)) * 3).astype(np.float32)
    target = rng.integers(num_classes, size=rows)
    mask = rng.random((rows, num_classes)) < 0.6
    mask[np.arange(rows), target] = True
    return logits, target, mask


def bits(mask):
    return np.ascontiguousarray(mask).view(np.uint8)


# The mask ---------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", CLASSES)
def test_a_masked_class_is_an_impossible_one_whatever_its_logit_holds(rng, num_classes):
    logits, target, mask = batch(rng, num_classes)
    impossible = kernel.score(np.where(mask, logits, -INF).astype("f4"), target=target, **WANTED)
    logits[~mask] = rng.choice([NAN, INF, -INF, 3e38], np.count_nonzero(~mask))
    masked = kernel.score(logits, target=target, class_mask=bits(mask), **WANTED)
    np.testing.assert_array_equal(masked.nll, impossible.nll)
    np.testing.assert_array_equal(masked.gradient, impossible.gradient)
    assert not masked.gradient[~mask].any()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("num_classes", CLASSES)
def test_a_mask_of_all_rows_is_that_of_each(rng, num_classes, smoothing):
    logits, target, mask = batch(rng, num_classes)
    shared = mask[0]
    shared[target] = True
    options = {"target": target, "label_smoothing": smoothing, "mean": True} | WANTED
    options["class_weight"] = rng.uniform(1, 2, num_classes)
    one = kernel.score(logits, class_mask=bits(shared), **options)
    each = kernel.score(logits, class_mask=bits(np.broadcast_to(shared, mask.shape)), **options)
    assert (one.sum, one.weight, one.count) == (each.sum, each.weight, each.count)
    np.testing.assert_array_equal(one.gradient, each.gradient)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("num_classes", CLASSES)
def test_smoothing_spreads_over_the_classes_that_are_left(rng, num_classes, soft):
    logits, target, mask = batch(rng, num_classes, rows=9)
    truth = np.eye(num_classes)[target]
    if soft:
        truth = np.where(mask, rng.random(mask.shape), 0)
        truth /= truth.sum(axis=1, keepdims=True)
    truth = truth.astype(np.float32)
    smoothed = 0.8 * truth + 0.2 * mask / mask.sum(axis=1, keepdims=True)
    told = {"soft_target": truth} if soft else {"target": target}
    options = {"class_mask": bits(mask)} | WANTED
    got = kernel.score(logits, label_smoothing=0.2, **told, **options)
    right = kernel.score(logits, soft_target=smoothed.astype(np.float32), **options)
    np.testing.assert_allclose(got.nll, right.nll, rtol=1e-6)
    np.testing.assert_allclose(got.gradient, right.gradient, rtol=0, atol=2e-7)


@pytest.mark.parametrize("each_row", [False, True])
def test_a_masked_target_is_a_bad_one(each_row):
    target = np.zeros(70, np.int64)
    mask = np.ones((70, 3) if each_row else 3, bool)
    mask[..., 2] = False
    options = {"class_mask": bits(mask)} | WANTED
    logits = np.zeros((70, 3), np.float32)
    assert kernel.score(logits, target=target, **options) is not None
    target[66] = 2
    assert kernel.score(logits, target=target, **options) is None
    assert kernel.score(logits, target=target, ignore_index=2, **options).count == 69


def test_the_mask_of_a_row_lies_as_its_logits_do(rng):
    logits, target, mask = batch(rng, 3, rows=20)
    options = {"want_nll": True, "label_smoothing": 0.1}
    adjacent = kernel.score(logits, axis=1, target=target, class_mask=bits(mask), **options)
    apart = kernel.score(
        np.ascontiguousarray(logits.reshape(4, 5, 3).transpose(0, 2, 1)),
        axis=1,
        target=target.reshape(4, 5),
        class_mask=bits(mask.reshape(4, 5, 3).transpose(0, 2, 1)),
        **options,
    )
    np.testing.assert_array_equal(apart.nll.ravel(), adjacent.nll)


@pytest.mark.parametrize("num_classes", CLASSES)
def test_one_class_that_is_left_is_certain_and_none_is_nothing(num_classes):
    logits = np.full((2, num_classes), NAN, np.float32)
    logits[:, 1] = -7
    mask = np.zeros((2, num_classes), bool)
    mask[0, 1] = True
    soft = np.zeros((2, num_classes), np.float32)
    soft[:, 1] = 1
    options = {"class_mask": bits(mask), "want_stats": True} | WANTED
    scored = kernel.score(logits, soft_target=soft, **options)
    assert scored.nll[0] == 0
    assert np.isnan(scored.nll[1])
    assert not scored.gradient.any()
    nll, lse, entropy, hit = scored.statistics
    assert (nll[0], lse[0], entropy[0], hit[0]) == (0, -7, 0, True)
    assert np.isnan(nll[1])
    assert lse[1] == -INF
    assert np.isnan(entropy[1])
    assert not hit[1]


def test_no_hessian_with_options():
    for option in ({"softcap": 1.0}, {"temperature": 2.0}, {"z_loss": 0.1}):
        with pytest.raises(ValueError, match="no Hessian"):
            kernel.score(
                np.zeros((1, 3)), target=np.array([0]), axis=1, want_hessian=True, **option
            )


# z-loss, weights and statistics --------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("num_classes", CLASSES)
def test_class_weights_do_not_touch_the_z_loss_and_sample_weights_do(rng, num_classes, smoothing):
    logits, target, _ = batch(rng, num_classes)
    class_weight = rng.choice([0.0, 2.0], num_classes)
    sample_weight = rng.choice([0.0, -1.0, 3.0], 70)
    told = {"target": target, "label_smoothing": smoothing} | WANTED
    weights = {"class_weight": class_weight, "sample_weight": sample_weight}
    plain = kernel.score(logits, **told, **weights)
    both = kernel.score(logits, z_loss=0.25, **told, **weights)
    assert (both.weight, both.count) == (plain.weight, plain.count)
    x = logits.astype(np.float64)
    lse = np.log(np.exp(x).sum(axis=1))
    p = np.exp(x - lse[:, None])
    np.testing.assert_allclose(
        both.nll - plain.nll, sample_weight * 0.25 * lse**2, rtol=0, atol=4e-6 * lse.max() ** 2
    )
    pulled = (sample_weight * 0.5 * lse)[:, None] * p
    np.testing.assert_allclose(both.gradient - plain.gradient, pulled, rtol=0, atol=4e-6)


@pytest.mark.parametrize("num_classes", CLASSES)
def test_a_skipped_row_says_nothing(rng, num_classes):
    logits, target, _ = batch(rng, num_classes)
    target[::3] = -100
    weight = np.where(np.arange(70) % 5 == 0, 0.0, 1.0)
    skipped = (target < 0) | (weight == 0)
    logits[skipped] = NAN
    options = {"ignore_index": -100, "sample_weight": weight, "z_loss": 0.1, "want_stats": True}
    options |= {"softcap": 9.0, "temperature": 2.0}
    scored = kernel.score(logits, target=target, **options, **WANTED)
    for array in (scored.nll, *scored.statistics):
        assert not array[skipped].any()
    assert not scored.gradient[skipped].any()
    assert np.isfinite(scored.sum)
    assert (scored.statistics[0][~skipped] > 0).all()


@pytest.mark.parametrize("num_classes", CLASSES)
@pytest.mark.parametrize("ignore_index", [-(2**62), 2**40, 10**9])
def test_nothing_is_read_where_an_ignored_target_points(num_classes, ignore_index):
    target = np.full(70, ignore_index)
    target[1] = 2
    scored = kernel.score(
        np.zeros((70, num_classes), np.float32), target=target, ignore_index=ignore_index, **WANTED
    )
    assert scored.count == 1
    assert scored.sum == pytest.approx(np.log(num_classes), rel=1e-6)


@pytest.mark.parametrize("num_classes", CLASSES)
def test_rows_without_a_softmax(num_classes):
    def row(*edges):
        x = np.zeros(num_classes, np.float32)
        x[: len(edges)] = edges
        return x

    rest = np.full(num_classes - 1, -INF, np.float32)
    logits = np.array([
        row(INF),
        row(NAN),
        row(0, NAN),
        np.full(num_classes, -INF),
        row(-INF, -INF),
        np.concatenate([[5], rest]),
    ], np.float32)  # fmt: skip
    target = np.array([0, 0, 0, 0, 2, 0])
    options = {"z_loss": 0.1, "want_stats": True} | WANTED
    scored = kernel.score(logits, target=target, **options)
    nll, lse, entropy, hit = scored.statistics
    np.testing.assert_array_equal(np.isnan(scored.nll), [True] * 4 + [False] * 2)
    np.testing.assert_array_equal(np.isnan(nll), [True] * 4 + [False] * 2)
    np.testing.assert_array_equal(np.isnan(entropy), [True] * 4 + [False] * 2)
    np.testing.assert_array_equal(hit, [False] * 4 + [True] * 2)
    left = num_classes - 2
    right = np.array([INF, NAN, NAN, -INF, np.log(left), 5], np.float32)
    np.testing.assert_allclose(lse, right, rtol=1e-6)
    assert (nll[5], entropy[5]) == (0, 0)
    # z_loss lse^2, and its gradient at the one class there is
    assert scored.nll[5] == np.float32(2.5)
    assert scored.gradient[5, 0] == np.float32(1)
    assert not scored.gradient[4, :2].any()


@pytest.mark.parametrize("num_classes", CLASSES)
def test_a_softcap_brings_infinite_logits_back(num_classes):
    logits = np.zeros((1, num_classes), np.float32)
    logits[0, :2] = INF, -INF
    scored = kernel.score(logits, target=np.array([2]), softcap=3.0, want_stats=True, **WANTED)
    right = np.log(np.exp(3) + np.exp(-3) + num_classes - 2)
    assert scored.nll[0] == pytest.approx(right, rel=1e-6)
    assert not scored.gradient[0, :2].any()


@pytest.mark.parametrize("num_classes", CLASSES)
def test_of_equal_logits_the_first_is_the_prediction(num_classes):
    logits = np.zeros((3, num_classes), np.float32)
    scored = kernel.score(logits, target=np.array([0, 1, 2]), want_stats=True, **WANTED)
    np.testing.assert_array_equal(scored.statistics[3], [True, False, False])
    soft = np.full((1, num_classes), 1 / num_classes, np.float32)
    assert kernel.score(logits[:1], soft_target=soft, want_stats=True, **WANTED).statistics[3][0]


@pytest.mark.parametrize("options", [{}, {"softcap": 7.0, "temperature": 2.0, "z_loss": 0.01}])
@pytest.mark.parametrize("num_classes", CLASSES)
def test_statistics_change_no_bit_of_the_loss(rng, num_classes, options):
    logits, target, _ = batch(rng, num_classes)
    without = kernel.score(logits, target=target, **options, **WANTED)
    with_them = kernel.score(logits, target=target, want_stats=True, **options, **WANTED)
    np.testing.assert_array_equal(with_them.nll, without.nll)
    np.testing.assert_array_equal(with_them.gradient, without.gradient)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("num_classes", CLASSES)
def test_half_precision_is_computed_as_float32_is_and_rounded_once(rng, num_classes, soft):
    logits, target, mask = batch(rng, num_classes)
    logits = logits.astype(np.float16)
    told = {"target": target}
    if soft:
        told = {"soft_target": np.where(mask, np.float32(0.1), np.float32(0))}
    options = {"softcap": 7.0, "temperature": 3.0, "z_loss": 0.1, "class_mask": bits(mask)}
    narrow = kernel.score(logits, want_stats=True, **told, **options, **WANTED)
    wide = kernel.score(logits.astype("f4"), want_stats=True, **told, **options, **WANTED)
    np.testing.assert_array_equal(narrow.nll, wide.nll)
    np.testing.assert_array_equal(narrow.gradient, wide.gradient.astype(np.float16))
    for one, other in zip(narrow.statistics, wide.statistics, strict=True):
        np.testing.assert_array_equal(one, other)
