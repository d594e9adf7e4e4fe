"""The table by slice adds up: to the loss of all rows, and to the entropy of the classes."""

import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from xent.errors import SourceError, XentValueError
from xent.evaluation import compare, evaluate
from xent.evaluation.intervals.means import hall_interval

ROWS = 600


def data(seed=0, classes=3):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(classes), ROWS)
    site = rng.integers(0, 4, ROWS)
    target = (rng.integers(0, classes, ROWS) + (site == 1)) % classes
    target[site == 3] = 2
    return {
        "target": target,
        "probs": probs,
        "site": np.array(["a", "b", "c", "d"])[site],
        "day": rng.integers(0, 2, ROWS),
        "w": rng.integers(0, 4, ROWS) / 2,
    }


def entropy(weights):
    p = np.asarray(weights) / np.sum(weights)
    return -sum(x * math.log(x) for x in p if x > 0)


@pytest.mark.parametrize("unit", ["nat", "bit"])
@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("by", ["site", ["site", "day"]])
def test_losses_and_entropies_add_up(by, weight, unit):
    e = evaluate(data(), target="target", probs="probs", by=by, weight=weight, unit=unit)
    rows = e.slices
    assert len(rows) == (4 if by == "site" else 8)
    assert math.fsum(r.share for r in rows) == pytest.approx(1, rel=1e-14)
    assert math.fsum(r.share_of_loss for r in rows) == pytest.approx(1, rel=1e-14)
    assert math.fsum(r.share * r.log_loss for r in rows) == pytest.approx(e.log_loss, rel=1e-14)
    within = math.fsum(r.share * r.frequency_log_loss for r in rows)
    total = within + e.slice_information
    assert total == pytest.approx(e.frequency_log_loss, rel=1e-13)
    assert sum(r.count for r in rows) == e.num_rows


@pytest.mark.parametrize("weight", [None, "w"])
def test_a_slice_is_the_evaluation_of_its_rows(weight):
    columns = data()
    e = evaluate(columns, target="target", probs="probs", by="site", weight=weight)
    for row in e.slices:
        here = columns["site"] == row.value
        part = {name: values[here] for name, values in columns.items()}
        alone = evaluate(part, target="target", probs="probs", weight=weight)
        assert row.count == alone.num_rows
        assert row.log_loss == alone.log_loss
        assert row.interval == alone.interval
        assert row.frequency_log_loss == pytest.approx(alone.frequency_log_loss, rel=1e-14)
        assert row.skill == pytest.approx(alone.skill, rel=1e-12, nan_ok=True)


def test_information_is_that_of_a_peer():
    columns = data()
    e = evaluate(columns, target="target", probs="probs", by="site")
    peer = mutual_info_score(columns["site"], columns["target"])
    assert e.slice_information == pytest.approx(peer, rel=1e-12)


def test_information_by_chance_is_what_shuffled_columns_show():
    columns, rng = data(), np.random.default_rng(1)
    shown = []
    for _ in range(200):
        columns["site"] = rng.permutation(columns["site"])
        shown.append(mutual_info_score(columns["site"], columns["target"]))
    e = evaluate(columns, target="target", probs="probs", by="site")
    # 2n times it is chi-squared of 6 degrees: a standard error of sqrt(12) / 2n / sqrt(200)
    few = (4 - 1) * (3 - 1) / (2 * ROWS)
    assert e.slice_information_by_chance == pytest.approx(few, rel=0.02)
    assert np.mean(shown) == pytest.approx(
        e.slice_information_by_chance, abs=4 * math.sqrt(12 / 200) / (2 * ROWS) + 1e-4
    )


