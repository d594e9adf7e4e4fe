"""Softmax cross-entropy of rows whose classes come in slices, against 50 digits.

The promise for float32 is that of whole rows, however a row is cut: what is kept of the
classes seen is float64. For float64 rows each merge rounds the sum of the odds, half an ulp,
and one that raises the top rounds the odds so far anew: 0.8 ulp for the exponential, half an
ulp each for 1 + odds and the product. A loss or p_j has that error once, 1 - p_arg twice.
"""

import math

import numpy as np
import pytest
import sliced
from accuracy.losses_in_50_digits import in_50_digits, mp, softmax, ulps
from accuracy.test_options_of_softmax_cross_entropy import (
    OPTIONS,
    check_row,
    logits_of,
    masks,
    rounding,
    truth_of,
)
from accuracy.test_softmax_cross_entropy import rows, with_margins

DTYPES = [np.float32, np.float64]
CUTS = ["whole", "three", "each class"]


def merges(logits, cuts):
    """Return what the merges of each row add to its error, in ulp."""
    if logits.dtype == np.float32:
        return np.zeros(len(logits))
    pieces = sliced.slices(logits.shape[1], cuts)
    tops = np.stack([logits[:, first:last].max(axis=1) for first, last in pieces], axis=1)
    seen = np.maximum.accumulate(tops, axis=1)
    return 0.5 * len(cuts) + 1.8 * np.count_nonzero(seen[:, 1:] > seen[:, :-1], axis=1)


def errors_of_class_targets(logits, target, cuts):
    """Return the errors of loss and gradient of each row, in ulp beyond those of its merges."""
    _, nll, gradient = sliced.score(logits, cuts, target=target)
    allowed = merges(logits, cuts)
    worst = 0
    for x, y, loss, g, more in zip(logits, target, nll, gradient, allowed, strict=True):
        p, not_p, log_p = softmax(x)
        p[y] = -not_p[y]
        worst = max(worst, ulps(loss, -log_p[y]) - more, ulps(g, p) - 2 * more)
    return worst


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("num_classes", [1, 2, 10, 65, 300])
def test_loss_and_every_gradient_entry_are_within_4_ulp(rng, dtype, num_classes, how):
    logits = rows(rng, dtype, num_classes)
    target = with_margins(rng, logits)
    cuts = sliced.cuts_of(num_classes)[how]
    assert errors_of_class_targets(logits, target, cuts) <= 4


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("margin", [-1e4, -100.0, -17.0, 17.0, 60.0, 80.0, 100.0, 1e4])
def test_a_vocabulary_is_within_4_ulp(rng, dtype, margin):
    num_classes = 20001
    values = rng.uniform(-20, 0, 200).astype(dtype)
    logits = rng.choice(values, (1, num_classes))
    target = np.array([num_classes // 2])
    logits[0, target] = values.max() + margin
    for cuts in ([], [10, 7000], list(range(1024, num_classes, 1024))):
        assert errors_of_class_targets(logits, target, cuts) <= 4


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("name", ["plain", *OPTIONS])
def test_options_and_targets_of_any_kind_are_within_their_bound(rng, name, how, dtype):
    options = OPTIONS.get(name, {})
    for num_classes in (2, 65):
        for kind in ("class", "smoothed", "soft", "weighted"):
            x = logits_of(rng, dtype, num_classes)
            mask = masks(rng, num_classes)
            if "class_mask" not in options:
                mask[:] = True
            told, exact = truth_of(rng, dtype, kind, mask)
            x[~mask] = rng.choice([np.nan, np.inf, -np.inf, 1e30, 0], np.count_nonzero(~mask))
            if "class_mask" in options:
                told["class_mask"] = mask.view(np.uint8)
            given = {k: v for k, v in options.items() if k != "class_mask"}
            cuts = sliced.cuts_of(num_classes)[how]
            _, nll, gradient = sliced.score(x, cuts, **told, **given)
            slack = rounding(options, dtype)
            if dtype == np.float64:  # as many ulp of merges, whatever the largest logit is
                largest = 0.5
                slack += 2 * 2.3 * len(cuts) / (4 * largest)
            for i in range(len(x)):
                row = options | ({"class_mask": mask[i]} if "class_mask" in options else {})
                check_row(x[i], exact[i], nll[i], gradient[i], row, slack)


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", CUTS)
def test_log_sum_exp_and_entropy_are_those_of_whole_rows(rng, dtype, how):
    logits = rows(rng, dtype, 65, each=2)
    logits[::4, 1:-1:3] = -np.inf
    cuts = sliced.cuts_of(65)[how]
    state, _, _ = sliced.score(logits, cuts, target=np.zeros(len(logits), int))
    _, lse, entropy = (each.astype(dtype) for each in sliced.numbers_of(state))
    tiny = in_50_digits(float(np.finfo(dtype).smallest_normal)) * 1000
    for x, seen_lse, seen_entropy, more in zip(
        logits, lse, entropy, merges(logits, cuts), strict=True
    ):
        p, _, log_p = softmax(x)
        exact = sum((-a * b for a, b in zip(p, log_p, strict=True) if a), mp.mpf(0))
        assert ulps(seen_entropy, exact, max(exact, tiny)) <= 4 + 2 * more
        best = int(np.argmax(x))
        largest = max(abs(in_50_digits(float(v))) for v in x if v != -np.inf)
        right = in_50_digits(float(x[best])) - log_p[best]
        assert ulps(seen_lse, right, max(abs(right), largest)) <= 2 + more


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("num_classes", [2, 65, 300])
def test_rows_of_gradients_sum_to_zero(rng, dtype, num_classes, how):
    logits = rows(rng, dtype, num_classes, each=2)
    target = with_margins(rng, logits)
    cuts = sliced.cuts_of(num_classes)[how]
    _, _, gradient = sliced.score(logits, cuts, target=target)
    info = np.finfo(dtype)
    for g, y, more in zip(gradient, target, merges(logits, cuts), strict=True):
        denormal = np.count_nonzero(abs(g) < info.smallest_normal)
        allowed = (8 + 2 * more) * np.spacing(abs(g[y])) + denormal * float(info.smallest_subnormal)
        assert abs(math.fsum(g)) <= allowed


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 2.0**16, 1e30])
def test_a_scale_is_in_before_anything_is_rounded_to_a_denormal(rng, dtype, scale):
    # 95 nats below the top a float is denormal, and 2^16 of it are not
    logits = np.zeros((3, 40), dtype)
    logits[:, 7] = [95, 60, 5]
    target = np.array([7, 7, 7])
    for cuts in ([], [3, 20]):
        _, _, gradient = sliced.score(logits, cuts, target=target, row_scale=np.full(3, scale))
        for x, g in zip(logits, gradient, strict=True):
            p, not_p, _ = softmax(x)
            p[7] = -not_p[7]
            assert ulps(g, p * in_50_digits(scale)) <= 5


def test_slices_of_classes_that_cannot_happen(rng):
    for dtype in DTYPES:
        logits = rows(rng, dtype, 60, each=1)
        target = np.full(len(logits), 25)
        logits[:, 25] += 3
        logits[:, :20] = -np.inf
        logits[:, 40:] = -np.inf
        assert errors_of_class_targets(logits, target, [20, 40]) <= 4
