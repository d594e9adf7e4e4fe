"""The log loss of scaled scores and its derivatives against their formulas."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp

from xent import kernels
from xent.kernels.cpu.scaled_softmax import scaled_softmax

EPS = np.finfo(float).eps


def case(rows, classes, *, impossible=False):
    rng = np.random.default_rng(rows + classes)
    z = 3 * rng.standard_normal((classes, rows))
    z -= logsumexp(z, axis=0)
    y = rng.integers(classes, size=rows)
    if impossible:
        never = rng.random(z.shape) < 0.3
        never[y, np.arange(rows)] = False
        z[never] = -np.inf
    share = rng.random(rows)
    return z, y, share / share.sum(), rng.standard_normal(classes)


def by_formula(z, y, share, scale, bias):
    """Sums and, of each, those of the absolute values of its terms."""
    alive = z > -np.inf
    finite = np.where(alive, z, 0)
    eta = np.where(alive, scale * finite + bias[:, None], -np.inf)
    lse = logsumexp(eta, axis=0)
    p = np.exp(eta - lse)
    d = finite - (p * finite).sum(axis=0)
    loss = share * (lse - eta[y, np.arange(len(y))])
    sums = [loss.sum(), (share * p * d * d).sum(), p @ share, (p * finite) @ share]
    sums += [(p * d) @ share, (p * share) @ p.T]
    sizes = [(share * np.abs(eta[y, np.arange(len(y))])).sum() + np.abs(loss).sum()]
    sizes += [sums[1], sums[2], np.abs(p * finite) @ share, np.abs(p * d) @ share, sums[5]]
    return sums, sizes


@pytest.mark.parametrize("impossible", [False, True])
@pytest.mark.parametrize("scale", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("rows, classes", [(1, 2), (127, 3), (129, 10), (5000, 10), (300, 64)])
def test_sums_are_those_of_the_formula(rows, classes, scale, impossible):
    z, y, share, bias = case(rows, classes, impossible=impossible)
    found = scaled_softmax(z, y, share, scale=scale, bias=bias)
    expected, sizes = by_formula(z, y, share, scale, bias)
    # a term is a few roundings of exponents up to `width` nats, and the plain sum of `rows` of
    # them, in the definition, has its own
    width = scale * np.abs(z[z > -np.inf]).max() + 4 * np.abs(bias).max()
    for value, right, size in zip(found, expected, sizes, strict=True):
        allowed = EPS * (8 + 4 * width + rows / 2) * size + EPS * width * np.max(size)
        assert np.all(np.abs(np.asarray(value) - right) <= allowed)


def test_what_is_not_asked_for_is_0():
    z, y, share, bias = case(200, 4)
    whole = scaled_softmax(z, y, share, scale=1.0, bias=bias)
    biases = scaled_softmax(z, y, share, scale=1.0, bias=bias, of_scale=False)
    assert (biases.spread, biases.scored.any(), biases.crossed.any()) == (0, False, False)
    assert_allclose(biases.probs, whole.probs, rtol=200 * EPS)
    assert_array_equal(biases.pairs, whole.pairs)
    scale = scaled_softmax(z, y, share, scale=1.0, bias=bias, of_biases=False)
    assert not scale.pairs.any()
    assert scale.spread == whole.spread


def test_threads_cannot_be_seen():
    z, y, share, bias = case(9000, 10)
    before = kernels.num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            found.append(scaled_softmax(z, y, share, scale=0.7, bias=bias))
    finally:
        kernels.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert_array_equal(a, b)


def test_no_rows_add_to_nothing():
    found = scaled_softmax(
        np.empty((3, 0)), np.empty(0, np.int64), np.empty(0), scale=1.0, bias=np.zeros(3)
    )
    assert not any(np.any(value) for value in found)


@pytest.mark.parametrize("wrong", ["target", "share", "bias", "outside", "below"])
def test_arrays_that_do_not_fit_are_refused(wrong):
    z, y, share, bias = case(9, 3)
    if wrong == "target":
        y = y[1:]
    if wrong == "share":
        share = share[1:]
    if wrong == "bias":
        bias = bias[1:]
    if wrong in ("outside", "below"):
        y = np.where(y == y[0], 3 if wrong == "outside" else -1, y)
    with pytest.raises(ValueError, match=r"do not fit|is no class"):
        scaled_softmax(z, y, share, scale=1.0, bias=bias)
