"""Softmax cross-entropy with temperature, softcap, mask and z-loss, against 50 digits.

The options' logits x' are rounded to the dtype before the softmax. An error of r |x'_j| in
each moves every probability, its complement and -log p by at most 2 r max |x'| of itself
(d log p_k = dx_k - sum_j p_j dx_j), which is 4 (r / eps) max |x'| ulp on top of the 4 ulp of
the plain loss. r is half an eps for a temperature, nothing where it is a power of two; after
a softcap it is the 2.4 (float32) or 2.7 (float64) ulp of the tangent and half an eps.
"""

import numpy as np
import pytest
from accuracy.losses_in_50_digits import changed, in_50_digits, mass, mp, softmax, ulps

from xent.kernels.cpu import softmax_cross_entropy as kernel

DTYPES = [np.float32, np.float64]
CLASSES = [2, 65, 193]  # by tiles, and row by row
ROWS = 6

OPTIONS = {
    "temperature": {"temperature": 0.7},
    "power of two": {"temperature": 4.0},
    "softcap": {"softcap": 30.0},
    "mask": {"class_mask": True},
    "z-loss": {"z_loss": 1e-2},
    "all": {"softcap": 5.0, "temperature": 1.7, "class_mask": True, "z_loss": 0.3},
}
TARGETS = ["class", "smoothed", "soft", "weighted"]


def logits_of(rng, dtype, num_classes):
    scale = np.array([0.1, 1, 1, 5, 20, 50])[:, None]
    return (rng.normal(size=(ROWS, num_classes)) * scale).astype(dtype)


def masks(rng, num_classes):
    mask = rng.random((ROWS, num_classes)) < 0.7
    mask[:, 0] = True
    return mask


def truth_of(rng, dtype, kind, mask):
    """Return what the kernel is told, and the exact mass of each row."""
    num_classes = mask.shape[1]
    target = np.array([rng.choice(np.flatnonzero(row)) for row in mask])
    weight = 10 ** rng.uniform(-1, 1, num_classes)
    if kind == "soft":
        soft = np.where(mask, rng.gamma(0.5, size=mask.shape), 0)
        soft = (soft / soft.sum(axis=1, keepdims=True)).astype(dtype)
        return {"soft_target": soft}, [in_50_digits(t.astype(np.float64)) for t in soft]
    eps = 0.1 if kind == "smoothed" else 0.0
    exact = []
    for y, row in zip(target, mask, strict=True):
        s = np.full(num_classes, mp.mpf(0), dtype=object)
        place = int(np.count_nonzero(row[:y]))
        s[row] = mass(place, int(row.sum()), eps)
        exact.append(s * in_50_digits(weight) if kind == "weighted" else s)
    told = {"target": target, "label_smoothing": eps}
    return told | ({"class_weight": weight} if kind == "weighted" else {}), exact


def rounding(options, dtype):
    """Return what x' is off by, in eps of itself."""
    if "softcap" in options:
        return 2.9 if dtype == np.float32 else 3.2
    return 0.0 if options.get("temperature", 1.0) in (1.0, 4.0) else 0.5


