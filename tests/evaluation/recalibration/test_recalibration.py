"""Recalibrations: what each method does to which rows, and what of it is kept as JSON."""

import json
import math

import numpy as np
import pytest
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

import xent
from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation import evaluate
from xent.evaluation.recalibration import Recalibration, fit_temperature

METHODS = ["temperature", "vector", "isotonic", "shift"]
LEAN = np.array([-0.7, 0.0, 0.7])


def rows(rng, n=1000, sure=2.0):
    """Targets and probabilities of three classes, too sure and leaning to the first."""
    z = rng.normal(size=(n, 3)) * 1.5
    p = softmax(z + LEAN, axis=1)
    target = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, 2)
    return target, softmax(sure * z, axis=1)


def label_rows(rng, n=1500):
    """Two labels and their probabilities, too sure and shifted."""
    s = rng.normal(size=(n, 2)) * 1.5
    labels = (rng.random((n, 2)) < expit(s + np.array([0.5, -1.0]))).astype(int)
    return labels, expit(s * [2.0, 0.7])


# what is fitted ----------------------------------------------------------------------------


def test_temperature_is_that_of_the_fit(rng):
    target, probs = rows(rng)
    r = xent.recalibrate((target, probs))
    fit = fit_temperature(np.log(probs), target)
    assert r.method == "temperature"
    # rows are sorted on the way, which the last bits of a sum may tell before they are cut
    assert r.scale == pytest.approx(fit.parameters["scale"], rel=1e-11)
    assert r.training.log_loss_before == evaluate((target, probs)).log_loss
    assert r.training.log_loss == pytest.approx(fit.loss, rel=1e-14)
    assert r.temperature == 1 / r.scale[0] > 1


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_that_it_says_is_what_evaluate_finds_after_it(rng, method):
    target, probs = rows(rng)
    r = xent.recalibrate((target, probs), method=method)
    after = evaluate((target, r.apply(probs)))
    assert r.training.log_loss == pytest.approx(after.log_loss, rel=1e-13)
    assert after.log_loss < r.training.log_loss_before
    assert r.apply(probs).sum(axis=1) == pytest.approx(np.ones(len(probs)), abs=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_logits_and_probabilities_are_recalibrated_alike(rng, method):
    target, probs = rows(rng)
    logits = np.log(probs) + rng.normal(size=(len(probs), 1))
    a = xent.recalibrate((target, probs), method=method)
    b = xent.recalibrate(target=target, logits=logits, method=method)
    assert b.apply(logits, given="logits") == pytest.approx(np.log(a.apply(probs)), abs=1e-6)


def test_vector_is_scale_and_bias(rng):
    target, probs = rows(rng)
    r = xent.recalibrate((target, probs), method="vector")
    eta = r.scale[0] * np.log(probs) + np.array(r.bias)
    assert r.apply(probs) == pytest.approx(softmax(eta, axis=1), rel=1e-12)
    assert r.scale[0] == pytest.approx(0.5, abs=0.06)
    assert np.array(r.bias) == pytest.approx(LEAN, abs=0.25)


def test_one_column_is_class_1_of_two(rng):
    s = rng.normal(size=800)
    target = (rng.random(800) < expit(s / 2 + 1)).astype(int)
    p = expit(s)
    r = xent.recalibrate((target, p), method="vector")
    platt = LogisticRegression(C=np.inf, tol=1e-10).fit(s[:, None], target)
    assert r.apply(p) == pytest.approx(platt.predict_proba(s[:, None])[:, 1], abs=1e-6)
    assert r.apply(s, given="logits") == pytest.approx(logit(r.apply(p)), abs=1e-9)
    two = np.stack([1 - p, p], axis=1)
    assert r.apply(two)[:, 1] == pytest.approx(r.apply(p), rel=1e-9)


def test_isotonic_of_two_classes_is_that_of_scikit_learn(rng):
    s = rng.normal(size=800)
    target = (rng.random(800) < expit(s / 2 + 1)).astype(int)
    r = xent.recalibrate((target, expit(s)), method="isotonic")
    theirs = IsotonicRegression(out_of_bounds="clip").fit(s, target).predict(s)
    assert r.apply(expit(s)) == pytest.approx((800 * theirs + 0.5) / 801, abs=1e-9)


def test_isotonic_mends_what_was_called_impossible():
    p = np.array([0.0] * 4 + [1.0] * 4)
    target = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    assert evaluate((target, p)).log_loss == math.inf
    r = xent.recalibrate((target, p), method="isotonic")
    assert r.apply([0.0, 1.0]) == pytest.approx([(8 * 0.25 + 0.5) / 9, (8 * 0.75 + 0.5) / 9])
    # scale and bias cannot: 0 stays 0
    sure = xent.recalibrate((np.append(target, [0, 1]), np.append(p, [0.4, 0.3])), method="vector")
    assert sure.apply([0.0, 1.0]).tolist() == [0.0, 1.0]
    assert sure.training.num_impossible == 2


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic", "shift"])
def test_labels_are_recalibrated_each_by_itself(rng, method):
    labels, probs = label_rows(rng)
    r = xent.recalibrate(labels=labels, probs=probs, task="multi", method=method)
    assert r.kind == "labels"
    after = evaluate(labels=labels, probs=r.apply(probs), task="multi")
    before = evaluate(labels=labels, probs=probs, task="multi")
    assert r.training.log_loss_before == pytest.approx(before.log_loss, rel=1e-13)
    assert r.training.log_loss == pytest.approx(after.log_loss, rel=1e-13)
    assert after.log_loss < before.log_loss
    if method == "vector":
        for j in range(2):
            s = logit(probs[:, j : j + 1])
            platt = LogisticRegression(C=np.inf, tol=1e-10).fit(s, labels[:, j])
            expected = platt.predict_proba(s)[:, 1]
            assert r.apply(probs)[:, j] == pytest.approx(expected, abs=1e-6)


def test_labels_that_no_fit_ends_for_are_left_and_said(rng):
    labels, probs = label_rows(rng)
    labels = np.column_stack([labels, np.zeros(len(labels), int), probs[:, 0] > 0.5])
    probs = np.column_stack([probs, probs[:, 0], probs[:, 0]])
    r = xent.recalibrate(labels=labels, probs=probs, task="multi", method="vector")
    assert (r.scale[2:], r.bias[2:]) == ((1.0, 1.0), (0.0, 0.0))
    notes = " ".join(r.training.notes)
    assert "always the same, so left as predicted: 2" in notes
    assert "separated, so left as predicted: 3" in notes
    assert r.apply(probs)[:, 2:] == pytest.approx(probs[:, 2:], rel=1e-12)


def test_a_class_never_true_keeps_its_probability(rng):
    target, three = rows(rng)
    spare = rng.random((len(target), 1)) * 0.3
    probs = np.hstack([three * (1 - spare), spare])
    r = xent.recalibrate((target, probs), method="vector", classes=["a", "b", "c", "d"])
    assert r.bias[3] == -math.inf
    assert r.training.notes == ("never true, so left as predicted: d",)
    found = r.apply(probs)
    assert found[:, 3] == pytest.approx(probs[:, 3], rel=1e-12)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(found)), abs=1e-14)
    inner = xent.recalibrate((target, three), method="vector").apply(three)
    assert found[:, :3] / found[:, :3].sum(axis=1, keepdims=True) == pytest.approx(inner, rel=1e-6)
    # a row that holds nothing else is left as it is
    assert r.apply([[0.0, 0.0, 0.0, 1.0]]).tolist() == [[0, 0, 0, 1]]


