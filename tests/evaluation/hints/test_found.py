"""Each hint where it must speak, and where it must not: a false alarm is worse than silence."""

import warnings

import numpy as np
import pytest

from xent.errors import MisuseWarning
from xent.evaluation import Evaluation, evaluate

ROWS = 2000


def calibrated(classes=5, sharp=3.0, rows=ROWS, seed=0):
    """Return predictions and a truth drawn from them: a model that knows what it knows."""
    rng = np.random.default_rng(seed)
    q = softmax(sharp * rng.normal(size=(rows, classes)))
    return q, (q.cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def hints(*arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MisuseWarning)
        return evaluate(*arguments, **options).hints


def codes(*arguments, **options):
    return [hint.code for hint in hints(*arguments, **options)]


def only(found, code, severity, *words):
    """Assert that one hint was given, and what it says."""
    assert [(h.code, h.severity) for h in found] == [(code, severity)]
    for word in words:
        assert word in str(found[0])


@pytest.mark.parametrize("classes", [2, 3, 10, 64, 65])
@pytest.mark.parametrize("sharp", [0.3, 1.0, 3.0])
def test_a_calibrated_model_gets_no_hint(classes, sharp):
    for seed in range(3):
        q, y = calibrated(classes, sharp, seed=seed)
        assert codes((y, q)) == []


def test_few_rows_get_no_hint():
    q, y = calibrated(rows=40)
    assert codes((y, q[:, [1, 2, 0, 3, 4]])) == []
    assert codes((y, np.full((40, 5), 0.2))) == []


# permuted columns, D25 ----------------------------------------------------------------------


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


# twice through a softmax, D04 ---------------------------------------------------------------


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


# constant predictions, D12 ------------------------------------------------------------------


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


def test_nearly_constant_predictions_are_not_constant():
    _, y = calibrated(3)
    p = np.tile([0.5, 0.25, 0.25], (ROWS, 1))
    p[7] = [0.2, 0.5, 0.3]
    assert not any("same" in str(h) for h in hints((y, p)))
    # a class that neither happens nor is predicted
    q, y = calibrated(3)
    assert codes((y, np.column_stack([q, np.zeros(ROWS)]))) == []


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
    assert "where the scores still rank the classes (area under the ROC curve 0." in found[0].fix


# no better than the frequencies, D12 --------------------------------------------------------


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


# clipped before, D31 ------------------------------------------------------------------------


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


# classes that are missing, D34 --------------------------------------------------------------


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


def test_a_class_that_is_never_predicted():
    q, y = calibrated(3, 12.0)
    q = q @ [[0.3, 0.35, 0.35], [0, 1, 0], [0, 0, 1]]
    assert not (q.argmax(axis=1) == 0).any()
    found = hints((y, q))
    only(found, "D34", "note", f"true in {np.sum(y == 0)} rows", "while 97% of the other rows")


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


# few rows with most of the loss, D19 --------------------------------------------------------


def test_few_rows_make_most_of_the_loss():
    y = np.arange(5000) % 2
    p = np.where(y == 1, 0.99, 0.01)
    p[[10, 20, 30]] = np.where(y[[10, 20, 30]] == 1, 1e-30, 1 - 1e-15)
    p[100:140] = np.where(y[100:140] == 1, 0.01, 0.99)
    found = hints((y, p))
    loss = np.sort(-np.log(np.where(y == 1, p, 1 - p)))
    part = loss[-50:].sum() / loss.sum()
    only(found, "D19", "note", f"rows that cost most (50) make {part:.0%} of the loss", "rows 10 (")
    # more rows than are kept: bounded by their cells
    many = hints((np.tile(y, 4), np.tile(p, 4)))
    only(many, "D19", "note", "most (200) make at least ")
    least = float(many[0].found.split("least ")[1].split("%")[0]) / 100
    assert part - 0.12 < least <= part + 0.005


def test_losses_of_one_size_are_not_concentrated():
    y = np.arange(5000) % 2
    assert codes((y, np.where(y == 1, 0.8, 0.2))) == []
    q, y = calibrated(3, 5.0, rows=5000)
    assert codes((y, q)) == []
    assert "D19" not in codes((y, q), weight=np.where(y == 0, 50.0, 1.0))


# how they are told --------------------------------------------------------------------------


def test_warnings_are_warned_and_notes_are_not():
    q, y = calibrated()
    with pytest.warns(MisuseWarning, match="D25: the columns look permuted"):
        result = evaluate((y, q[:, [1, 2, 0, 3, 4]]))
    assert result.warnings == [str(result.hints[0])]
    assert "  warning D25: the columns look permuted" in str(result)
    assert result.to_dict()["hints"][0]["code"] == "D25"
    random = evaluate((y, np.random.default_rng(0).dirichlet(np.ones(5), ROWS)))
    assert random.warnings == []
    assert "  worth a look\n    D12: the predictions do not rank" in str(random)


def test_hints_do_not_depend_on_how_rows_are_split():
    q, y = calibrated()
    q = q[:, [1, 2, 0, 3, 4]]
    with pytest.warns(MisuseWarning):
        whole = evaluate((y, q))
    order = np.random.default_rng(0).permutation(ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [evaluate((y[i], q[i])).summary for i in np.array_split(order, 7)]
    merged = parts[3]
    for part in parts[:3] + parts[4:]:
        merged = part + merged
    assert merged.evidence == whole.summary.evidence
    assert Evaluation(merged).hints == whole.hints
    text = merged.to_json()
    assert type(merged).from_json(text).evidence == merged.evidence


def test_evidence_is_of_the_rows_that_count():
    q, y = calibrated(3, rows=500)
    right = evaluate((y[:400], q[:400])).summary.evidence
    bad = q.copy()
    bad[400:] = [1, 0, 0]
    weight = np.where(np.arange(500) < 400, 2.0, 0.0)
    assert evaluate((y, bad), weight=weight).summary.evidence == right
    ignored = np.where(np.arange(500) < 400, y, 99)
    assert evaluate((ignored, bad), ignore=99).summary.evidence == right
    bad[400:] = np.nan
    assert evaluate((y, bad), nan="exclude").summary.evidence == right
    table = np.zeros((3, 3), int)
    np.add.at(table, (y[:400], q[:400].argmax(axis=1)), 1)
    assert (right.table == table).all()
    assert right.low == tuple(q[:400].min(axis=0))
    assert right.high == tuple(q[:400].max(axis=0))
    columns = {"y": y[:400], **{f"p_{j}": q[:400, j] for j in range(3)}}
    assert evaluate(columns).summary.evidence == right
