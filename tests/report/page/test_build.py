"""Pages of real evaluations and comparisons: their numbers are those of the evaluation."""

import math
from pathlib import Path

import numpy as np
import pytest

from xent.evaluation import compare, evaluate
from xent.report.page import html_page, page_of
from xent.report.page.comparing import comparison_page
from xent.report.page.model import Range

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
    assert u - r + m + first.remainder == pytest.approx(digits.log_loss, rel=1e-12)
    assert [w.kind for w in page.waterfalls] == ["temperature", "vector", "shift", "isotonic"]
    assert [row[0] for row in page.gains.rows] == ["g_temperature", "g_vector", "g_shift"]
    assert page.gains.rows[0][1] == pytest.approx(digits.temperature.gain)
    vector = digits.row_decomposition[0].miscalibration
    place = [c.key for c in page.gains.columns].index("gain_range")
    assert page.gains.rows[1][place] == Range(vector.low, vector.high, 0.95)
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


def test_what_has_no_bound_is_at_least_what_is_shown(digits):
    e = evaluate(EXAMPLES / "digits_naive_bayes.parquet")
    shown = {w.name: w.is_least for w in page_of(e).waterfalls}
    assert shown == {"all classes": False, "top label": True}
    html, zh = html_page(e), html_page(e, lang="zh")
    assert "Miscalibration costs at least 0.741 nats" in html
    assert html.count("≥ ") == 2  # miscalibration and log loss
    assert "校准误差的代价至少为" in zh
    assert not any(w.is_least for w in page_of(digits).waterfalls)
    assert "≥ " not in html_page(digits)


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


def tables_of(compared):
    """The tables of details, as {title: {first cell of a row: {column: cell}}}."""
    found = {}
    for table in comparison_page(compared).comparison.details:
        keys = [column.key for column in table.columns]
        found[table.title] = {row[0]: dict(zip(keys, row, strict=True)) for row in table.rows}
    return found


def ends(interval):
    return (interval.low, interval.high)