def test_a_probability_of_0_stays_0(rng):
    target, probs = rows(rng)
    r = xent.recalibrate((target, probs), method="vector")
    found = r.apply([[0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    assert found[:, 0].tolist() == [0, 0]
    assert found[1].tolist() == [0, 0, 1]


@pytest.mark.parametrize("method", METHODS)
def test_no_order_of_the_rows_is_seen(rng, method):
    target, probs = rows(rng)
    order = rng.permutation(len(target))
    a = xent.recalibrate((target, probs), method=method)
    b = xent.recalibrate((target[order], probs[order]), method=method)
    assert a == b
    c = xent.recalibrate((target[1:], probs[1:]), method=method)
    assert c.training.fingerprint != a.training.fingerprint


def test_a_weight_is_a_repetition(rng):
    target, probs = rows(rng, n=200)
    times = rng.integers(1, 4, size=200)
    a = xent.recalibrate((target, probs), weight=times.astype(float), method="vector")
    b = xent.recalibrate((np.repeat(target, times), np.repeat(probs, times, 0)), method="vector")
    assert a.bias == pytest.approx(b.bias, abs=1e-10)
    assert a.training.log_loss == pytest.approx(b.training.log_loss, rel=1e-13)


# what it says ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("power", [-900, -500, 190])
def test_weights_count_in_proportion(rng, method, power):
    target, probs = rows(rng, n=300)
    weight = rng.integers(1, 5, size=300).astype(float)
    # a power of 2 changes no digit, though squares of these weights are no doubles
    ours, scaled = (
        xent.recalibrate((target, probs), weight=w, method=method)
        for w in (weight, np.ldexp(weight, power))
    )
    assert (ours.scale, ours.bias, ours.curves) == (scaled.scale, scaled.bias, scaled.curves)
    assert ours.training.log_loss == pytest.approx(scaled.training.log_loss, rel=1e-15)
    assert ours.training.optimism == pytest.approx(scaled.training.optimism, nan_ok=True)


def test_it_says_what_it_does(rng):
    target, probs = rows(rng)
    text = str(xent.recalibrate((target, probs), method="vector", classes=["cat", "dog", "fox"]))
    assert "vector recalibration of 3 classes, fitted to 1,000 rows of arrays" in text
    assert "the scores were too sure" in text
    assert "odds times" in text
    assert "for 3 parameters fitted to these rows" in text
    assert "a heuristic" in str(xent.recalibrate((target, probs), method="isotonic"))


# what is kept ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_json_keeps_every_bit(rng, method, kind):
    if kind == "labels":
        labels, probs = label_rows(rng)
        r = xent.recalibrate(labels=labels, probs=probs, task="multi", method=method)
    else:
        target, probs = rows(rng)
        r = xent.recalibrate((target, probs), method=method)
    text = r.to_json()
    again = Recalibration.from_json(text)
    assert again.to_json() == text
    assert again.apply(probs).tobytes() == r.apply(probs).tobytes()
    assert len(text) < 100_000
    assert not {"NaN", "Infinity"} & set(text.split())


def test_json_of_a_class_never_true(rng):
    target, probs = rows(rng)
    r = xent.recalibrate((np.minimum(target, 1), probs), method="shift")
    assert json.loads(r.to_json())["bias"][2] is None
    assert Recalibration.from_json(r.to_json()).bias == r.bias


@pytest.fixture(scope="module")
def state():
    target, probs = rows(np.random.default_rng(1))
    return json.loads(xent.recalibrate((target, probs), method="vector").to_json())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 9}, "must have version 1, got 9; fit it again"),
        ({"format": "x"}, "must be JSON of a recalibration, got other JSON"),
        ({"format": None, "sum_nll": "0p0"}, "got summary"),
        ({"method": "magic"}, "method must be one of"),
        ({"kind": "rows"}, "kind must be classes or labels, got 'rows'"),
        ({"classes": ["a", "a", "b"]}, "classes must be different names"),
        ({"classes": ["a", "b"]}, "bias must be 2 numbers"),
        ({"scale": [-1.0]}, "scale must be 1 or 3 numbers of 0 or more"),
        ({"scale": []}, "scale must be 1 or 3 numbers"),
        ({"bias": [0.0, 1.0]}, "bias must be 3 numbers"),
        ({"bias": ["x", 0, 0]}, "no whole recalibration: could not convert"),
        ({"scale": None}, "no whole recalibration"),
        ({"method": "isotonic", "scale": [], "bias": []}, "it must have 3 curves, got 0"),
        (
            {"method": "isotonic", "scale": [], "bias": [],
             "curves": [{"logits": [0, 1], "probabilities": [0.5, 0.4]}] * 3},
            "probabilities of a curve must rise between 0 and 1",
        ),
        (
            {"method": "isotonic", "scale": [], "bias": [],
             "curves": [{"logits": [1, 1], "probabilities": [0.5, 0.6]}] * 3},
            "logits of a curve must rise",
        ),
    ],
)  # fmt: skip
def test_json_that_is_wrong_is_refused(state, change, message):
    with pytest.raises(SourceError, match=message):
        Recalibration.from_json(json.dumps({**state, **change}))