@pytest.mark.parametrize(("slices", "classes", "rows"), [(900, 1000, 2000), (20, 50, 300)])
@pytest.mark.parametrize("weight", [None, 1.0, 2.5])
def test_information_by_chance_of_wide_tables_is_a_peers(slices, classes, rows, weight):
    rng = np.random.default_rng(3)
    site, target = rng.integers(slices, size=rows), rng.integers(classes, size=rows)
    logits = rng.normal(size=(rows, classes))
    weighted = {} if weight is None else {"weight": np.full(rows, weight)}
    e = evaluate(target=target, logits=logits, classes=range(classes), by=site, **weighted)
    table = contingency_matrix(site, target, sparse=True)
    peer = expected_mutual_information(table, rows)
    assert e.slice_information_by_chance == pytest.approx(peer, rel=1e-9)
    # there is nothing to know
    assert e.slice_information == pytest.approx(peer, rel=0.05)


def test_labels_have_the_mean_entropy_of_a_decision():
    rng = np.random.default_rng(2)
    truth, site = rng.integers(0, 2, (ROWS, 3)), rng.integers(0, 2, ROWS)
    e = evaluate(labels=truth, probs=rng.random((ROWS, 3)), by=site, task="multi")
    for row in e.slices:
        here = truth[site == int(row.value)]
        expected = np.mean([entropy([c.sum(), (1 - c).sum()]) for c in here.T])
        assert row.frequency_log_loss == pytest.approx(expected, rel=1e-12)
    peers = [mutual_info_score(site, truth[:, j]) for j in range(3)]
    assert e.slice_information == pytest.approx(np.mean(peers), rel=1e-12)
    within = math.fsum(r.share * r.frequency_log_loss for r in e.slices)
    assert within + e.slice_information == pytest.approx(e.frequency_log_loss, rel=1e-12)


def test_log_probabilities_have_slices_without_classes():
    e = evaluate({"lp": [-1.0, -2.0, -4.0], "doc": ["x", "x", "y"]}, log_probs="lp", by="doc")
    assert [(r.value, r.log_loss) for r in e.slices] == [("x", 1.5), ("y", 4.0)]
    assert math.isnan(e.slices[0].skill)
    assert math.isnan(e.slice_information)
    assert "doc  rows" in str(e)


def test_rows_that_are_not_scored_are_in_no_slice():
    columns = {"label": [0, 1, -1, 1], "p": [0.5, np.nan, 0.5, 0.25], "s": ["a", "b", "c", "a"]}
    e = evaluate(columns, by="s", nan="exclude", ignore=-1)
    assert [(r.value, r.count) for r in e.slices] == [("a", 2)]


def test_an_impossible_row_makes_its_slice_infinite_and_no_other():
    columns = {"label": [0, 1, 1, 1], "p": [0.5, 0.0, 0.5, 0.25], "s": ["a", "b", "b", "a"]}
    e = evaluate(columns, by="s")
    a, b = e.slices
    assert (a.log_loss, b.log_loss) == (pytest.approx(1.5 * math.log(2)), math.inf)
    assert a.interval
    assert (b.interval.note, bool(b.interval)) == ("the loss is infinite", False)
    assert b.share_of_loss == pytest.approx(0.25)  # of what is finite
    assert "-" in str(e)


def test_slices_of_few_rows_are_shown_and_marked():
    columns = data()
    columns["site"] = columns["site"].astype("U4")
    columns["site"][:2] = "rare"
    e = evaluate(columns, target="target", probs="probs", by="site")
    assert [r.value for r in e.slices if r.few] == ["rare"]
    line = next(line for line in str(e).splitlines() if line.strip().startswith("rare"))
    assert line.endswith("fewer than 30 rows")
    one = evaluate({"label": [1], "p": [0.5], "s": ["x"]}, by="s").slices[0]
    assert "one row" in one.interval.note


def test_an_array_or_a_column_makes_slices():
    columns = data()
    by_name = evaluate(columns, target="target", probs="probs", by="site")
    by_array = evaluate(target=columns["target"], probs=columns["probs"], by=columns["site"])
    assert by_name.slices == by_array.slices
    assert by_name.to_dict()["by"] == ["site"]
    assert by_name.to_dict()["slices"][0]["interval"]["method"] == "hall"