@pytest.mark.parametrize("cluster", [None, np.arange(300) // 10])
def test_of_several_labels_it_is_rows_with_every_label_right(cluster):
    rng = np.random.default_rng(9)
    p = rng.random((300, 3))
    y = (rng.random((300, 3)) < p).astype(int)
    compared = compare((y, p), (y, 1 - p), names=["a", "b"], cluster=cluster)
    pair, beside = compared.pairs[0], tables_of(compared)["beside_table"]
    found = beside["exact_difference" if cluster is None else "exact_clustered"]
    assert found["value"] == pair.accuracy.difference
    assert found["p_value"] == pair.accuracy.p_value
    assert not any(name.startswith("accuracy") for name in beside)


def test_what_differs_beside_the_loss_and_how_far_predictions_are_apart():
    rng = np.random.default_rng(8)
    p = rng.dirichlet(np.ones(3), 300)
    y = np.array([rng.choice(3, p=row) for row in p])
    compared = compare((y, p), (y, (p + 0.1) / 1.3), names=["a", "b"])
    pair, found = compared.pairs[0], tables_of(compared)
    beside = found["beside_table"]
    assert beside["anytime"]["value"] == pair.difference
    assert ends(beside["anytime"]["range"]) == ends(pair.anytime_interval)
    assert beside["perplexity_ratio"]["value"] == pair.perplexity_ratio
    assert ends(beside["perplexity_ratio"]["range"]) == ends(pair.perplexity_ratio_interval)
    assert beside["accuracy_difference"]["value"] == pair.accuracy.difference
    assert beside["accuracy_difference"]["p_value"] == pair.accuracy.p_value
    assert beside["same_top"]["value"] == pair.same_top
    assert len(beside) == 4
    for name, spread in (
        ("KL(a ‖ b)", pair.a_from_b), ("KL(b ‖ a)", pair.b_from_a), ("p(y): a − b", pair.truth)
    ):  # fmt: skip
        row = found["apart_table"][name]
        assert (row["mean"], row["largest"]) == (spread.mean, spread.high)
        assert ends(row["range"]) == ends(spread.interval)
        assert row["percentile_50"] == spread.percentiles[50]
        assert row["percentile_99"] == spread.percentiles[99]
    parts = found["made_of_table"]
    for key, row in parts.items():
        first, second = (getattr(d, key).value for d in compared.decompositions)
        assert (row["loss_first"], row["loss_second"]) == (first, second)
    signs = {"uncertainty": 1, "resolution": -1, "miscalibration": 1}
    made = sum(sign * parts[key]["difference"] for key, sign in signs.items())
    clipped = compared.decompositions[0].remainder - compared.decompositions[1].remainder
    # both losses are sums of 300 terms of about one
    assert made + clipped == pytest.approx(compared.difference, abs=300 * 2.0**-52)


def test_tokens_have_bits_per_byte_and_no_divergence():
    rng = np.random.default_rng(9)
    first, second = -rng.exponential(2, 200), -rng.exponential(2.2, 200)
    compared = compare(
        {"log_prob": first, "num_bytes": np.full(200, 4)},
        {"log_prob": second, "num_bytes": np.full(200, 4)},
        log_probs="log_prob", bytes="num_bytes", names=["a", "b"],
    )  # fmt: skip
    pair, found = compared.pairs[0], tables_of(compared)
    beside = found["beside_table"]
    bits = beside["bits_per_byte_difference"]
    assert bits["value"] == pair.bits_per_byte_difference
    assert ends(bits["range"]) == ends(pair.bits_per_byte_interval)
    assert list(beside) == ["anytime", "perplexity_ratio", "bits_per_byte_difference"]
    assert list(found["apart_table"]) == ["p(y): a − b"]
    assert "made_of_table" not in found


def test_what_is_known_of_an_infinite_difference_is_said_of_the_rows_it_comes_from():
    rng = np.random.default_rng(10)
    p = rng.dirichlet(np.ones(3), 300)
    y = np.array([rng.choice(3, p=row) for row in p])
    refuted = (p + 0.1) / 1.3
    refuted[:2] = np.eye(3)[(y[:2] + 1) % 3]
    compared = compare((y, p), (y, refuted), (y, np.full((300, 3), 1 / 3)), names=["a", "b", "c"])
    page = comparison_page(compared).comparison
    keys = [column.key for column in page.models.columns]
    a, b, _ = (dict(zip(keys, row, strict=True)) for row in page.models.rows)
    assert (b["class_log_loss"], b["range"], b["impossible_rows"]) == (math.inf, None, 2)
    assert b["finite_log_loss"] == compared.models[1].finite_log_loss
    assert a["finite_log_loss"] == a["class_log_loss"]
    assert ends(a["range"]) == ends(compared.models[0].interval)

    infinite = [(p.first, p.second) for p in page.pairs if p.interval is None]
    assert infinite == [("a", "b"), ("b", "c")]
    assert all((p.p_value is None) == (p.interval is None) for p in page.pairs)
    beside = {row[:2]: row[2:] for row in page.details[0].rows}
    for pair in (compared.pairs[0], compared.others[0]):
        value, interval, p_value = beside[f"{pair.a} − {pair.b}", "possible"]
        assert (value, p_value) == (pair.finite_difference, pair.adjusted_p_value)
        assert ends(interval) == ends(pair.interval)
    assert ("a − c", "possible") not in beside

    first, second = page.tables
    assert [c.key for c in first.columns][-2:] == ["contribution", "impossible_second"]
    assert sum(row[-1] for row in first.rows) == 2
    assert second.columns[-1].key == "contribution"


def test_pairs_are_named_where_there_are_several():
    rows = three_sites()
    models = [(rows["y"], 0.5 + by * (rows["p"] - 0.5)) for by in (1.0, 0.8, 0.5)]
    page = comparison_page(compare(*models, names=["a", "b", "c"]))
    beside = page.comparison.details[0]
    assert [c.key for c in beside.columns][:2] == ["pair", "measure"]
    assert {row[0] for row in beside.rows} == {"a − b", "a − c"}


def test_a_score_without_a_possible_row_has_no_scale() -> None:
    page = html_page(evaluate((np.array([0, 1]), np.array([1.0, 0.0]))))
    assert "nan%" not in page
