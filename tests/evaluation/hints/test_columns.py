"""Columns that do not belong to their classes: where a hint must speak, and where it must not."""

import numpy as np
import pytest
from evaluation.hints.models import ROWS, calibrated, codes, hints, only, sigmoid, softmax

from xent.evaluation import Summary, evaluate


def test_permuted_columns():
    q, y = calibrated()
    found = hints((y, q[:, [1, 2, 0, 3, 4]]), classes=["a", "b", "c", "d", "e"])
    only(found, "D25", "warning", "'c' fits class 'a', 'a' fits class 'b', 'b' fits class 'c'")
    right, wrong = np.mean(q.argmax(axis=1) == y), np.mean(q[:, [1, 2, 0, 3, 4]].argmax(1) == y)
    assert f"right in {wrong:.1%} of the rows, and would be in {right:.1%}" in found[0].found


def test_two_of_many_columns_swapped():
    q, y = calibrated(50, 8.0, rows=20_000)
    order = np.arange(50)
    order[[7, 30]] = [30, 7]
    only(hints((y, q[:, order])), "D25", "warning", "'30' fits class '7', '7' fits class '30'")


def test_labels_from_one():
    q, y = calibrated()
    tiny = 1e-9 * np.random.default_rng(0).random(ROWS)
    wide = np.column_stack([q, tiny]) / (1 + tiny[:, None])
    only(hints((y + 1, wide)), "D25", "warning", "look 1-based", "5 of 6", "subtract 1")
    only(hints(((y + 1) % 5, q)), "D25", "warning", "permuted")  # round the corner


def test_labels_from_zero_with_columns_from_one():
    q, y = calibrated()
    tiny = 1e-9 * np.random.default_rng(0).random(ROWS)
    wide = np.column_stack([tiny, q]) / (1 + tiny[:, None])
    only(hints((y, wide)), "D25", "warning", "0-based, and the columns 1-based", "add 1")


@pytest.mark.parametrize("one_column", [True, False])
def test_a_reversed_binary_column(one_column):
    q, y = calibrated(2)
    probs = q[:, 0] if one_column else q[:, ::-1]
    found = hints((y, probs))
    only(found, "D25", "warning", "look reversed", "classes=['1', '0']")
    # the fix is one
    assert codes((y, probs), classes=["1", "0"]) == []


def test_weak_and_confused_models_are_not_permuted():
    rng = np.random.default_rng(1)
    # anything but the truth, and anything at all
    q, y = calibrated(3)
    assert "D25" not in codes((y, rng.dirichlet(np.ones(3), ROWS)))
    assert "D25" not in codes(((y + rng.integers(1, 3, ROWS)) % 3, q))
    # always the same class
    assert "D25" not in codes((np.where(y == 0, 1, 2), np.tile([0.8, 0.1, 0.1], (ROWS, 1))))
    # one class taken for another
    merged = np.where(y == 0, 1, y)
    assert "D25" not in codes((y, np.eye(3)[merged] * 0.8 + 0.2 / 3))
    # a binary model that is a little worse than chance
    coin = (rng.random(20_000) < 0.47).astype(int)
    assert "D25" not in codes((rng.integers(0, 2, 20_000), 0.4 + 0.2 * coin))
    y2 = rng.integers(0, 2, 20_000)
    worse = np.where(rng.random(20_000) < 0.55, 1 - y2, y2)
    assert "D25" not in codes((y2, 0.4 + 0.2 * worse))
    # two classes of three that go to each other's column by little more than half
    y3, u = rng.integers(0, 3, 20_000), rng.random(20_000)
    said = np.where(y3 == 2, 2, np.where(u < 0.56, 1 - y3, np.where(u < 0.7, y3, 2)))
    assert "D25" not in codes((y3, np.eye(3)[said] * 0.4 + 0.2))


@pytest.mark.parametrize("one_column", [True, False])
def test_a_reversed_column_of_a_rare_event(one_column):
    rng = np.random.default_rng(4)
    p = np.clip(0.02 * np.exp(1.5 * rng.normal(size=20_000)), 0, 0.45)
    y = (rng.random(20_000) < p).astype(int)
    probs = 1 - p if one_column else np.stack([p, 1 - p], 1)
    only(hints((y, probs)), "D25", "warning", "class '1' look reversed", "classes=['1', '0']")
    labels, both = np.stack([y, y], 1), np.stack([p, 1 - p], 1)
    found = hints(labels=labels, probs=both, task="multi")
    only(found, "D25", "warning", "label '1' look reversed", "pass 1 - p for this label")


def test_weak_and_shifted_probabilities_are_not_reversed():
    rng = np.random.default_rng(5)
    y = (rng.random(20_000) < 0.03).astype(int)
    # of another prior: reversed they would lose less, but they rank
    z = np.where(y, 1.0, 0.0) + rng.normal(size=20_000)
    assert "D25" not in codes((y, sigmoid(z + 3)))
    # ranks a little in reverse, near the frequency
    assert "D25" not in codes((y, sigmoid(-3.5 - 0.2 * z)))


def test_a_class_that_is_expected_and_never_happens():
    q, y = calibrated(4)
    keep = y != 2
    found = hints((y[keep], q[keep]), classes=list("abcd"))
    expected = q[keep, 2].sum()
    only(
        found,
        "D34",
        "note",
        f"class 'c' never happens, and the predictions expect it {expected:,.0f}",
    )


