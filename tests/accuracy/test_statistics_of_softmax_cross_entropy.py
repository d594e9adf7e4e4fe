"""-log p, log sum exp and entropy of rows against 50 digits, and the hits.

Entropy is a sum of terms of one sign, 4 ulp of each: e^d, d and their product are right to
1.3, 0.5 and 0.5 ulp, and 1 + tau divides once. A log sum exp may be near 0 where its logits
are not, so its ulp is that of the largest logit, if that is larger.
"""

import numpy as np
import pytest
from accuracy.losses_in_50_digits import changed, in_50_digits, mp, softmax, ulps
from accuracy.test_softmax_cross_entropy import LOWEST, rows, with_margins

from xent.kernels.cpu import softmax_cross_entropy as kernel

DTYPES = [np.float32, np.float64]
CLASSES = [1, 2, 10, 64, 192, 193, 1000]


def exact_statistics(x, t):
    """Return -log p of the target t, a distribution, log sum exp and entropy of a row."""
    p, _, log_p = softmax(x)
    best = int(np.argmax(x))
    top = in_50_digits(float(x[best])) if x.dtype != object else x[best]
    nll = sum((-a * b for a, b in zip(t, log_p, strict=True) if a), mp.mpf(0))
    entropy = sum((-a * b for a, b in zip(p, log_p, strict=True) if a), mp.mpf(0))
    return nll, top - log_p[best], entropy


def one_hot(y, num_classes):
    t = np.full(num_classes, mp.mpf(0), dtype=object)
    t[y] = mp.mpf(1)
    return t


def check(statistics, logits, truth):
    nll, lse, entropy, _ = statistics
    # a denormal exponential is off by its coarse spacing, times x_E - x: once for each class
    tiny = in_50_digits(float(np.finfo(nll.dtype).smallest_normal))
    floor = tiny * -LOWEST[nll.dtype.type] * max(1, logits.shape[1] / 4)
    for i, (x, t) in enumerate(zip(logits, truth, strict=True)):
        right = exact_statistics(x, t)
        largest = max(abs(in_50_digits(float(v))) for v in x if v != -np.inf)
        assert ulps(nll[i], right[0]) <= 4
        assert ulps(lse[i], right[1], max(abs(right[1]), largest)) <= 2
        assert ulps(entropy[i], right[2], max(right[2], floor)) <= 4


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", CLASSES)
def test_statistics_of_class_targets(rng, dtype, num_classes):
    logits = rows(rng, dtype, num_classes, each=max(1, 10 // num_classes))
    target = with_margins(rng, logits)
    logits[::4, 1:-1:3] = -np.inf
    target[::4] = 0
    scored = kernel.score(logits, axis=1, target=target, want_nll=True, want_stats=True)
    check(scored.statistics, logits, [one_hot(y, num_classes) for y in target])
    np.testing.assert_array_equal(scored.statistics[0], scored.nll)
    np.testing.assert_array_equal(scored.statistics[3], logits.argmax(axis=1) == target)


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [2, 10, 193])
def test_neither_weights_nor_smoothing_nor_z_loss_touch_them(rng, dtype, num_classes):
    logits = rows(rng, dtype, num_classes, each=1)
    target = with_margins(rng, logits)
    options = {
        "class_weight": rng.uniform(1, 9, num_classes),
        "sample_weight": rng.uniform(1, 9, len(target)),
        "label_smoothing": 0.1,
        "z_loss": 0.5,
    }
    scored = kernel.score(logits, axis=1, target=target, want_stats=True, **options)
    check(scored.statistics, logits, [one_hot(y, num_classes) for y in target])


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [2, 10, 64, 193])
def test_statistics_of_soft_targets(rng, dtype, num_classes):
    logits = rows(rng, dtype, num_classes, each=1)
    soft = rng.dirichlet(np.full(num_classes, 0.5), len(logits)).astype(dtype)
    soft[::2] = np.roll(np.eye(num_classes, dtype=dtype)[0], 1)
    weight = rng.uniform(1, 9, num_classes)
    scored = kernel.score(logits, axis=1, soft_target=soft, class_weight=weight, want_stats=True)
    check(scored.statistics, logits, [in_50_digits(t.astype(np.float64)) for t in soft])
    hit = logits.argmax(axis=1) == soft.argmax(axis=1)
    np.testing.assert_array_equal(scored.statistics[3], hit)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [10, 193])
def test_statistics_are_of_the_logits_as_the_options_leave_them(rng, dtype, num_classes):
    logits = (rng.normal(size=(8, num_classes)) * 9).astype(dtype)
    target = rng.integers(num_classes, size=8)
    mask = rng.random(num_classes) < 0.8
    mask[target] = True
    options = {"softcap": 4.0, "temperature": 0.5}
    scored = kernel.score(
        logits, axis=1, target=target, class_mask=mask.view(np.uint8), want_stats=True, **options
    )
    _, lse, entropy, hit = scored.statistics
    for i, x in enumerate(logits):
        changes = changed(x, **options, class_mask=mask).logits
        right = exact_statistics(changes, one_hot(target[i], num_classes))
        # x' is off by 3.2 ulp of at most 8, and p log p by as much again for each nat
        assert ulps(lse[i], right[1], max(abs(right[1]), 8)) <= 6
        assert ulps(entropy[i], right[2], 8) <= 4 * 8 * 3.2
        assert hit[i] == (int(np.argmax(changes)) == target[i])
