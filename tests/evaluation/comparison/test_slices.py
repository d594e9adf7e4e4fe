"""The tables by slice of a comparison: of one column and of several, they add up."""

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

import xent.cli.app
from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation import compare, evaluate
from xent.evaluation.comparison import groups
from xent.evaluation.comparison.several import holm
from xent.report.page import html_page

ROWS = 900


@pytest.fixture
def rng():
    return np.random.default_rng(2718)


@pytest.fixture
def columns(rng):
    """Two models and what rows may be sliced by; the day says something of the label."""
    day = rng.integers(0, 3, ROWS)
    y = (rng.random(ROWS) < 0.3 + 0.2 * day).astype(int)
    return {
        "id": rng.permutation(ROWS),
        "y": y,
        "p": np.clip(0.5 + 0.25 * (2 * y - 1) + rng.normal(0, 0.2, ROWS), 0.02, 0.98),
        "q": np.clip(0.5 + 0.2 * (2 * y - 1) + rng.normal(0, 0.2, ROWS), 0.02, 0.98),
        "site": rng.choice(["north", "south", "east"], ROWS, p=[0.6, 0.38, 0.02]),
        "day": day,
        "w": rng.integers(1, 4, ROWS) / 2,
        "user": rng.integers(0, 60, ROWS),
    }


TWO = ({"probs": "p"}, {"probs": "q"})
BOTH = ["site", "day"]


def sliced(columns, by, **options):
    return compare(columns, each=TWO, target="y", by=by, **options)


def differences(columns):
    """Of each row, by plain arithmetic."""
    y = columns["y"]
    of = [np.where(y == 1, columns[m], 1 - columns[m]) for m in "pq"]
    return np.log(of[1]) - np.log(of[0])


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("by", ["site", ["day"], BOTH])
def test_a_table_adds_up_and_is_plain_arithmetic(columns, by, weight):
    c = sliced(columns, by, weight=weight)
    names = [by] if isinstance(by, str) else by
    d = differences(columns)
    w = columns["w"] if weight else np.ones(ROWS)
    value = np.array([", ".join(map(str, v)) for v in zip(*(columns[n] for n in names))])  # noqa: B905
    assert [row.name for row in c.slices] == sorted(set(value))
    assert sum(row.num_rows for row in c.slices) == ROWS
    assert math.fsum(row.share for row in c.slices) == pytest.approx(1, rel=1e-14)
    assert math.fsum(row.contribution for row in c.slices) == pytest.approx(c.difference, rel=1e-13)
    for row in c.slices:
        of = value == row.name
        assert row.num_rows == of.sum()
        assert row.difference == pytest.approx(np.average(d[of], weights=w[of]), rel=1e-11)
        assert row.contribution == pytest.approx((d * w)[of].sum() / w.sum(), rel=1e-11)


def test_slices_are_those_of_evaluate(columns):
    c = sliced(columns, BOTH)
    for model, attribute in (("p", "log_loss_a"), ("q", "log_loss_b")):
        alone = evaluate(columns, target="y", probs=model, by=BOTH)
        assert [r.name for r in c.slices] == [r.value for r in alone.slices]
        assert [r.num_rows for r in c.slices] == [r.count for r in alone.slices]
        assert [r.share for r in c.slices] == [r.share for r in alone.slices]
        losses = [r.log_loss for r in alone.slices]
        assert [getattr(r, attribute) for r in c.slices] == pytest.approx(losses, rel=1e-14)


def test_columns_are_named_in_every_way_that_evaluate_has(columns):
    pd = pytest.importorskip("pandas")
    expected = sliced(columns, BOTH)
    assert expected.by == ("site", "day")
    assert expected.to_dict()["by"] == ["site", "day"]
    frame = pd.DataFrame({"site": columns["site"], "day": columns["day"]})
    arrays = {n: columns[n] for n in "pqy"}
    for rows, by in (
        (columns, "site,day"),
        (columns, ("site", "day")),
        (columns, "[sd]*[ey]"),
        (arrays, frame),
        (arrays, {"site": columns["site"], "day": columns["day"]}),
    ):
        assert sliced(rows, by).slices == expected.slices
    # names that the source has are kept apart from those of the table
    taken = sliced(columns, frame)
    assert (taken.slices, taken.by) == (expected.slices, ("by.site", "by.day"))
    pairs = compare((columns["y"], columns["p"]), (columns["y"], columns["q"]), by=columns["site"])
    assert (pairs.slices, pairs.by) == (sliced(columns, "site").slices, ("by",))


