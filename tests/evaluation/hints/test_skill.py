"""Predictions that know nothing: where a hint must speak, and where it must not."""

import numpy as np
from evaluation.hints.models import ROWS, calibrated, codes, hints, only, sigmoid, softmax


def test_scores_that_rank_nothing():
    rng = np.random.default_rng(6)
    y = (rng.random(5000) < 0.3).astype(int)
    near = sigmoid(np.log(0.3 / 0.7) + 0.05 * rng.normal(size=5000))
    only(hints((y, near)), "D12", "note", "do not rank what happens", "0.5 is chance")
    q, y = calibrated(4, rows=5000)
    only(hints((np.sort(y), q)), "D12", "note", "do not rank", "frequencies", "sorted or joined")


def test_scores_that_rank_a_little_do_rank():
    rng = np.random.default_rng(7)
    y = (rng.random(20_000) < 0.3).astype(int)
    z = np.log(0.3 / 0.7) + 0.1 * y + 0.5 * rng.normal(size=20_000)
    assert not any("rank what" in str(h) for h in hints((y, sigmoid(z))))
    # too few to say
    assert codes((y[:200], sigmoid(np.log(0.3 / 0.7) + 0.05 * rng.normal(size=200)))) == []
    # sure of the wrong things, and still ranking
    q, y = calibrated(2, 1.0)
    found = hints((y, softmax(8 * np.log(q))[:, 1]))
    assert [h.code for h in found] == ["D12"]
    assert "the scores still rank the classes (area under the ROC curve up to 0." in found[0].fix
    # few of the rare ones, which are enough to see that they are ranked
    y = (np.arange(2000) % 100 == 0).astype(int)
    found = hints((y, np.where(y, 0.9, 0.5 * rng.random(2000))))
    assert "the scores still rank the classes (area under the ROC curve up to 1.000" in found[0].fix


def test_scores_that_are_nearly_alike_may_rank():
    # all in one cell: what they know is not seen, which is no reason to say that they know nothing
    rng = np.random.default_rng(8)
    y = (rng.random(5000) < 0.605).astype(int)
    assert codes((y, 0.604 + 0.001 * y + 0.001 * rng.normal(size=5000).clip(-3, 3))) == []


def test_worse_than_the_frequencies():
    _, y = calibrated(3)
    random = np.random.default_rng(0).dirichlet(np.ones(3), ROWS)
    only(hints((y, random)), "D12", "note", "always saying the class frequencies", "uniformly")


def test_as_good_as_the_frequencies_is_not_worse():
    rng = np.random.default_rng(0)
    for rows in (60, 2000):
        y = rng.choice(3, rows, p=[0.6, 0.3, 0.1])
        near = np.array([0.6, 0.3, 0.1]) * np.exp(0.05 * rng.normal(size=(rows, 3)))
        found = hints((y, near / near.sum(axis=1, keepdims=True)))
        # and the commonest class is all that it says, which is no missing class
        assert not any("the predictions lose" in h.found or h.code == "D34" for h in found)
    # one row decides: too few to say
    y = np.arange(ROWS) % 2
    p = np.where(y == 1, 0.6, 0.4)
    p[0] = 1 - 1e-300 if y[0] == 0 else 1e-300
    assert "D12" not in codes((y, np.clip(p, 1e-300, 1 - 1e-16)))
