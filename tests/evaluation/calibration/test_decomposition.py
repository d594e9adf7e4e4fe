"""What the loss of a summary is made of, for every task."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit, log_softmax, softmax

from xent.errors import MisuseWarning, XentValueError
from xent.evaluation import Summary, evaluate
from xent.evaluation.calibration.decomposition import decompose, decompose_classes
from xent.evaluation.calibration.terms import POSSIBLE
from xent.report.page import html_page, page_of

EPS = np.finfo(np.float64).eps


def class_rows(n, classes, scale=1.0, seed=0):
    """Return probabilities of classes, and classes drawn from their scaled logits."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n, classes))
    drawn = rng.random((n, 1)) < softmax(scale * logits, axis=1).cumsum(1)
    return logits, drawn.argmax(1)


def label_rows(n, labels, seed=0):
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n, labels))
    slope = np.linspace(0.5, 1.5, labels)
    return expit(logits), (rng.random((n, labels)) < expit(slope * logits)).astype(int)


def binary_rows(n, slope=1.0, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    logit = 1.5 * rng.normal(size=n)
    return expit(logit), (rng.random(n) < expit(slope * logit + shift)).astype(int)


def by_temperature(target, logits):
    """Return the decomposition of all classes, and make no draws for another."""
    (found,) = decompose(replace(evaluate(target=target, logits=logits).summary, cells=None))
    return found


def closes(d, loss, atol=None):
    terms = d.uncertainty, d.resolution, d.miscalibration
    u, r, m = (t.value for t in terms)
    atol = 4 * EPS * max(u, r, m, loss) if atol is None else atol
    assert d.log_loss == loss
    assert_allclose(u - r + m + d.remainder, loss, rtol=0, atol=atol)
    u, r, m = (t.corrected for t in terms)
    if np.isfinite(m):
        assert_allclose(u - r + m + d.remainder, loss, rtol=0, atol=10 * EPS * max(u, r, m, loss))


@pytest.mark.parametrize("unit", ["nat", "bit"])
@pytest.mark.parametrize("weighted", [False, True])
def test_two_classes(unit, weighted):
    p, y = binary_rows(800, slope=0.6)
    weight = np.random.default_rng(1).gamma(2.0, size=800) if weighted else None
    e = evaluate(target=y, probs=p, weight=weight, unit=unit)
    (d,) = e.decomposition
    assert (d.kind, d.name) == ("isotonic", "class 1")
    closes(d, e.log_loss)
    assert_allclose(d.uncertainty.value, e.frequency_log_loss, rtol=1e-12)
    assert d.miscalibration.p_value < 0.05
    assert d.num_rows == 800 if weight is None else d.num_rows < 800
    assert e.by_class_decomposition == []


@pytest.mark.parametrize("weighted", [False, True])
def test_several_classes_by_temperature(weighted):
    logits, y = class_rows(3000, 5, scale=0.7)
    weight = np.random.default_rng(1).gamma(4.0, size=3000) if weighted else None
    e = evaluate(target=y, logits=logits, weight=weight)
    whole, top = e.decomposition
    assert (whole.kind, whole.name) == ("temperature", "all classes")
    closes(whole, e.log_loss)
    assert whole.uncertainty.value == e.frequency_log_loss
    assert whole.miscalibration.value == pytest.approx(e.temperature.gain, abs=4 * EPS)
    assert whole.miscalibration.null == pytest.approx(1 / (2 * whole.num_rows))
    assert whole.miscalibration.p_value < 1e-6
    assert whole.miscalibration.low > 0.01
    assert whole.remainder == 0
    assert (top.kind, top.name) == ("isotonic", "top label")
    closes(top, top.log_loss)
    hit = logits.argmax(1) == y
    share = np.average(hit, weights=weight)
    assert_allclose(top.uncertainty.value, stats.bernoulli(share).entropy(), rtol=1e-12)


def test_one_class_against_the_rest_is_a_diagnostic():
    logits, y = class_rows(2000, 4, scale=0.6)
    e = evaluate(target=y, logits=logits)
    found = e.by_class_decomposition
    assert [d.name for d in found] == list(e.summary.classes)
    for k, d in enumerate(found):
        closes(d, d.log_loss)
        q = softmax(logits, axis=1)[:, k]
        exact = -np.where(y == k, np.log(q), np.log1p(-q)).mean()
        # forecasts are known to their cells: the bound covers it, by far
        assert abs(d.log_loss - exact) < min(d.grid_cost, 1e-3)
        assert "does not add up" in d.note


@pytest.mark.parametrize("weighted", [False, True])
def test_labels_add_up(weighted):
    p, y = label_rows(600, 4)
    weight = np.random.default_rng(1).gamma(4.0, size=600) if weighted else None
    e = evaluate(labels=y, probs=p, weight=weight, task="multi")
    (whole,) = e.decomposition
    assert whole.name == "all labels"
    closes(whole, e.log_loss, atol=1e-14)
    assert_allclose(whole.uncertainty.value, e.frequency_log_loss, rtol=1e-12)
    assert len(e.by_class_decomposition) == 4
    for name in ("log_loss", "uncertainty", "resolution", "miscalibration"):
        parts = [getattr(d, name) for d in e.by_class_decomposition]
        of = getattr(whole, name)
        values = parts if name == "log_loss" else [t.value for t in parts]
        assert_allclose(of if name == "log_loss" else of.value, np.mean(values), rtol=1e-12)
    for d, row in zip(e.by_class_decomposition, e.classes, strict=True):
        closes(d, row.log_loss)


def test_impossible_rows():
    p, y = binary_rows(100)
    p[0], y[0] = 0.0, 1
    d, _ = evaluate(target=y, probs=p).decomposition
    assert d.log_loss == d.miscalibration.value == np.inf
    logits, y = class_rows(200, 3)
    logits[7, y[7]] = -np.inf
    e = evaluate(target=y, logits=logits)
    whole = e.decomposition[0]
    # no temperature repairs it: the terms are those of the other rows
    assert whole.log_loss == whole.remainder == np.inf
    u, r, m = whole.uncertainty.value, whole.resolution.value, whole.miscalibration.value
    assert_allclose(u - r + m, e.finite_log_loss, rtol=4 * EPS)


@pytest.mark.parametrize("weight", [None, [2.0, 3.0, 2.0, 3.0]])
def test_rows_that_are_all_impossible(weight):
    e = evaluate(target=[0, 1, 0, 1], probs=[1.0, 0.0, 1.0, 0.0], weight=weight)
    (d,) = e.decomposition
    assert d.log_loss == d.miscalibration.value == d.miscalibration.corrected == np.inf
    assert d.num_rows == 4
    assert np.isfinite([d.uncertainty.corrected, d.resolution.corrected]).all()


def test_impossible_rows_count_among_the_rows():
    p, y = binary_rows(100)
    p[:10], y[:10] = 0.0, 1
    d, _ = evaluate(target=y, probs=p).decomposition
    assert d.num_rows == 100
    d, _ = evaluate(target=y, probs=p, weight=np.full(100, 3.0)).decomposition
    assert d.num_rows == pytest.approx(100)
    # what is impossible outweighs all else, and is still not more than its rows
    weight = np.where(np.arange(100) < 10, 1e12, 1.0)
    d, _ = evaluate(target=y, probs=p, weight=weight).decomposition
    assert d.num_rows <= 100 * (1 + 1e-12)


def test_what_a_clip_adds_is_told_apart():
    logits, y = class_rows(200, 3)
    logits[7, y[7]] = -np.inf
    without = np.delete(np.arange(200), 7)
    e = evaluate(target=y, logits=logits, zero="clip:1e-6")
    rest = evaluate(target=y[without], logits=logits[without])
    whole = e.decomposition[0]
    closes(whole, e.log_loss)
    assert whole.miscalibration.value == pytest.approx(rest.temperature.gain, rel=1e-9)
    assert_allclose(whole.remainder, e.log_loss - rest.log_loss, rtol=1e-9)
    assert f"+ {whole.remainder:.4f} what the clip" in str(e)


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
@pytest.mark.parametrize("clip", [0.01, 0.4, 0.9])
@pytest.mark.parametrize("labels", [False, True])
def test_a_clip_does_not_take_miscalibration_below_0(clip, labels):
    # forecasts in two cells, each its frequency's: calibrated until the clip
    p = np.repeat([0.005, 0.75], [400, 100])
    y = np.concatenate([np.arange(400) < 2, np.arange(100) < 75]).astype(int)
    said = {"target": None, "labels": y[:, None], "task": "multi"} if labels else {"target": y}
    e = evaluate(probs=p[:, None] if labels else p, zero=f"clip:{clip}", **said)
    whole = e.decomposition[0]
    closes(whole, e.log_loss)
    # of forecasts between the clip and 1 - clip, which sum to 1, as far as cells tell them
    kept = np.clip(p, clip, None), np.clip(1 - p, clip, None)
    proper = np.maximum(-np.log(np.where(y == 1, *kept)), -math.log1p(-clip))
    spared = proper.mean() - e.log_loss
    assert spared > 0
    assert whole.remainder == pytest.approx(-spared, rel=1 / 16)
    isotonic = whole.uncertainty.value - whole.resolution.value
    assert whole.miscalibration.value == pytest.approx(proper.mean() - isotonic, abs=spared / 16)
    assert whole.miscalibration.value >= 0
    assert re.search(r"- +\d\.\d+ what the clip of small probabilities changes", str(e))
    assert "Clip of small probabilities" in html_page(e)


def test_a_clip_that_changes_no_loss_changes_no_term():
    p, y = np.tile([0.25, 0.75], 20), np.tile([0, 1], 20)
    as_they_are, clipped = (evaluate((y, p), zero=z).decomposition for z in ("inf", "clip:0.1"))
    assert as_they_are == clipped


def test_the_interval_of_the_temperature_term_covers():
    # what scaling by 0.8 loses, of a population of logits
    logits, _ = class_rows(200_000, 4)
    p = softmax(0.8 * logits, axis=1)
    truth = -(p * (log_softmax(logits, axis=1) - log_softmax(0.8 * logits, axis=1))).sum(1).mean()
    found = [
        by_temperature(y, z) for z, y in (class_rows(600, 4, 0.8, seed) for seed in range(150))
    ]
    terms = [d.miscalibration for d in found]
    assert np.mean([t.low <= truth <= t.high for t in terms]) > 0.95 - 3 * np.sqrt(0.0475 / 150)
    corrected = np.array([t.corrected for t in terms])
    assert_allclose(corrected.mean(), truth, rtol=0, atol=4 * corrected.std() / np.sqrt(150))
    # the others, of the population that the rows are drawn from
    entropy = np.log(4)
    resolution = entropy - (-(p * log_softmax(0.8 * logits, axis=1)).sum(1).mean())
    for name, value in (("uncertainty", entropy), ("resolution", resolution)):
        terms = [getattr(d, name) for d in found]
        assert np.mean([t.low <= value <= t.high + 1e-3 for t in terms]) > 0.89


def test_the_null_of_the_temperature_term_is_wilks():
    found = [
        by_temperature(y, z) for z, y in (class_rows(300, 4, 1.0, seed) for seed in range(200))
    ]
    p = [d.miscalibration.p_value for d in found]
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    values = np.array([d.miscalibration.value for d in found])
    null = found[0].miscalibration.null
    assert_allclose(values.mean(), null, rtol=0, atol=4 * values.std() / np.sqrt(200))


def resolutions_without_information(n, shares, seeds, scale=1.5):
    """The terms of temperature, vector and shift where truths do not depend on scores."""
    found = {"temperature": [], "vector": [], "shift": []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        logits = scale * rng.normal(size=(n, len(shares))) + np.log(shares)
        y = rng.choice(len(shares), size=n, p=shares)
        e = evaluate(target=y, logits=logits)
        for d in (e.decomposition[0], *e.row_decomposition):
            found[d.kind].append(d)
    return found


@pytest.mark.parametrize("shares", [(0.25,) * 4, (0.6, 0.3, 0.1)])
def test_the_null_of_resolution_is_a_chi_square_that_ends(shares):
    n, seeds = 250, 240
    found = resolutions_without_information(n, shares, seeds)
    vector = [d.resolution for d in found["vector"]]
    assert {t.null for t in vector} == {1 / (4 * n)}
    values = np.array([t.value for t in vector])
    assert_allclose(values.mean(), 1 / (4 * n), atol=4 * values.std() / np.sqrt(seeds))
    p = np.array([t.p_value for t in vector])
    # half of the samples know less than nothing: the best scale is 0
    assert abs(np.mean(p == 1) - 0.5) < 4 * 0.5 / np.sqrt(seeds)
    assert stats.kstest(2 * p[p < 1], "uniform").pvalue > 1e-3
    # what has no biases, or no scale, reaches no more
    for kind in ("temperature", "shift"):
        assert {d.resolution.null for d in found[kind]} == {1 / (4 * n)}
        for d, more in zip(found[kind], vector, strict=True):
            # a temperature below the smallest that is summed is known to its cubic
            assert d.resolution.value <= more.value + 1e-9
            assert d.resolution.p_value >= more.p_value - 1e-3


def test_what_a_model_knows_is_not_by_chance():
    logits, y = class_rows(200, 4)
    e = evaluate(target=y, logits=logits)
    for d in (e.decomposition[0], *e.row_decomposition):
        assert d.resolution.p_value < 1e-9
        assert d.resolution.null == 1 / 800
        assert d.resolution.low < d.resolution.corrected < d.resolution.high


def test_a_model_that_knows_less_than_nothing_is_told_so():
    logits, y = class_rows(200, 4)
    e = evaluate(target=y, logits=-logits)
    found = e.decomposition[0].resolution
    assert found.value < 0
    assert found.p_value == 1
    assert "a model that knows nothing would show" not in str(e).replace("\n", " ")


def test_a_resolution_that_chance_shows_too_is_told_so():
    rng = np.random.default_rng(13)
    y = rng.integers(3, size=300)
    e = evaluate(target=y, logits=0.05 * rng.normal(size=(300, 3)) + np.log(np.bincount(y) / 300))
    found = e.decomposition[0].resolution
    assert found.value > 0
    assert 0.05 < found.p_value <= 0.5
    assert found.null == 1 / 1200
    assert "(a model that knows nothing would show up to 0.001 too)" in str(e)


def test_what_has_no_classes_has_no_parts():
    e = evaluate(log_probs=np.array([-0.1, -2.0]))
    assert e.decomposition == e.by_class_decomposition == []
    assert e.temperature is e.shift is None
    with pytest.raises(XentValueError, match="needs predictions of classes"):
        e.reliability()
    assert "decomposition" not in e.to_dict()


def test_reliability_by_name_and_by_place():
    logits, y = class_rows(300, 3)
    e = evaluate(target=y, logits=logits)
    assert e.reliability("1").curve.weight.sum() == 300
    assert_allclose(e.reliability(1).curve.frequency, e.reliability("1").curve.frequency)
    assert e.reliability().name == e.reliability(-1).name == e.summary.cells.groups[-1]
    for wrong in ("none", 4, -5):
        with pytest.raises(XentValueError, match="group must be one of"):
            e.reliability(wrong)


def test_everything_is_computed_once_and_is_json():
    logits, y = class_rows(300, 3, 0.5)
    e = evaluate(target=y, logits=logits)
    assert e.decomposition is e.decomposition
    assert e.temperature is e.temperature
    numbers = json.loads(json.dumps(e.to_dict(), default=str))
    assert numbers["decomposition"][0]["miscalibration"]["null"] == pytest.approx(1 / 600)
    assert len(numbers["by_class_decomposition"]) == 3
    assert numbers["temperature"]["gain_bounds"][0] <= numbers["temperature"]["gain"]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", ["binary", "classes", "labels"])
def test_a_split_cannot_be_seen(task, weighted):
    rng = np.random.default_rng(2)
    if task == "binary":
        p, y = binary_rows(300, slope=0.7)
        sources = {"target": y, "probs": p}
    elif task == "classes":
        logits, y = class_rows(300, 4)
        sources = {"target": y, "logits": logits}
    else:
        p, y = label_rows(300, 3)
        sources = {"labels": y, "probs": p}
    if weighted:
        sources["weight"] = rng.gamma(2.0, size=300)
    options = {"classes": [str(k) for k in range(4)]} if task == "classes" else {}
    whole = evaluate(**sources, **options)
    part = rng.integers(0, 3, size=300)
    merged = sum(
        (
            evaluate(**{name: a[part == i] for name, a in sources.items()}, **options).summary
            for i in (2, 0, 1)
        ),
        Summary(),
    )
    again = replace(whole, summary=merged)
    for name in ("decomposition", "by_class_decomposition", "temperature", "shift"):
        assert getattr(again, name) == getattr(whole, name)
        assert getattr(again, name) is not getattr(whole, name) or getattr(whole, name) is None
    assert again.reliability().bins == whole.reliability().bins


def test_groups_that_are_too_many_are_not_kept_apart():
    logits, y = class_rows(60, 2100)
    e = evaluate(target=y, logits=logits)
    assert [d.name for d in e.decomposition] == ["all classes", "top label"]
    assert e.by_class_decomposition == []
    p, y = label_rows(30, 2100)
    e = evaluate(labels=y, probs=p, task="multi")
    (whole,) = e.decomposition
    closes(whole, e.log_loss)
    assert whole.name == "all labels"
    assert "too many" in whole.note
    # of all decisions together, which is more than the mean of the labels' own
    assert_allclose(whole.uncertainty.value, stats.bernoulli(y.mean()).entropy(), rtol=1e-12)
    assert e.by_class_decomposition == []


@pytest.mark.parametrize("size", [1e15, 1e-21])
def test_weights_that_do_not_fit_into_cells_leave_calibration_out_and_say_so(size):
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 60)
    target = (p.cumsum(axis=1) > rng.random((60, 1))).argmax(axis=1)
    weight = 1.0 + np.arange(60) % 3
    plain = evaluate(target=target, probs=p, weight=weight)
    assert not plain.warnings
    assert plain.by_class_decomposition
    with pytest.warns(MisuseWarning, match="divide all of them"):
        e = evaluate(target=target, probs=p, weight=weight * size)
    assert e.log_loss == pytest.approx(plain.log_loss, rel=1e-12)
    assert [d.name for d in e.decomposition] == [plain.decomposition[0].name]
    assert e.by_class_decomposition == []
    assert "calibration is left out" in str(e)
    assert "<html" in html_page(e)


@pytest.mark.parametrize(("labels", "columns"), [(False, 2), (True, 3)])
def test_weights_of_two_classes_and_labels_that_do_not_fit_into_cells(labels, columns):
    rng = np.random.default_rng(1)
    p = rng.random((50, columns))
    truth = {"labels": (rng.random((50, 3)) < p).astype(int)} if labels else {}
    if not labels:
        truth, p = {"target": (rng.random(50) < p[:, 0]).astype(int)}, p[:, 0]
    with pytest.warns(MisuseWarning, match="divide all of them"):
        e = evaluate(probs=p, weight=np.full(50, 1e13), **truth)
    assert e.decomposition == []
    assert e.shift is None
    with pytest.raises(XentValueError, match="without their cells"):
        e.reliability()
    assert "<html" in html_page(e)


@pytest.mark.parametrize("kind", ["two classes", "classes", "labels", "one outcome"])
def test_intervals_of_the_parts_have_the_level_that_was_asked_for(kind):
    given = {
        "two classes": lambda: dict(zip(("probs", "target"), binary_rows(400), strict=True)),
        "classes": lambda: dict(zip(("logits", "target"), class_rows(400, 3), strict=True)),
        "labels": lambda: dict(zip(("probs", "labels"), label_rows(400, 2), strict=True)),
        "one outcome": lambda: {"probs": np.full(40, 0.1), "target": np.zeros(40, int)},
    }[kind]()
    if kind == "labels":
        given["task"] = "multi"
    levels = (0.5, 0.95, 0.99)
    each = [evaluate(**given, level=level) for level in levels]
    for names in ("decomposition", "row_decomposition", "by_class_decomposition"):
        for ds in zip(*(getattr(e, names) for e in each), strict=True):
            for part in ("uncertainty", "resolution", "miscalibration"):
                terms = [getattr(d, part) for d in ds]
                assert len({(t.value, t.corrected, t.p_value) for t in terms}) == 1
                lows, highs = [t.low for t in terms], [t.high for t in terms]
                if None in lows:
                    assert lows == highs == [None] * 3
                    continue
                assert lows == sorted(lows, reverse=True)
                assert highs == sorted(highs)
                assert highs[0] - lows[0] < highs[2] - lows[2]


def test_normal_intervals_of_the_parts_are_as_wide_as_their_level_says():
    logits, target = class_rows(500, 3)
    narrow, wide = (
        evaluate(target=target, logits=logits, level=level).decomposition[0].uncertainty
        for level in (0.5, 0.9)
    )
    expected = stats.norm.ppf(0.95) / stats.norm.ppf(0.75)
    assert_allclose((wide.high - wide.low) / (narrow.high - narrow.low), expected, rtol=1e-9)


def test_a_level_that_the_draws_do_not_reach_has_no_interval():
    p, y = binary_rows(400)
    (d,) = evaluate((y, p), level=0.9999).decomposition
    assert d.replicates == 1000
    assert d.miscalibration.low is None
    assert d.miscalibration.p_value is not None


def test_the_least_that_sure_forecasts_can_have_cost():
    # two wrong rows beyond the cells: 27.6 nats, where the last cell knows of 22.1
    rng = np.random.default_rng(7)
    p = rng.dirichlet(np.ones(3), size=400)
    target = p.argmax(1)
    target[:150] = rng.integers(3, size=150)
    p[:2] = [[1 - 2e-12, 1e-12, 1e-12]] * 2
    target[:2] = 1
    summary = evaluate(target=target, probs=p).summary
    top = decompose(summary)[-1]
    q, right = p.max(1), p.argmax(1) == target
    exact = -np.log(np.where(right, q, 1 - q)).mean()
    least = -np.log(np.where(right, q, np.maximum(1 - q, 2.0**-32))).mean()
    assert top.is_least
    assert top.miscalibration.high is None
    assert top.log_loss <= least < exact
    assert_allclose(top.log_loss, least, rtol=0.05)
    closes(top, top.log_loss)


def test_a_class_that_was_called_impossible_loses_without_end():
    p, target = np.tile([0.5, 0.25, 0.25], (60, 1)), np.arange(60) % 3
    p[1] = [0.5, 0.0, 0.5]
    a, b, c = decompose_classes(evaluate(target=target, probs=p).summary)
    assert b.log_loss == b.miscalibration.value == math.inf
    assert b.miscalibration.p_value == 0
    assert max(a.log_loss, c.log_loss) < 1
    assert not any(d.is_least for d in (a, b, c))


@pytest.mark.parametrize("form", ["classes", "labels"])
@pytest.mark.parametrize("weighted", [False, True])
def test_possible_rows_have_the_parts_and_the_shifts_that_they_have_alone(form, weighted):
    # some of the others cost 27 nats, and are in the cell of the impossible ones
    rng = np.random.default_rng(11)
    q = expit(1.5 * rng.normal(size=(2000, 3)))
    y = (rng.random((2000, 3)) < expit(0.7 * np.log(q / (1 - q)) + 0.4)).astype(int)
    q[:20, 1], y[:20, 1] = 0.0, 1
    q[20:30, 1], y[20:30, 1] = np.linspace(1e-12, 2e-12, 10), 1
    weight = rng.integers(1, 9, size=2000) / 8 if weighted else np.ones(2000)

    def judged(rows):
        rest = {"weight": weight[rows]} if weighted else {}
        if form == "labels":
            return evaluate(labels=y[rows], probs=q[rows], task="multi", **rest)
        return evaluate((y[rows, 1], q[rows, 1]), **rest)

    together, alone = judged(np.arange(2000)), judged(np.arange(20, 2000))
    whole, possible = decompose(together.summary)
    (others,) = decompose(alone.summary)
    assert whole.log_loss == math.inf
    assert possible.name == POSSIBLE
    for term in ("uncertainty", "resolution", "miscalibration"):
        ours, theirs = (list(vars(getattr(d, term)).values()) for d in (possible, others))
        assert_allclose(np.array(ours, float), np.array(theirs, float), rtol=1e-12)
    closes(possible, together.finite_log_loss, 1e-12)
    assert together.shift == alone.shift
    assert together.label_shifts == alone.label_shifts
    assert "  without the impossible rows\n  log loss 0." in str(together)
    shown = [w for w in page_of(together).waterfalls if w.possible_only]
    assert [w.score for w in shown] == [pytest.approx(together.finite_log_loss)]


def test_no_row_is_possible():
    (d,) = decompose(evaluate(([1, 1], [0.0, 0.0])).summary)
    assert d.log_loss == math.inf


def test_weights_that_add_to_more_than_a_cell_holds_are_told_of():
    target = np.tile([0, 1], 50)
    e = evaluate(target=target, probs=np.where(target, 0.9, 0.1), weight=np.full(100, 2.0**40))
    for doubled in range(1, 30):
        e = replace(e, summary=e.summary + e.summary)
        assert e.log_loss == pytest.approx(-math.log(0.9), rel=1e-12)
        # all rows have one loss, so that one cell holds all of them
        fits = 100 * 2 ** (40 + doubled) < 2**64
        assert (e.worst_share is not None) == fits
        assert fits == (not e.warnings)
        assert fits or "add to less than 2**64 where they are counted together" in e.warnings[0]