@pytest.mark.parametrize("name", ["classes", "training", "curves"])
def test_json_that_is_cut_is_refused(state, name):
    with pytest.raises(SourceError, match=f"'{name}' is missing"):
        Recalibration.from_json(json.dumps({n: v for n, v in state.items() if n != name}))


@pytest.mark.parametrize(
    ("text", "what"),
    [("", "text that is none"), ("{", "text that is none"), ("[1]", "other"), ("null", "other")],
)
def test_text_that_is_no_json_of_one_is_refused(text, what):
    with pytest.raises(SourceError, match=f"must be JSON of a recalibration, got {what} .*write"):
        Recalibration.from_json(text)


# bad input ---------------------------------------------------------------------------------


def test_rows_that_are_separated_are_refused():
    target, probs = np.array([0, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    for method in ("temperature", "vector"):
        with pytest.raises(XentValueError, match=r"separate the truth of all 3 rows.*without end"):
            xent.recalibrate((target, probs), method=method)
    r = xent.recalibrate((target, probs), method="isotonic")  # a curve has an end
    assert np.isfinite(r.training.log_loss)


def test_rows_of_one_class_are_refused():
    with pytest.raises(XentValueError, match=r"two classes at least .*, got 2 of class '1' alone"):
        xent.recalibrate(([1, 1], [[0.5, 0.5], [0.4, 0.6]]))


def test_rows_that_are_all_impossible_are_refused():
    with pytest.raises(XentValueError, match="probability 0 in all 2"):
        xent.recalibrate(([0, 1], [[0.0, 1.0], [1.0, 0.0]]))


def test_a_method_there_is_not():
    with pytest.raises(XentValueError, match=r"method must be one of .*, got 'platt'"):
        xent.recalibrate(([0, 1], [[0.5, 0.5], [0.4, 0.6]]), method="platt")


def test_log_probabilities_of_what_happened_are_refused():
    with pytest.raises(XentValueError, match="must be of classes or labels"):
        xent.recalibrate({"log_probs": np.array([-1.0, -2.0])}, target=None)


def test_rows_that_do_not_fit_are_refused(monkeypatch, rng):
    from xent.evaluation.recalibration import api

    monkeypatch.setattr(api, "MOST_SCORES", 100)
    with pytest.raises(XentValueError, match=r"at most 100 to be fitted in memory.*USING SAMPLE"):
        xent.recalibrate(rows(rng))


@pytest.mark.parametrize(
    ("predictions", "given", "message"),
    [
        (np.zeros((2, 2)), "probs", r"shape \(N, 3\), got \(2, 2\); the recalibration is of"),
        (np.zeros(2), "probs", r"shape \(N, 3\), got \(2,\)"),
        ([[0.5, 0.5, 2.0]], "probs", r"in \[0, 1\], got .* in row 0 .*say given='logits'"),
        ([[0.5, 0.5, 0.0]], "odds", "given must be 'probs' or 'logits'"),
        ([[0.2, 0.3, 0.5], [0, 0, 0]], "probs", r"sum to 1 .*, got 0.0 in row 1 \(1 such row\)"),
        ([[0.2, 0.3, 0.4]] * 2, "probs", r"sum to 1 .*, got 0.9 in row 0 \(2 such rows\); divide"),
        ([[0.2, math.nan, 0.5]], "probs", r"must be numbers, got .* in row 0"),
        ([[0.2, math.nan, 0.5]], "logits", r"must be numbers, got .* in row 0"),
        ([[0.2, math.inf, 0.5]], "logits", r"below \+inf, got .* in row 0"),
        ([[-math.inf] * 3], "logits", "above -inf for one class, got .* in row 0"),
    ],
)
def test_predictions_that_it_is_not_for(rng, predictions, given, message):
    r = xent.recalibrate(rows(rng))
    with pytest.raises(XentValueError, match=message):
        r.apply(predictions, given=given)


def test_predictions_of_any_library_are_read_and_words_refused(rng):
    target, probs = rows(rng)
    r = xent.recalibrate((target, probs))
    expected = r.apply(probs)
    torch = pytest.importorskip("torch")
    for given in (torch.tensor(probs, requires_grad=True), probs.astype(object), probs.tolist()):
        assert r.apply(given).tobytes() == expected.tobytes()
    with pytest.raises(XentTypeError, match="predictions must be numbers, got dtype <U1"):
        r.apply([["a", "b", "c"]])


def test_predictions_of_labels_and_of_one_column_need_no_sum(rng):
    r = xent.recalibrate(labels=label_rows(rng)[0], probs=label_rows(rng)[1], task="multi")
    certain = r.apply([[math.inf, -math.inf]], given="logits")
    assert certain.tolist() == [[math.inf, -math.inf]]
    assert np.isfinite(r.apply([[0.2, 0.2]])).all()
    with pytest.raises(XentValueError, match="must be numbers, got"):
        r.apply([[math.nan, 0.0]], given="logits")
    one = xent.recalibrate(([0, 1, 0, 1], [0.6, 0.4, 0.3, 0.8]))
    assert one.apply([-math.inf, 0.0], given="logits").tolist() == [-math.inf, 0.0]
    with pytest.raises(XentValueError, match="below \\+inf"):
        one.apply([math.inf], given="logits")


def test_rounded_probabilities_are_taken_where_that_is_said(rng):
    r = xent.recalibrate(rows(rng))
    rounded = np.array([[0.33, 0.33, 0.33]])
    assert r.apply(rounded, sum_tolerance=0.02) == pytest.approx(r.apply([[1 / 3] * 3]), rel=1e-12)
    with pytest.raises(XentValueError, match="allow more with sum_tolerance"):
        r.apply(rounded)


def test_other_classes_are_refused_by_name(rng):
    target, probs = rows(rng)
    r = xent.recalibrate((target, probs), classes=["cat", "dog", "fox"])
    assert r.order(["fox", "cat", "dog"]).tolist() == [1, 2, 0]
    with pytest.raises(XentValueError, match="got 2 classes without fox; name them in the order"):
        r.order(["cat", "dog"])
    with pytest.raises(XentValueError, match="without fox and also eel"):
        r.order(["cat", "dog", "eel"])


def test_log_softmax_is_normalised_with_classes_that_cannot_be():
    r = xent.recalibrate(([0, 1, 0, 1], [[0.6, 0.4], [0.3, 0.7], [0.4, 0.6], [0.2, 0.8]]))
    found = r.log_probs(np.array([[-np.inf, 0.0], [1000.0, 0.0]]))
    assert found[0].tolist() == [-np.inf, 0.0]
    assert found[1] == pytest.approx(log_softmax(r.scale[0] * np.array([1000.0, 0.0])), rel=1e-12)
