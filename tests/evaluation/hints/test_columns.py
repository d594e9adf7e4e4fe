"""Columns that do not belong to their classes: where a hint must speak, and where it must not."""

import re

import numpy as np
import pytest
from evaluation.hints.models import ROWS, calibrated, codes, hints, only, sigmoid, softmax

from xent.evaluation import Summary, evaluate
from xent.evaluation.state import merge_states, save_state


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


def known(classes, share, rows=50_000, seed=0):
    """Return logits of a model that is right in a share of each class's rows, and the truth.

    Half of the other rows go to classes beside their own, as kinds of dogs do.
    """
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    right = np.clip(share + 0.15 * rng.normal(size=classes), 0, 1)[y]
    beside, u = (y + rng.integers(-3, 4, rows)) % classes, rng.random(rows)
    other = np.where(u < (1 + right) / 2, beside, rng.integers(classes, size=rows))
    logits = rng.normal(size=(rows, classes)).astype(np.float32)
    logits[np.arange(rows), np.where(u < right, y, other)] += 9
    return logits, y


ORDERS = {
    "cyclic": lambda n: np.roll(np.arange(n), 3),
    "reversed": lambda n: np.arange(n)[::-1],
    "random": lambda n: np.random.default_rng(1).permutation(n),
}


@pytest.mark.parametrize(
    ("classes", "order"), [(110, "cyclic"), (110, "reversed"), (110, "random"), (1000, "random")]
)
def test_permuted_columns_of_many_classes(classes, order):
    rows = 10_000 if classes < 1000 else 50_000
    z, y = known(classes, 0.76, rows)
    order = ORDERS[order](classes)
    with_them = np.ascontiguousarray(z[:, order])
    found = hints(target=y, logits=with_them, classes=range(classes))
    # the first class that is told of fits the column that it was moved to
    only(found, "D25", "warning", "look permuted", "more; the likeliest")
    column, of = re.findall(r"'(\d+)' fits class '(\d+)'", found[0].found)[0]
    assert order[int(column)] == int(of)
    right = np.mean(z.argmax(axis=1) == y)
    now = np.mean(with_them.argmax(axis=1) == y)
    least = float(re.search(r"in at least ([0-9.]+)%", found[0].found)[1]) / 100
    assert f"right in {now:.1%} of the rows" in found[0].found
    assert now + 0.2 < least <= right + 5e-4  # it is a bound


def test_two_of_a_thousand_columns_swapped():
    z, y = known(1000, 0.9)
    table = np.zeros((1000, 1000), int)
    np.add.at(table, (y, z.argmax(axis=1)), 1)
    sure = np.flatnonzero(table.diagonal() > 0.9 * np.maximum(table.sum(0), table.sum(1)))
    a, b = sure[[0, -1]]
    order = np.arange(1000)
    order[[a, b]] = [b, a]
    found = hints(target=y, logits=z[:, order], classes=range(1000))
    only(found, "D25", "warning", f"'{b}' fits class '{a}', '{a}' fits class '{b}'; the")


def test_too_few_rows_of_a_class_say_nothing_of_its_column():
    z, y = known(1000, 0.95, rows=15_000)
    assert "D25" not in codes(target=y, logits=z[:, ORDERS["random"](1000)], classes=range(1000))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.76, 1.0])
def test_models_of_many_classes_that_know_their_columns(share):
    for classes in (110, 500):
        z, y = known(classes, share, rows=10_000)
        assert "D25" not in codes(target=y, logits=z, classes=range(classes))


def test_classes_that_a_model_never_learned_are_not_permuted():
    """Wolves are taken for huskies, whose column is right: or which have no rows."""
    _, y = known(200, 0.97, rows=10_000)
    wolves = np.arange(100, 120)
    for rows in (slice(None), y >= 100):
        like = np.where(np.isin(y, wolves), y - 100, y)[rows]
        taken = np.random.default_rng(0).normal(size=(len(like), 200))
        taken[np.arange(len(like)), like] += 9
        found = codes(target=y[rows], logits=taken, classes=range(200))
        assert "D25" not in found


def test_two_names_of_one_thing_are_not_permuted():
    z, y = known(200, 0.97, rows=20_000)
    for share in (0.5, 0.8, 1.0):
        # of each pair the first one is said
        pair = np.where(np.random.default_rng(0).random(len(y)) < share, y // 2 * 2, y)
        said = np.random.default_rng(1).normal(size=z.shape)
        said[np.arange(len(y)), pair] += 9
        assert "D25" not in codes(target=y, logits=said, classes=range(200))


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
def test_permuted_columns_are_seen_in_merged_states_alone(tmp_path):
    z, y = known(110, 0.9, rows=4000)
    z = z[:, ORDERS["random"](110)]
    names = {"classes": range(110)}
    # 12 rows of each class: too few in each part
    parts = [evaluate(target=y[k::3], logits=z[k::3], **names) for k in range(3)]
    assert not any(h.code == "D25" for part in parts for h in part.hints)
    paths = []
    for k, part in enumerate(parts):
        paths.append(tmp_path / f"{k}.xent")
        save_state(part, paths[-1])
    whole = evaluate(target=y, logits=z, **names)
    assert merge_states(paths[::-1]).hints == sum(parts[1:], parts[0]).hints == whole.hints
    assert [h.code for h in whole.hints] == ["D25"]


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