def test_the_same_bits_in_any_order_and_any_split(columns, rng, tmp_path):
    expected = sliced(columns, BOTH).slices
    shuffled = {n: v[rng.permutation(ROWS)] for n, v in columns.items()}
    order = rng.permutation(ROWS)
    shuffled = {n: v[order] for n, v in columns.items()}
    assert sliced(shuffled, BOTH).slices == expected
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet", row_group_size=7)
    assert sliced(tmp_path / "rows.parquet", BOTH).slices == expected
    # values that look alike when joined stay two slices, in an order of their own
    odd = {**columns, "site": np.where(columns["y"] == 1, "a, b", "a")}
    odd["kind"] = np.where(columns["y"] == 1, "c", "b, c")
    found = sliced(odd, ["site", "kind"]).slices
    assert [r.name for r in found] == ["a, b, c", "a, b, c"]
    assert found == sliced({n: v[::-1] for n, v in odd.items()}, ["site", "kind"]).slices


def test_files_in_other_orders_with_a_key(columns, rng, tmp_path):
    order = rng.permutation(ROWS)
    first = {n: columns[n] for n in ("id", "y", "p", "site", "day", "user")}
    # another order of rows and of columns; the first file alone has the sites
    second = {"q": columns["q"][order], "y": columns["y"][order], "id": columns["id"][order]}
    pq.write_table(pa.table(first), tmp_path / "a.parquet")
    pq.write_table(pa.table(second), tmp_path / "b.parquet")
    paths = tmp_path / "a.parquet", tmp_path / "b.parquet"
    options = {"key": "id", "each": TWO, "target": "y"}
    found = compare(*paths, by=BOTH, cluster="user", **options)
    expected = sliced(columns, BOTH, cluster="user")
    assert found.slices == expected.slices
    assert (found.interval, found.p_value) == (expected.interval, expected.p_value)
    with pytest.raises(SourceError, match=r"first source, .*b\.parquet, got 'site', which .*a\.p"):
        compare(*paths[::-1], by=BOTH, key="id", each=TWO[::-1], target="y")


def test_three_models_have_a_table_each(columns, rng):
    columns["r"] = np.clip(columns["q"] + rng.normal(0, 0.05, ROWS), 0.02, 0.98)
    c = compare(columns, each=[*TWO, {"probs": "r"}], target="y", by=BOTH)
    for pair, other in zip(c.pairs, "qr", strict=True):
        alone = compare(columns, each=[{"probs": "p"}, {"probs": other}], target="y", by=BOTH)
        assert pair.slices == alone.slices
    heads = [line.split() for line in str(c).splitlines() if line.startswith("  site, day")]
    assert [head[4:6] for head in heads] == [["A", "B"], ["A", "C"]]
    assert c.to_dict()["pairs"][1]["slices"][0]["name"] == c.pairs[1].slices[0].name


def test_rows_that_are_left_out_are_in_no_slice(columns):
    columns["y"][columns["site"] == "east"] = -1
    c = sliced(columns, BOTH, ignore=-1)
    assert {r.name.partition(",")[0] for r in c.slices} == {"north", "south"}


def test_what_cannot_be_slices(columns, monkeypatch):
    with pytest.raises(SourceError, match="by must name a column, got 'sit'; the nearest is site"):
        sliced(columns, ["day", "sit"])
    with pytest.raises(XentValueError, match="by must name each column once, got 'site' twice"):
        sliced(columns, "site,day,site")
    with pytest.raises(XentTypeError, match=r"one value a row, got an array of shape \(900, 2\)"):
        sliced(columns, np.ones((ROWS, 2)))
    with pytest.raises(SourceError, match="cluster must name a column, got 'use"):
        sliced(columns, None, cluster="use*")
    monkeypatch.setattr(groups, "MAX_SLICES", 100)
    with pytest.raises(SourceError, match=r"at most 100 .* got more in 'site', 'user'; .* as clu"):
        sliced(columns, ["site", "user"])


