"""Vector scaling and prior shift as parts of an evaluation of many classes."""

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import log_softmax, softmax

from xent.evaluation import evaluate, sample
from xent.evaluation.recalibration import fit_shift, fit_vector
from xent.evaluation.state import load_state, save_state
from xent.report.page import html_page


def rows(rng, n=600, classes=4):
    z = rng.normal(size=(n, classes)) * 1.5
    p = softmax(z + np.linspace(-0.5, 0.5, classes), axis=1)
    target = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, classes - 1)
    return target, softmax(2 * z, axis=1)


def closes(d):
    parts = d.uncertainty.value - d.resolution.value + d.miscalibration.value + d.remainder
    return parts == pytest.approx(d.log_loss, rel=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_terms_are_those_of_the_fits_and_add_up(rng, weighted):
    target, probs = rows(rng)
    weight = rng.integers(1, 4, size=len(target)) / 2 if weighted else None
    e = evaluate((target, probs), weight=weight)
    assert [d.kind for d in e.row_decomposition] == ["vector", "shift"]
    for d, fit in zip(e.row_decomposition, (fit_vector, fit_shift), strict=True):
        found = fit(np.log(probs), target, weight)
        assert closes(d)
        assert d.miscalibration.value == pytest.approx(found.gain, rel=1e-11)
        assert d.miscalibration.null == pytest.approx(found.optimism, rel=1e-12)
        assert d.log_loss == e.log_loss
        assert d.remainder == pytest.approx(0, abs=1e-15)
    vector, shift = e.row_decomposition
    assert vector.miscalibration.value > shift.miscalibration.value > 0
    assert vector.miscalibration.p_value < 1e-6


def test_files_logits_and_orders_give_the_same_bits(rng, tmp_path):
    from pyarrow import parquet

    target, probs = rows(rng)
    table = pa.table({"y": target, **{f"p_{j}": probs[:, j] for j in range(4)}})
    parquet.write_table(table, tmp_path / "a.parquet")
    parquet.write_table(table.take(rng.permutation(len(target))), tmp_path / "b.parquet")
    halves = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    parquet.write_table(table.slice(0, 200), halves[0])
    parquet.write_table(table.slice(200), halves[1])
    arrays = evaluate((target, probs)).row_terms
    for source in (tmp_path / "a.parquet", tmp_path / "b.parquet", list(map(str, halves))):
        assert evaluate(source).row_terms == arrays


def test_units(rng):
    target, probs = rows(rng)
    nats, bits = evaluate((target, probs)), evaluate((target, probs), unit="bit")
    for a, b in zip(nats.row_decomposition, bits.row_decomposition, strict=True):
        assert b.miscalibration.value == pytest.approx(a.miscalibration.value / math.log(2))


def test_a_state_keeps_them_and_a_merge_has_none(rng, tmp_path):
    target, probs = rows(rng)
    e = evaluate((np.minimum(target, 2), probs))
    save_state(e, tmp_path / "a.xent")
    again = load_state(tmp_path / "a.xent")
    assert again.row_terms == e.row_terms
    assert again.row_terms.vector.parameters["bias"][3] == -math.inf
    assert (e + again).row_terms is None
    assert (e + again).row_decomposition == []
    assert e.row_terms_note == ""
    assert "not here" not in str(e) + html_page(e)
    both = e + again
    assert both.row_terms_note == "they need the rows again, and these are sums of them"
    for shown in (str(both), html_page(both)):
        assert "prior shift are not here: they need the rows again" in shown
        assert "xent recalibrate --method vector fits them" in shown


def test_impossible_rows_are_left_out_and_make_the_rest_infinite(rng):
    target, probs = rows(rng)
    probs[:3] = np.eye(4)[(target[:3] + 1) % 4]
    e = evaluate((target, probs))
    found = fit_vector(np.log(probs[3:]), target[3:])
    vector = e.row_decomposition[0]
    assert vector.remainder == math.inf
    assert vector.miscalibration.value == pytest.approx(found.gain, rel=1e-11)


def test_a_clip_is_part_of_what_is_judged(rng):
    target, probs = rows(rng)
    probs[0] = np.eye(4)[(target[0] + 1) % 4]
    e = evaluate((target, probs), zero="clip:1e-9")
    assert e.row_terms.vector.num_impossible == 0
    clipped = log_softmax(np.log(np.maximum(probs, 1e-9)), axis=1)
    assert e.row_terms.vector.gain == pytest.approx(fit_vector(clipped, target).gain, rel=1e-9)
    assert all(math.isfinite(d.remainder) and closes(d) for d in e.row_decomposition)


def test_rows_left_out_are_left_out(rng):
    target, probs = rows(rng)
    with_holes, marked = probs.copy(), target.copy()
    with_holes[3, 1] = np.nan
    marked[7] = -100
    e = evaluate((marked, with_holes), nan="exclude", ignore=-100)
    kept = np.delete(np.arange(len(target)), [3, 7])
    assert e.row_terms == evaluate((target[kept], probs[kept])).row_terms


@pytest.mark.parametrize(
    ("limit", "value"), [("MOST_SCORES", 2399), ("MOST_PRODUCTS", 9599)]
)  # fmt: skip
def test_many_rows_are_sampled(rng, monkeypatch, limit, value):
    target, probs = rows(rng)
    monkeypatch.setattr(sample, limit, value + 1)
    assert evaluate((target, probs)).row_terms.sampled is None
    monkeypatch.setattr(sample, limit, value)
    assert evaluate((target, probs)).row_terms.sampled.num_rows == 599


def test_what_is_read_once_has_them_too(rng):
    target, probs = rows(rng)
    table = pa.table({"y": target, **{f"p_{j}": probs[:, j] for j in range(4)}})
    assert evaluate(table.to_reader()).row_terms == evaluate((target, probs)).row_terms


def test_two_classes_and_labels_have_none(rng):
    p = rng.random(50)
    y = (rng.random(50) < p).astype(int)
    e = evaluate((y, p))
    assert (e.row_terms.fits, e.row_terms.note, e.row_decomposition) == ([], "", [])
    assert "not here" not in str(e + e)
    labels = evaluate(labels=np.stack([y, y], 1), probs=np.stack([p, p], 1), task="multi")
    assert labels.row_terms.fits == []


def test_one_class_that_is_true_has_nothing_to_fit(rng):
    _, probs = rows(rng)
    e = evaluate((np.zeros(600, int), probs))
    assert e.row_terms.fits == []
    assert "two classes at least" in e.row_terms.note
    # no rows would help
    assert "two classes at least that are true and possible)" in str(e)
    assert "two classes at least that are true and possible." in html_page(e)


def test_rows_that_are_separated_say_so():
    target = np.array([0, 1, 2])
    e = evaluate((target, softmax(np.eye(3), axis=1)))
    assert e.row_terms.vector.separated
    assert "without end" in e.row_decomposition[0].note
