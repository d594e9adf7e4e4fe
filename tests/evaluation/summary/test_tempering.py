"""Tempered losses and their derivatives against 50-digit arithmetic."""

import numpy as np
import pytest
from mpmath import mp, mpf
from numpy.testing import assert_allclose

from xent.evaluation import evaluate
from xent.evaluation.summary.tempering import POWERS

QUANTUM = 2.0**-40


def exact(z, target):
    """L, L' and L'' of one row at every beta, from z in 50 digits."""
    with mp.workdps(50):
        values = []
        for power in POWERS:
            beta = mpf(power) / 8
            top = max(x for x in z if x != -mp.inf)
            weights = [mp.exp(beta * (x - top)) if x != -mp.inf else mpf(0) for x in z]
            total = sum(weights)
            finite = [x if x != -mp.inf else mpf(0) for x in z]
            mean = sum(w * x for w, x in zip(weights, finite, strict=True)) / total
            square = sum(w * (x - mean) ** 2 for w, x in zip(weights, finite, strict=True)) / total
            loss = mp.log(total) + beta * (top - z[target])
            values.append((loss, mean - z[target], square))
        return np.array(values, dtype=float).T


def reference(rows, targets, weight):
    per_row = [w * exact(z, y) for z, y, w in zip(rows, targets, weight, strict=True)]
    return sum(per_row) / sum(weight)


def got(tempering):
    return np.array([tempering.loss, tempering.slope, tempering.curvature])


def logs(p):
    with mp.workdps(50):
        return [[mp.log(mpf(float(q))) if q > 0 else -mp.inf for q in row] for row in p]


def logits(z):
    return [[mpf(float(x)) for x in row] for row in z]


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 9])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities(classes, weighted, dtype):
    rng = np.random.default_rng(classes)
    p = rng.dirichlet(np.full(classes, 0.3), size=40)
    p[:5, 0] = 0
    p = (p / p.sum(axis=1, keepdims=True)).astype(dtype)
    target = rng.integers(1, classes, size=40)
    weight = rng.integers(1, 9, size=40) / 8 if weighted else np.ones(40)
    given = {"weight": weight} if weighted else {}
    t = evaluate(target=target, probs=p, classes=range(classes), **given).summary.tempering
    expected = reference(logs(p), target, weight)
    np.testing.assert_allclose(got(t), expected, rtol=0, atol=QUANTUM)
    assert t.weight == weight.sum()
    assert t.num_rows == 40


@pytest.mark.parametrize("scale", [0.01, 1, 30])
def test_logits(scale):
    rng = np.random.default_rng(1)
    z, target = rng.normal(size=(40, 6)) * scale, rng.integers(6, size=40)
    t = evaluate(target=target, logits=z).summary.tempering
    expected = reference(logits(z), target, np.ones(40))
    # curvatures are of squares of the range of the logits
    np.testing.assert_allclose(got(t), expected, rtol=1e-13, atol=QUANTUM + 1e-15 * scale**2)


def test_one_column():
    rng = np.random.default_rng(2)
    p, target = rng.random(60), rng.integers(2, size=60)
    two = reference(logs(np.stack([1 - p, p], axis=1)), target, np.ones(60))
    t = evaluate(target=target, probs=p).summary.tempering
    # 1 - p is rounded here, and not there
    np.testing.assert_allclose(got(t), two, rtol=0, atol=2 * QUANTUM)
    z = rng.normal(size=60) * 5
    t = evaluate(target=target, logits=z).summary.tempering
    two = reference(logits(np.stack([0 * z, z], axis=1)), target, np.ones(60))
    np.testing.assert_allclose(got(t), two, rtol=0, atol=QUANTUM)


def test_labels_are_decisions():
    rng = np.random.default_rng(3)
    z, truth = rng.normal(size=(30, 3)) * 3, rng.integers(2, size=(30, 3))
    t = evaluate(labels=truth, logits=z, task="multi").summary.tempering
    flat = np.stack([0 * z.ravel(), z.ravel()], axis=1)
    expected = reference(logits(flat), truth.ravel(), np.ones(90))
    np.testing.assert_allclose(got(t), expected, rtol=0, atol=QUANTUM)
    assert t.weight == 90


def test_logits_of_a_thousand():
    z = np.array([[1000.0, -1000.0, 0.0], [1000.0, -1000.0, 0.0], [0.5, 0.25, -np.inf]])
    target = [0, 1, 1]
    t = evaluate(target=target, logits=z).summary.tempering
    rows = [[mpf(x) if x > -np.inf else -mp.inf for x in row] for row in z.tolist()]
    expected = reference(rows, target, np.ones(3))
    np.testing.assert_allclose(got(t), expected, rtol=1e-13, atol=1e-9)


def test_huge_logits_stay_finite():
    z = np.array([[1e300, -1e300], [-1e200, 1e200]])
    t = evaluate(target=[1, 1], logits=z).summary.tempering
    assert not np.isnan(got(t)).any()


def test_impossible_rows_are_left_out():
    p = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5]])
    t = evaluate(target=[0, 1, 2], probs=p).summary.tempering
    kept = evaluate(target=[0, 2], probs=p[[0, 2]], classes=range(3)).summary.tempering
    assert t == kept
    one = evaluate(target=[1, 0, 1], probs=[0.0, 0.25, 1.0]).summary.tempering
    assert one == evaluate(target=[0, 1], probs=[0.25, 1.0]).summary.tempering


def test_beta_one_is_the_log_loss():
    rng = np.random.default_rng(4)
    p = rng.dirichlet(np.ones(10), size=2000)
    summary = evaluate(target=rng.integers(10, size=2000), probs=p).summary
    t = summary.tempering
    assert abs(t.loss[list(t.betas).index(1.0)] - summary.log_loss) < QUANTUM


def test_the_loss_is_convex():
    rng = np.random.default_rng(5)
    z, target = rng.normal(size=(500, 5)) * 4, rng.integers(5, size=500)
    t = evaluate(target=target, logits=z).summary.tempering
    assert (np.diff(t.slope) > 0).all()
    assert (t.curvature > 0).all()
    # tangents are below
    for a in range(len(POWERS)):
        assert (t.loss >= t.loss[a] + t.slope[a] * (t.betas - t.betas[a]) - 1e-12).all()


def test_a_sure_row_of_one_column_costs_nothing():
    # log-odds of -infinity, which once were taken for 0
    for source in (([1, 0, 1], [1.0, 0.0, 0.5]), ([1, 0, 1], [1.0, 0.0, np.nextafter(0.5, 1)])):
        found = evaluate(source)
        assert_allclose(found.summary.tempering.loss[7], found.log_loss, rtol=1e-11)
    labels = evaluate(([[1, 0], [0, 1]], [[1.0, 0.0], [0.3, 0.6]]), task="multi")
    assert_allclose(labels.summary.tempering.loss[7], labels.log_loss, rtol=1e-11)