def test_from_the_shell(columns, tmp_path, capsys):
    path, page = tmp_path / "rows.parquet", tmp_path / "page.html"
    pq.write_table(pa.table(columns), path)
    models = ["--probs", "p", "--probs", "q", "--target", "y"]
    arguments = ["compare", path, *models, "--by", "site,day"]
    assert xent.cli.app.run([str(a) for a in arguments]) == 0
    out = capsys.readouterr().out
    assert "\n  site, day  rows   share" in out
    assert "\n  north, 0  " in out
    assert xent.cli.app.run([str(a) for a in [*arguments, "--json", "--report", page]]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["by"] == ["site", "day"]
    assert len(numbers["slices"]) == 9
    assert "(site, day)" in page.read_text()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_on_the_page(columns, lang):
    page = html_page(sliced(columns, BOTH), lang=lang)
    assert "p − q (site, day)" in page
    assert "north, 0" in page


# how sure each line is


def part_of(columns, rows):
    return {name: values[rows] for name, values in columns.items()}


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("cluster", [None, "user"])
def test_a_slice_is_the_comparison_of_its_rows(columns, cluster, weight):
    options = {"cluster": cluster, "weight": weight}
    c = sliced(columns, "site", **options)
    for row in c.slices:
        alone = sliced(part_of(columns, columns["site"] == row.name), None, **options)
        assert row.difference == alone.difference
        assert (row.interval, row.p_value) == (alone.interval, alone.p_value)
        assert row.num_clusters == alone.num_clusters
    for row in c.classes:
        alone = sliced(part_of(columns, columns["y"] == int(row.name)), None, **options)
        assert (row.interval, row.p_value) == (alone.interval, alone.p_value)


@pytest.mark.parametrize("weight", [None, "w"])
def test_clustered_slices_have_the_robust_error(columns, weight):
    """CR1 of a weighted mean with Student's t, by plain arithmetic."""
    c = sliced(columns, BOTH, cluster="user", weight=weight, interval="t", level=0.9)
    d = differences(columns)
    w = columns["w"] if weight else np.ones(ROWS)
    value = np.array([f"{s}, {t}" for s, t in zip(columns["site"], columns["day"], strict=True)])
    for row in c.slices:
        of = value == row.name
        x, v, user = d[of], w[of], columns["user"][of]
        mean = np.average(x, weights=v)
        sums = np.array([(v * (x - mean))[user == u].sum() for u in np.unique(user)])
        count = len(sums)
        error = math.sqrt(count / (count - 1) * (sums**2).sum()) / v.sum()
        half = error * stats.t.ppf(0.95, count - 1)
        assert row.num_clusters == count
        assert row.interval.low == pytest.approx(mean - half, rel=1e-9, abs=1e-12)
        assert row.interval.high == pytest.approx(mean + half, rel=1e-9, abs=1e-12)
        assert row.p_value == pytest.approx(2 * stats.t.sf(abs(mean) / error, count - 1), rel=1e-9)


def test_slices_of_labels_add_up_to_the_loss_of_a_decision(rng):
    truth, site = rng.integers(0, 2, (300, 3)), rng.choice(["a", "b"], 300)
    p, q = (rng.uniform(0.1, 0.9, (300, 3)) for _ in range(2))
    options = {"labels": truth, "task": "multi", "by": site, "unit": "bit"}
    c = compare(p, q, **options)
    for table in (c.slices, c.classes):
        assert math.fsum(row.contribution for row in table) == pytest.approx(
            c.difference, rel=1e-12
        )
    alone = evaluate(probs=p, **options)
    losses = [row.log_loss for row in alone.slices]
    assert [row.log_loss_a for row in c.slices] == pytest.approx(losses, rel=1e-13)
    rows = site == "a"
    part = compare(p[rows], q[rows], **{**options, "labels": truth[rows], "by": None})
    assert c.slices[0].interval.low == pytest.approx(part.interval.low, rel=1e-12)


def test_labels_and_blocks_are_clustered_in_tables(rng):
    truth, site = rng.integers(0, 2, (200, 3)), np.repeat(["a", "b"], 100)
    p, q = (np.repeat(rng.uniform(0.1, 0.9, (20, 3)), 10, axis=0) for _ in range(2))
    options = {"labels": truth, "by": site, "task": "multi", "block": 10}
    c = compare(p, q, **options)
    assert [row.num_clusters for row in c.classes] == [20, 20, 20]
    assert [row.num_clusters for row in c.slices] == [10, 10]
    alone = compare(p[:, :1], q[:, :1], **{**options, "labels": truth[:, :1], "by": None})
    assert c.classes[0].interval.low == pytest.approx(alone.interval.low, rel=1e-12)
    free = compare(p, q, **{**options, "block": None})
    assert all(row.num_clusters is None for row in free.classes)


def test_many_slices_are_corrected_for_their_number(columns, rng):
    c = sliced(columns, BOTH)
    assert [r.adjusted_p_value for r in c.slices] == holm([r.p_value for r in c.slices])
    # which are known to differ is marked, and how many were looked at is said
    alike = columns["p"] + rng.normal(0, 1e-3, ROWS)
    strong = {**columns, "q": np.where(columns["day"] == 0, 0.5, alike)}
    c = sliced(strong, "day")
    marked = [r.name for r in c.slices if r.adjusted_p_value < 0.05]
    lines = str(c).splitlines()
    starred = [line.split()[0] for line in lines[-5:] if "*" in line and "by Holm" not in line]
    assert starred == marked == ["0"]
    assert lines[-1] == "  (* p < 0.05 by Holm among all 3)"
    plain = c.to_dict()["slices"][0]
    assert plain["adjusted_p_value"] == c.slices[0].adjusted_p_value


def test_a_slice_of_few_clusters_says_so(columns):
    columns["team"] = columns["user"] % 5
    line = next(
        x for x in str(sliced(columns, "day", cluster="team")).splitlines() if x[2:4] == "0 "
    )
    assert line.endswith("only 5 clusters")
