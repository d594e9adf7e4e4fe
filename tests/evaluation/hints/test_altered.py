"""Numbers that were changed before they came: where a hint must speak, and where it must not."""

import numpy as np
import pytest
from evaluation.hints.models import ROWS, calibrated, codes, hints, only, sigmoid, softmax

from xent.evaluation import evaluate


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_a_softmax_of_probabilities(classes):
    q, y = calibrated(classes, 12.0)
    floor = np.log1p((classes - 1) / np.e)
    found = hints((y, softmax(q)))
    only(found, "D04", "warning", "softmax was applied twice", f"less than {floor:.4g} nats")


def test_a_sigmoid_of_probabilities():
    q, y = calibrated(2, 12.0)
    rare = y * (np.random.default_rng(0).random(ROWS) < 0.4)
    only(hints((rare, sigmoid(q[:, 1] * rare))), "D04", "warning", "a sigmoid of probabilities")
    labels = np.stack([rare, rare[::-1]], 1)
    probs = sigmoid(np.stack([q[:, 1], q[::-1, 1]], 1))
    only(hints(labels=labels, probs=probs, task="multi"), "D04", "warning", "sigmoid")


def test_timid_probabilities_are_no_softmax_of_probabilities():
    rng = np.random.default_rng(2)
    # calibrated, and within the range of such a softmax, filled to its ends
    p = np.clip(0.5 + 0.2 * rng.normal(size=ROWS), 0.269, 0.731)
    assert codes(((rng.random(ROWS) < p).astype(int), p)) == []
    p = np.clip(0.6 + 0.1 * rng.normal(size=ROWS), 0.5, 0.731)
    assert codes(((rng.random(ROWS) < p).astype(int), p)) == []
    # right more often than it says, but nothing is near the ends
    q, y = calibrated(3, 12.0)
    assert "D04" not in codes((y, 0.5 * softmax(q) + 0.5 / 3))


def test_the_same_prediction_for_every_row():
    _, y = calibrated(3)
    found = hints((y, np.tile([0.5, 0.25, 0.25], (ROWS, 1))))
    only(found, "D12", "note", "all 2,000 rows have the same prediction (0.5, 0.25, 0.25)")
    only(hints((y % 2, np.full(ROWS, 0.3))), "D12", "note", "(0.3)")
    only(hints(target=y, logits=np.tile([1.0, 0.0, 2.0], (ROWS, 1))), "D12", "note")


def test_a_label_with_the_same_prediction_in_every_row():
    q, y = calibrated(2)
    labels, probs = np.stack([y, y], 1), np.stack([q[:, 1], np.full(ROWS, y.mean())], 1)
    only(hints(labels=labels, probs=probs, task="multi"), "D12", "note", "label '1'", "same")


def test_decisions_are_no_probabilities():
    q, y = calibrated(3)
    said = q.argmax(axis=1)
    wrong = f"wrong in {100 * np.mean(said != y):.1f} %: decisions"
    only(hints((y, np.eye(3)[said])), "D27", "note", wrong, "predict_proba")
    y2, said2 = y > 0, (said > 0).astype(float)
    only(hints((y2, said2)), "D27", "note", "decisions in place")
    only(hints((y2, said2.clip(1e-12, 1 - 1e-12))), "D27", "note", "to nine digits")
    labels, decided = np.stack([y2, ~y2], 1), np.stack([said2, 1 - said2], 1)
    only(hints(labels=labels, probs=decided, task="multi"), "D27", "note", "decisions in place")
    # all right: nothing is lost by it; one class for all rows: that is another fault
    assert codes((said, np.eye(3)[said])) == []
    assert "D27" not in codes((y, np.eye(3)[np.zeros(ROWS, int)]))
    # a forest that is sure of nearly all
    said2[0] = 0.9
    assert "D27" not in codes((y2, said2))


def test_nearly_constant_predictions_are_not_constant():
    _, y = calibrated(3)
    p = np.tile([0.5, 0.25, 0.25], (ROWS, 1))
    p[7] = [0.2, 0.5, 0.3]
    assert not any("same" in str(h) for h in hints((y, p)))
    # a class that neither happens nor is predicted
    q, y = calibrated(3)
    assert codes((y, np.column_stack([q, np.zeros(ROWS)]))) == []


@pytest.mark.parametrize(
    "clip, name", [(1e-7, "1e-07"), (1e-15, "1e-15"), (2.0**-52, "the epsilon of float64")]
)
def test_probabilities_clipped_before_they_came(clip, name):
    rng = np.random.default_rng(0)
    p = rng.random(5000)
    y = (rng.random(5000) < p).astype(int)
    p[:400] = clip
    y[:30] = 1
    y[30:400] = 0
    only(hints((y, p)), "D31", "warning", f"30 rows cost exactly {-np.log(clip):.4g}", name)
    # by float32, whose 1e-7 is another number
    if clip == 1e-7:
        only(hints((y, p.astype(np.float32))), "D31", "warning", name)


def test_a_small_part_of_the_loss_is_not_told_as_none():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(3, 0.5), 300_000).clip(1e-3)
    p /= p.sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1).clip(max=2)
    p[:100], y[:100] = [1e-15, 1 - 2e-15, 1e-15], 0
    (found,) = (h for h in hints((y, p)) if h.code == "D31")
    part = 100 * -np.log(1e-15) / evaluate((y, p)).log_loss / len(p)
    assert 0.01 < part < 0.03
    assert f"and make {100 * part:.1f} % of the loss:" in found.found


def test_losses_that_meet_are_not_clipped():
    rng = np.random.default_rng(0)
    # steps of a forest: the worst rows are alike, and nobody chose their probability
    p = rng.integers(1, 300, 5000) / 300
    y = (rng.random(5000) < p).astype(int)
    p[:30], y[:30] = 1 / 300, 1
    assert codes((y, p)) == []
    # few of them
    p, y = rng.random(5000), rng.integers(0, 2, 5000)
    y = (rng.random(5000) < p).astype(int)
    p[:5], y[:5] = 1e-7, 1
    assert codes((y, p)) == []
    # its own clip, asked for by name
    p[:20], y[:20] = 0.0, 1
    assert not any("before they came" in str(h) for h in hints((y, p), zero="clip:1e-7"))


def test_a_probability_of_one_in_a_thousand_is_not_a_clip():
    y = (np.arange(20_000) % 1000 == 0).astype(int)
    # a base rate, of every row and of nearly every row
    p = np.full(20_000, 0.001)
    only(hints((y, p)), "D12", "note", "same prediction")
    p[:5] = 0.0011
    assert codes((y, p)) == []
    # one vote of 1000 trees, where others have none
    rng = np.random.default_rng(0)
    votes = rng.integers(0, 1001, 20_000)
    y = (rng.random(20_000) < votes / 1000).astype(int)
    votes[:30], y[:30] = 1, 1
    votes[30:40], y[30:40] = 0, 0
    assert codes((y, votes / 1000)) == []
    # of the same votes, clipped
    only(hints((y, np.clip(votes / 1000, 1e-3, 1))), "D31", "note", "rows cost exactly 6.908 nats")
