"""Pages of real evaluations and comparisons: their numbers are those of the evaluation."""

import math
from pathlib import Path

import numpy as np
import pytest

from xent.evaluation import compare, evaluate
from xent.report.page import html_page, page_of
from xent.report.page.comparing import comparison_page

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def digits():
    return evaluate(EXAMPLES / "digits.parquet")


def three_sites(n=400):
    rng = np.random.default_rng(5)
    p = rng.random(n)
    y = (rng.random(n) < p).astype(int)
    return {"p": p, "y": y, "site": np.array(["a", "b", "c"])[rng.integers(3, size=n)]}


def test_parts_add_up_on_the_page(digits):
    page = page_of(digits)
    first = page.waterfalls[0]
    u, r, m = first.uncertainty.value, first.resolution.value, first.miscalibration.value
    assert u - r + m + first.within == pytest.approx(digits.log_loss, rel=1e-12)
    assert [w.kind for w in page.waterfalls] == ["temperature", "vector", "shift", "isotonic"]
    assert [row[0] for row in page.gains.rows] == ["g_temperature", "g_vector", "g_shift"]
    assert page.gains.rows[0][1] == pytest.approx(digits.temperature.gain)
    assert page.score.interval.low < page.score.log_loss < page.score.interval.high


def test_units_are_those_of_the_evaluation(digits):
    bits = evaluate(EXAMPLES / "digits.parquet", unit="bit")
    nats, page = page_of(digits), page_of(bits)
    for of in (
        lambda p: p.score.log_loss,
        lambda p: p.score.interval.high,
        lambda p: p.waterfalls[0].resolution.value,
        lambda p: p.temperature.gain,
        lambda p: p.surprise.worst_from,
        lambda p: p.surprise.edges[3],
    ):
        assert of(page) == pytest.approx(of(nats) / math.log(2), rel=1e-12)
    assert page.score.interval_nats.high == pytest.approx(nats.score.interval.high)
    assert page.surprise.rows == nats.surprise.rows


def test_diagrams_of_the_predicted_class_and_of_each(digits):
    found = page_of(digits).reliability
    assert [r.name for r in found] == ["top label", *map(str, range(10))]
    for r in found:
        assert sum(r.counts) == pytest.approx(1797)
        assert sum(b.count for b in r.bins) == pytest.approx(1797)


def test_surprises_hold_every_row(digits):
    s = page_of(digits).surprise
    assert sum(s.rows) == pytest.approx(1)
    assert sum(s.loss) == pytest.approx(1)
    nll = np.array([w["log_loss"] for w in digits.worst])[:17]  # 1 % of 1797
    share = nll.sum() / (digits.log_loss * 1797)
    assert s.worst_low <= share * 18 / 17
    assert share <= s.worst_high
    assert s.edges[-1] >= nll[0]


def test_impossible_rows_are_told_and_left_out_of_the_parts():
    page = page_of(evaluate(EXAMPLES / "digits_naive_bayes.parquet"))
    assert page.score.log_loss == math.inf
    assert page.score.interval is None
    assert page.num_impossible == page.surprise.num_impossible == page.left_out[0].count == 11
    assert page.waterfalls[0].possible_only
    assert page.waterfalls[0].score == pytest.approx(page.score.finite)


def test_slices_and_what_they_tell():
    table = page_of(evaluate(three_sites(), target="y", probs="p", by="site")).slices[0]
    assert table.name == "site"
    assert [row[0] for row in table.rows] == ["a", "b", "c"]
    assert sum(row[1] for row in table.rows) == 400
    assert set(table.values) == {"information", "chance"}


def test_hints_are_told_once():
    y = np.tile([0, 1], 200)
    page = page_of(evaluate((y, np.full(400, 0.5))))
    codes = [note.code for note in page.notes]
    assert codes
    assert len(set(codes)) == len(codes)
    severities = [note.severity for note in page.notes]
    assert severities == sorted(severities, key=lambda s: s != "warning")


def test_log_probabilities_have_a_page_without_classes():
    page = page_of(evaluate(log_probs=np.log([0.5, 0.25, 0.9])))
    assert page.classes is None
    assert page.waterfalls == page.reliability == ()
    assert page.surprise is not None
    assert "<h1>" in html_page(evaluate(log_probs=np.log([0.5, 0.25, 0.9])))


def test_a_page_of_no_rows():
    from xent.evaluation import Evaluation, Summary

    assert "<h1>" in html_page(Evaluation(Summary()))


def test_a_comparison():
    rows = three_sites()
    worse = 0.5 + 0.6 * (rows["p"] - 0.5)
    compared = compare((rows["y"], worse), (rows["y"], rows["p"]), names=["dull", "sharp"])
    page = comparison_page(compared)
    pair = page.comparison.pairs[0]
    assert (pair.first, pair.second) == ("dull", "sharp")
    assert pair.difference == compared.difference
    assert pair.log_e_value == compared.pairs[0].evidence[0].log_e
    curve = page.comparison.curves[0]
    assert (curve.rows[-1], curve.log_e[-1]) == (400, pair.log_e_value)
    assert pair.log_e_value == pytest.approx(400 * pair.difference)
    for lang in ("en", "zh"):
        text = html_page(compared, lang=lang)
        assert text == html_page(compared, lang=lang)
        assert "sharp / dull" in text


def test_a_score_without_a_possible_row_has_no_scale() -> None:
    page = html_page(evaluate((np.array([0, 1]), np.array([1.0, 0.0]))))
    assert "nan%" not in page