def test_what_cannot_be_a_slice():
    columns = data()
    with pytest.raises(SourceError, match="by must name a column, got 'sit'; the nearest is site"):
        evaluate(columns, target="target", probs="probs", by="sit")
    with pytest.raises(XentValueError, match="by must name each column once"):
        evaluate(columns, target="target", probs="probs", by=["site", "site"])
    columns["user"] = np.arange(ROWS) % 1500
    big = {name: np.concatenate([v, v]) for name, v in columns.items()}
    big["user"] = np.arange(2 * ROWS)
    with pytest.raises(SourceError, match="at most 1000 different values, got more in 'user'"):
        evaluate(big, target="target", probs="probs", by="user")


def test_slices_of_rows_that_are_drawn_together_have_no_interval():
    columns = data() | {"user": np.arange(ROWS) // 20}
    options = {"target": "target", "probs": "probs", "by": "site", "interval": "bootstrap"}
    tied = evaluate(columns, id="user", **options)
    assert len(tied.slices) == 4
    for r in tied.slices:
        assert math.isnan(r.interval.low)
        assert r.interval.note == "rows of a cluster are not independent"
    assert "(rows of a cluster are not independent: no interval of a slice is known)" in str(tied)


@pytest.mark.parametrize("method", ["cluster", "bootstrap"])
def test_clusters_of_one_row_are_rows(method):
    columns = data() | {"user": np.arange(ROWS) // 20, "row": np.arange(ROWS)}
    options = {"target": "target", "probs": "probs", "by": "site"}
    free = evaluate(columns, cluster="row", interval=method, **options)
    alone = evaluate(columns, **options)
    assert [r.interval for r in free.slices] == [r.interval for r in alone.slices]
    assert "intervals by cluster" not in str(free)
    assert "not independent" not in str(free)
    # rows of a user vary together
    assert [r.interval for r in evaluate(columns, cluster="user", **options).slices] != [
        r.interval for r in alone.slices
    ]


def test_the_interval_of_all_rows_is_halls():
    columns = data()
    e = evaluate(columns, target="target", probs="probs")
    assert e.slices == []
    assert e.interval == hall_interval(*e.summary.moments(), least=0.0)
    assert math.isnan(e.slice_information)
    assert math.isnan(e.slice_information_by_chance)


def test_a_table_makes_slices_of_its_columns():
    pd = pytest.importorskip("pandas")
    columns = data()
    table = pd.DataFrame({"site": columns["site"], "day": columns["day"]})
    expected = evaluate(columns, target="target", probs="probs", by=["site", "day"])
    found = evaluate(target=columns["target"], probs=columns["probs"], by=table)
    assert found.slices == expected.slices
    assert found.summary.slices.columns == ("site", "day")
    whole = table.assign(target=columns["target"], p=columns["probs"][:, 0])
    whole["site"] = whole["site"].astype("category")
    whole.loc[:4, "day"] = None  # a number and its text, a missing value
    found = evaluate(
        whole.assign(target=whole["target"] == 0), target="target", probs="p", by="day"
    )
    assert [r.value for r in found.slices] == ["(missing)", "0", "1"]


def test_equal_losses_are_counted_in_rows_not_in_what_weights_make_of_them():
    columns = {"label": [1] * 4, "p": [0.5] * 4, "w": [1.0, 1.0, 1.0, 5.0], "s": ["a"] * 4}
    e = evaluate(columns, target="label", probs="p", weight="w", by="s")
    assert e.summary.moments().n < 3  # Kish's
    assert e.interval.note == "all 4 losses are equal"
    assert e.slices[0].interval.note == "all 4 losses are equal"
    pairs = {**columns, "q": [0.25] * 4}
    c = compare(pairs, each=[{"probs": "p"}, {"probs": "q"}], target="label", weight="w")
    assert c.interval.note == "all differences are equal"
    assert c.models[0].interval.note == "all losses are equal"