def test_a_class_that_is_not_expected_may_be_missing():
    q, y = calibrated(3)
    wide = np.column_stack([q * 0.999, np.full(ROWS, 0.001)])
    assert codes((y, wide)) == []  # expected twice
    # many classes and few rows
    q, y = calibrated(500, 6.0, rows=300)
    assert codes((y, q)) == []


def test_classes_that_never_happen_are_several():
    q, y = calibrated(4)
    keep = (y != 2) & (y != 0)
    expected = q[keep].sum(axis=0)
    times = f"{expected[0]:,.0f}, {expected[2]:,.0f}"
    says = f"classes 'a', 'c' never happen, and the predictions expect them {times} times"
    only(hints((y[keep], q[keep]), classes=list("abcd")), "D34", "note", says, "their rows")


def without(q, silent, seed=0):
    """Return predictions of a model that does not know some classes: a little for each."""
    rest = np.delete(np.arange(q.shape[1]), silent)
    q = q + 1e-3 * np.random.default_rng(seed).random(q.shape)
    q[:, silent] = 0.05 * np.random.default_rng(seed).random((len(q), len(silent)))
    q[:, rest] *= (1 - q[:, silent].sum(1, keepdims=True)) / q[:, rest].sum(1, keepdims=True)
    return q


def test_a_class_that_is_never_predicted():
    q, y = calibrated(3, 12.0)
    found = [h for h in hints((y, without(q, [0]))) if h.code == "D34"]
    only(found, "D34", "note", f"'0' is true in {np.sum(y == 0)} rows", "while 97% of the other")
    q, y = calibrated(5, 12.0)
    found = [h for h in hints((y, without(q, [0, 3]))) if h.code == "D34"]
    only(found, "D34", "note", "'0', '3' are true in", "of the other rows are predicted right")


def test_a_tree_of_fewer_leaves_than_classes_knows_all_of_them():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    leaf = np.minimum(y, 1)
    q = np.array([[1, 0, 0], [0, 0.501, 0.499]])[leaf] * 0.98 + 0.02 / 3
    assert not (q.argmax(axis=1) == 2).any()
    assert "D34" not in codes((y, q))
    # two leaves for ten classes
    y = rng.integers(0, 10, 2000)
    leaf = np.where(y == 0, 0, np.where(y == 1, 1, rng.integers(0, 2, 2000)))
    table = np.array([np.bincount(y[leaf == j], minlength=10) + 1.0 for j in range(2)])
    q = (table / table.sum(axis=1, keepdims=True))[leaf]
    assert len(np.unique(q.argmax(axis=1))) == 2
    assert "D34" not in codes((y, q))


def test_rare_classes_and_weak_models_may_predict_one_class_only():
    rng = np.random.default_rng(3)
    p = np.clip(0.02 * np.exp(rng.normal(size=ROWS)), 0, 0.4)
    assert codes(((rng.random(ROWS) < p).astype(int), p)) == []
    q, y = calibrated(3, 0.1)
    prior = q * [1.2, 0.9, 0.9]
    assert "D34" not in codes((y, prior / prior.sum(axis=1, keepdims=True)))
    rare = softmax(np.log([0.6, 0.3, 0.1]) + 0.2 * rng.normal(size=(ROWS, 3)))
    y = (rare.cumsum(axis=1) > rng.random((ROWS, 1))).argmax(axis=1)
    assert codes((y, rare)) == []


def many(classes=200, rows=3000, right=0.6, seed=0):
    """Return probabilities that have the truth on top in a share of the rows, and the truth."""
    rng = np.random.default_rng(seed)
    y = rng.integers(1, classes - 1, size=rows)
    top = np.where(rng.random(rows) < right, y, rng.integers(classes, size=rows))
    logits = rng.normal(size=(rows, classes))
    logits[np.arange(rows), top] += 8
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True), y


def test_many_classes_one_off():
    p, y = many()
    names = range(200)
    found = hints((y + 1, p), classes=names)
    only(found, "D25", "warning", "look 1-based", "the one before", "subtract 1")
    found = hints((y - 1, p), classes=names)
    only(found, "D25", "warning", "look 0-based", "the one after", "add 1")


def test_many_classes_that_are_not_one_off():
    p, y = many()
    assert "D25" not in codes((y, p), classes=range(200))
    # two neighbours that are one class to the model, and a model that says one class always
    near = y + np.random.default_rng(1).integers(-1, 2, size=len(y))
    assert "D25" not in codes((near, p), classes=range(200))
    same = np.full_like(p, 1e-4)
    same[:, 7] = 1 - 199e-4 + 1e-9 * np.arange(len(p))
    same /= same.sum(axis=1, keepdims=True)
    common = np.where(np.arange(len(y)) % 5 > 0, 8, y)
    assert "D25" not in codes((common, same), classes=range(200))


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
def test_rows_beside_their_class_do_not_depend_on_parts():
    p, y = many()
    whole = evaluate((y + 1, p), classes=range(200)).summary
    halves = [evaluate((y[k::2] + 1, p[k::2]), classes=range(200)).summary for k in (0, 1)]
    together = halves[1] + halves[0]
    assert together.evidence == whole.evidence
    assert Summary.from_json(together.to_json()).evidence == whole.evidence
    likeliest = p.argmax(axis=1)
    assert whole.evidence.beside == ((likeliest == y).sum(), (likeliest == y + 2).sum())