def check_row(x, s, loss, gradient, options, slack):
    z = in_50_digits(options.get("z_loss", 0.0))
    maps = {name: value for name, value in options.items() if name != "z_loss"}
    logits, slope = changed(x, **maps)
    p, not_p, log_p = softmax(logits)
    best = int(np.argmax(logits))
    lse = logits[best] - log_p[best]
    others = s.sum() - s
    nll = sum((-a * b for a, b in zip(s, log_p, strict=True) if a), mp.mpf(0)) + z * lse**2
    pull = 2 * z * lse
    exact = (p * (others + pull) - s * not_p) * slope
    largest = max(abs(v) for v in logits if v != -mp.inf)
    # lse may be smaller than the logit it is x_M + log1p of, and moves as far as the x' do
    size = max(abs(logits[best]), abs(lse), 1 if slack else 0)
    spread = 2 * z * abs(lse) * size
    bound = 4 + 4 * slack * float(largest)
    assert ulps(loss, nll, nll + spread) <= bound
    terms = (p * (others + abs(pull) + 2 * z * size) + s * not_p) * slope
    # four of its ulp are twice as many where they are small, and a product
    of_slope = 9 if "softcap" in options else 0
    assert ulps(gradient, exact, terms) <= bound + of_slope
    if "class_mask" in options:
        assert not gradient[~options["class_mask"]].any()


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", CLASSES)
@pytest.mark.parametrize("name", OPTIONS)
def test_loss_and_gradient_are_within_their_bound(rng, name, num_classes, dtype):
    options = OPTIONS[name]
    for kind in TARGETS:
        x = logits_of(rng, dtype, num_classes)
        mask = masks(rng, num_classes)
        if "class_mask" not in options:
            mask[:] = True
        told, exact = truth_of(rng, dtype, kind, mask)
        x[~mask] = rng.choice([np.nan, np.inf, -np.inf, 1e30, 0], np.count_nonzero(~mask))
        given = dict(options)
        if "class_mask" in options:
            given["class_mask"] = mask.view(np.uint8)
        scored = kernel.score(x, axis=1, want_nll=True, want_gradient=True, **told, **given)
        slack = rounding(options, dtype)
        for i in range(ROWS):
            row = options | ({"class_mask": mask[i]} if "class_mask" in options else {})
            check_row(x[i], exact[i], scored.nll[i], scored.gradient[i], row, slack)


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [65, 193])
def test_a_slope_keeps_its_digits_where_there_is_hardly_any(rng, dtype, num_classes):
    # half an ulp of x / softcap = 40 is 80 ulp of exp(-2 x / softcap)
    x = rng.uniform(-44, 44, (4, num_classes)).astype(dtype)
    target = rng.integers(num_classes, size=4)
    scored = kernel.score(x, axis=1, target=target, softcap=1.1, want_nll=True, want_gradient=True)
    slack = rounding({"softcap": 1.1}, dtype)
    for i, y in enumerate(target):
        s = mass(y, num_classes)
        check_row(x[i], s, scored.nll[i], scored.gradient[i], {"softcap": 1.1}, slack)


@pytest.mark.isa
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [3, 65, 193])
def test_the_z_loss_of_a_row_whose_target_is_far_below(rng, dtype, num_classes):
    # x_y + nll would be a difference of two numbers near 700
    x = rng.normal(size=(4, num_classes), scale=0.01).astype(dtype)
    x[:, 1] = [-80, -500, -650, -740]
    z_loss = {"z_loss": 100.0}
    scored = kernel.score(
        x, axis=1, target=np.ones(4, int), want_nll=True, want_gradient=True, **z_loss
    )
    for i in range(4):
        check_row(x[i], mass(1, num_classes), scored.nll[i], scored.gradient[i], z_loss, 0.0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("name", ["softcap", "all"])
def test_classes_that_lie_apart_give_the_bits_of_adjacent_ones(rng, dtype, kind, name):
    x = logits_of(rng, dtype, 21)
    mask = masks(rng, 21)
    told, _ = truth_of(rng, dtype, kind, mask)
    given = OPTIONS[name]
    if "class_mask" in given:
        given = given | {"class_mask": mask.view(np.uint8)}
    wanted = {"want_nll": True, "want_gradient": True, "want_stats": True}
    adjacent = kernel.score(x, axis=1, **told, **given, **wanted)

    def lying_apart(name, value):
        rows = name in ("soft_target", "class_mask")
        return np.ascontiguousarray(value.T) if rows else value

    apart = kernel.score(
        np.ascontiguousarray(x.T),
        axis=0,
        **{key: lying_apart(key, value) for key, value in (told | given).items()},
        **wanted,
    )
    np.testing.assert_array_equal(apart.nll, adjacent.nll)
    np.testing.assert_array_equal(apart.gradient, adjacent.gradient.T)
    for one, other in zip(apart.statistics, adjacent.statistics, strict=True):
        np.testing.assert_array_equal(one, other)
