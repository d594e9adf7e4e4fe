"""The numbers: against scikit-learn, NumPy and what is known by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics

from xent.evaluation import evaluate


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.fixture
def rng():
    return np.random.default_rng(20181)


def test_several_classes_are_what_scikit_learn_computes(rng):
    p, y = softmax(rng.normal(size=(500, 5)) * 2), rng.integers(5, size=500)
    w = rng.random(500)
    result = evaluate((y, p), weight=w)
    # the error of a plain float64 mean of 500 losses
    assert_allclose(result.log_loss, metrics.log_loss(y, p, sample_weight=w), rtol=1e-13)
    one_hot = np.eye(5)[y]
    brier = np.average(((p - one_hot) ** 2).sum(axis=1), weights=w)
    assert_allclose(result.brier, brier, rtol=1e-13)
    correct = metrics.accuracy_score(y, p.argmax(axis=1), sample_weight=w)
    assert_allclose(result.accuracy, correct, rtol=1e-13)
    frequencies = np.bincount(y, weights=w) / w.sum()
    entropy = -(frequencies * np.log(frequencies)).sum()
    assert_allclose(result.frequency_log_loss, entropy, rtol=1e-13)
    assert_allclose(result.skill, 1 - result.log_loss / entropy, rtol=1e-13)


def test_one_probability_is_what_scikit_learn_computes(rng):
    p, y = rng.random(400), rng.integers(2, size=400)
    result = evaluate((y, p))
    assert_allclose(result.log_loss, metrics.log_loss(y, p), rtol=1e-13)
    assert_allclose(result.brier, metrics.brier_score_loss(y, p), rtol=1e-13)
    two = evaluate((y, np.stack([1 - p, p], axis=1)))
    assert_allclose([two.log_loss, two.brier], [result.log_loss, result.brier], rtol=1e-13)


def test_labels_that_are_all_right_weigh_what_all_labels_weigh(rng):
    # 3 w is rounded for most of these weights
    y, w = rng.integers(2, size=(300, 3)), rng.random(300)
    assert sum(Fraction(3 * x) for x in w) != 3 * sum(map(Fraction, w))
    summary = evaluate((y, 0.1 + 0.8 * y), weight=w).summary
    assert summary.sum_correct == 3 * summary.sum_weight == 3 * summary.sum_all_correct


def test_labels_are_scored_one_by_one(rng):
    p, y = rng.random((300, 3)), rng.integers(2, size=(300, 3))
    result = evaluate(labels=y, probs=p, task="multi")
    each = [metrics.log_loss(y[:, j], p[:, j]) for j in range(3)]
    assert_allclose(result.log_loss, np.mean(each), rtol=1e-13)
    assert_allclose([row.log_loss for row in result.classes], each, rtol=1e-13)
    assert_allclose(result.row_log_loss, np.sum(each), rtol=1e-13)
    assert_allclose(result.brier, ((p - y) ** 2).mean(), rtol=1e-13)
    assert result.accuracy == ((p > 0.5) == y).mean()
    assert result.exact_match == ((p > 0.5) == y).all(axis=1).mean()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_score_as_their_softmax(rng, dtype):
    z, y = (rng.normal(size=(500, 7)) * 3).astype(dtype), rng.integers(7, size=500)
    result = evaluate(target=y, logits=z)
    by_probs = evaluate((y, softmax(z.astype(np.float64))))
    for name in ("log_loss", "brier", "accuracy", "geometric_mean_probability"):
        assert_allclose(getattr(result, name), getattr(by_probs, name), rtol=1e-13)
    ours = [row.mean_probability for row in result.classes]
    assert_allclose(ours, [row.mean_probability for row in by_probs.classes], rtol=1e-13)


def test_a_logit_of_two_classes_scores_as_its_sigmoid(rng):
    z, y = rng.normal(size=300) * 4, rng.integers(2, size=300)
    by_probs = evaluate((y, 1 / (1 + np.exp(-z))))
    result = evaluate(target=y, logits=z)
    assert_allclose(result.log_loss, by_probs.log_loss, rtol=1e-13)
    assert_allclose(result.brier, by_probs.brier, rtol=1e-12)
    labels = evaluate(labels=y, logits=z, task="multi")
    assert_allclose(labels.log_loss, by_probs.log_loss, rtol=1e-13)


@pytest.mark.parametrize("margin", [0.0, 1.0, 20.0, 40.0, 100.0, 700.0, 1e4])
def test_a_confident_row_keeps_its_small_loss(margin):
    right = math.log1p(math.exp(-margin))
    for logits in ([[margin, 0.0]], [[margin + 1000, 1000.0]]):
        assert_allclose(evaluate(target=[0], logits=np.array(logits)).log_loss, right, rtol=1e-15)
        wrong = evaluate(target=[1], logits=np.array(logits)).log_loss
        assert_allclose(wrong, margin + right, rtol=1e-15)


@pytest.mark.parametrize("p", [1e-300, 1e-20, 1e-5, 0.3])
def test_a_small_probability_of_the_other_class_keeps_its_digits(p):
    assert_allclose(evaluate(([0], [p])).log_loss, -math.log1p(-p), rtol=4e-16)
    assert_allclose(evaluate(([1], [p])).log_loss, -math.log(p), rtol=4e-16)


def test_log_probabilities_and_bytes():
    log_probs, size = np.log([0.5, 0.25, 0.125]), [1, 2, 3]
    result = evaluate(log_probs=log_probs, bytes=size, unit="bit")
    assert_allclose(result.log_loss, 2.0, rtol=1e-15)
    assert_allclose(result.bits_per_byte, 1.0, rtol=1e-15)
    assert_allclose(result.perplexity, 4.0, rtol=1e-15)
    assert "bits per byte" in str(result)
    assert math.isnan(result.accuracy)


def test_an_impossible_outcome_costs_infinity_and_is_counted():
    result = evaluate(([0, 1, 1], [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]))
    assert result.log_loss == math.inf
    assert result.geometric_mean_probability == 0
    assert (result.num_impossible, result.summary.impossible_rows) == (1, (1,))
    assert_allclose(result.finite_log_loss, math.log(2) / 2, rtol=1e-15)
    assert result.classes[1].log_loss == math.inf


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
def test_a_clip_is_a_price_that_was_asked_for():
    result = evaluate(([0, 1], [[0.5, 0.5], [1.0, 0.0]]), zero="clip:0.5")
    assert_allclose(result.log_loss, math.log(2), rtol=1e-15)
    assert (result.summary.num_clipped, result.num_impossible) == (1, 0)


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_clip_does_not_depend_on_the_dtype(dtype):
    p = np.array([[1.0, 0.0]], dtype=dtype)
    assert_allclose(evaluate(([1], p), zero="clip:1e-15").log_loss, -math.log(1e-15), rtol=4e-16)


def test_masked_classes_are_fine_where_they_are_not_the_truth():
    logits = np.array([[0.0, -np.inf, 0.0], [2.0, -np.inf, -np.inf]])
    result = evaluate(target=[2, 0], logits=logits)
    assert_allclose(result.log_loss, math.log(2) / 2, rtol=1e-15)
    assert evaluate(target=[1, 0], logits=logits).num_impossible == 1


def test_a_row_without_weight_costs_nothing_even_if_impossible():
    result = evaluate(([1, 0], [[1.0, 0.0], [0.5, 0.5]]), weight=[0.0, 2.0])
    assert_allclose(result.log_loss, math.log(2), rtol=1e-15)
    assert result.num_impossible == 0


def test_whole_weights_are_repetitions(rng):
    p, y, w = softmax(rng.normal(size=(60, 3))), rng.integers(3, size=60), rng.integers(4, size=60)
    weighted = evaluate((y, p), weight=w)
    repeated = evaluate((np.repeat(y, w), np.repeat(p, w, axis=0)))
    for name in ("log_loss", "brier", "accuracy", "frequency_log_loss"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-14)


def test_a_class_that_only_has_one_value_has_no_skill():
    assert math.isnan(evaluate(([0, 0], [[0.9, 0.1], [0.8, 0.2]])).skill)


@pytest.mark.parametrize(
    ("unit", "nats"), [("nat", 1.0), ("bit", math.log(2)), ("ban", math.log(10))]
)
def test_units(unit, nats):
    result = evaluate(([0], [[0.25, 0.75]]), unit=unit)
    assert_allclose(result.log_loss, math.log(4) / nats, rtol=1e-15)
    assert_allclose(result.perplexity, 4.0, rtol=1e-15)
    assert_allclose(result.worst[0]["log_loss"], math.log(4) / nats, rtol=1e-15)


def test_one_sample_without_a_batch_axis():
    p = np.array([0.7, 0.2, 0.1])
    for probs in (p, p.tolist()):
        assert evaluate((1, probs)).log_loss == pytest.approx(-np.log(0.2), rel=1e-15)
        assert evaluate(target=np.int64(1), probs=probs).num_rows == 1
    assert evaluate((1, 0.2)).log_loss == pytest.approx(-np.log(0.2), rel=1e-15)
    assert evaluate(target=1, logits=np.log(p), weight=3.0).to_dict()["weight"] == 3


def test_a_column_of_targets_is_one():
    target, p = np.array([0, 1, 1]), np.array([[0.7, 0.3], [0.4, 0.6], [0.5, 0.5]])
    assert evaluate((target[:, None], p)).summary == evaluate((target, p)).summary
