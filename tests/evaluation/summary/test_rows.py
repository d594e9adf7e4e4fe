"""Rows keep names that are true: counted in one source, named in parts, nothing without order."""

import itertools
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from xent.errors import SourceError, XentValueError
from xent.evaluation import Summary, evaluate
from xent.evaluation.engines import local
from xent.evaluation.engines.parts import merge_parts, score_part
from xent.evaluation.reading.options import Options
from xent.evaluation.reading.plan import make_plan
from xent.evaluation.reading.tables import ArraySource
from xent.evaluation.summary.rows import MOST_LETTERS, first_rows, in_part, place


def table(rows, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), size=rows)
    p[rng.random(rows) < 0.1, 0] = 0
    p /= p.sum(axis=1, keepdims=True)
    y = rng.integers(3, size=rows)
    return pa.table({"y": y, **{f"p_{j}": p[:, j] for j in range(3)}})


def test_order_is_total_and_numbers_come_first():
    rows = [None, "b:10", "a:9", 12, "a:10", 3]
    assert sorted(rows, key=place) == [3, 12, "a:9", "a:10", "b:10", None]
    assert first_rows(rows, 3) == (3, 12, "a:9")


def test_a_long_name_keeps_its_end():
    name = "s3://bucket/" + "folder/" * 100 + "part-2.parquet"
    called = in_part(17, name)
    assert called.endswith("part-2.parquet:17")
    assert len(called) <= MOST_LETTERS + 3


def test_rows_of_several_files_are_called_by_their_file(tmp_path):
    whole = table(500)
    paths = []
    for k, (a, b) in enumerate(itertools.pairwise([0, 100, 100, 103, 500])):
        paths.append(str(tmp_path / f"{k}.parquet"))
        pq.write_table(whole.slice(a, b - a), paths[-1])
    expected, found = evaluate(whole), evaluate(paths)
    assert found.summary.without_rows() == expected.summary.without_rows()
    starts = dict(zip(paths, [0, 100, 100, 103], strict=True))

    def in_whole(row):
        path, _, number = row.rpartition(":")
        return starts[path] + int(number)

    assert [in_whole(w["row"]) for w in found.worst] == [w["row"] for w in expected.worst]
    rows = [in_whole(r) for r in found.summary.impossible_rows]
    assert sorted(rows) == list(expected.summary.impossible_rows)


def test_the_first_row_of_a_file_is_its_own(tmp_path):
    paths = [str(tmp_path / f"{k}.parquet") for k in range(4)]
    for path, rows in zip(paths, [0, 1, 1, 0], strict=True):
        pq.write_table(table(rows), path)
    found = evaluate(paths)
    kept = [w["row"] for w in found.worst] + list(found.summary.impossible_rows)
    assert sorted(kept) == [f"{paths[1]}:0", f"{paths[2]}:0"]


def test_files_that_do_not_belong_together(tmp_path):
    pq.write_table(table(5), tmp_path / "a.parquet")
    pq.write_table(table(5).rename_columns(["y", "p_0", "p_1", "q"]), tmp_path / "b.parquet")
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    with pytest.raises(SourceError, match=r"b\.parquet' without 'p_2'"):
        evaluate(paths)
    with pytest.raises(SourceError, match=r"different files, got .*twice"):
        evaluate([paths[0], paths[0]])
    with pytest.raises(SourceError, match="sql must come with one source, got 2"):
        evaluate(paths, sql="FROM source")


@pytest.mark.parametrize("count", [1, 1000])
def test_a_file_of_two_names_is_one_file(tmp_path, monkeypatch, count):
    monkeypatch.chdir(tmp_path)
    pq.write_table(table(5), "a.parquet")
    os.symlink("a.parquet", "link.parquet")
    others = [f"{k}.parquet" for k in range(count)]
    for again in ("a.parquet", "./a.parquet", str(tmp_path / "a.parquet"), "link.parquet"):
        with pytest.raises(SourceError, match=r"different files, got 'a\.parquet' twice"):
            evaluate(["a.parquet", *others, again])


def test_a_wrong_row_of_several_files_is_told_with_its_file(tmp_path):
    rows = table(20).to_pydict()
    rows["p_1"][17] = 1.5
    pq.write_table(pa.table(rows).slice(0, 15), tmp_path / "a.parquet")
    pq.write_table(pa.table(rows).slice(15), tmp_path / "b.parquet")
    with pytest.raises(XentValueError, match=r"got 1\.5 in row .*b\.parquet:2 of p_1") as raised:
        evaluate([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert raised.value.index == 17


def test_added_evaluations_call_rows_by_their_part():
    whole = table(40)
    a, b = evaluate(whole.slice(0, 30)), evaluate(whole.slice(30))
    both = xent.merge([a, b])
    assert both.summary.without_rows() == evaluate(whole).summary.without_rows()
    assert (both.name, both.parts) == ("2 parts", 2)
    assert all(str(w["row"]).startswith("Table:") for w in both.worst)
    assert "counted from 0" not in str(both)
    assert "counted from 0" in str(a)


@pytest.mark.filterwarnings("ignore:D25")  # every row is wrong
def test_ties_are_kept_by_class_before_row():
    # 400 rows of one loss: which classes are kept must not depend on how rows are numbered
    target = np.tile([1, 0], 400)
    p = np.where(target[:, None] == [0, 1], 0.25, 0.75)
    p[400:] = 1 - p[400:]
    forward = evaluate((target, p)).summary
    assert {s.target for s in forward.worst} == {0}
    backward = evaluate((target[::-1], p[::-1])).summary
    assert forward.without_rows() == backward.without_rows()
    parts = [evaluate((target[k::3], p[k::3])).summary.in_part(str(k)) for k in range(3)]
    assert sum(parts, Summary()).without_rows() == forward.without_rows()


def test_rows_without_names_are_counted_and_not_shown():
    e = evaluate(([0, 1], [[0.0, 1.0], [0.5, 0.5]]))
    nameless = xent.evaluation.Evaluation(e.summary.without_rows())
    assert "1 impossible (the truth had probability 0): row not known" in str(nameless)
    assert nameless.worst[0]["row"] is None


def with_ids(rows, seed=0):
    """Few distinct losses, so that many rows tie, and ids in no order."""
    rng = np.random.default_rng(seed)
    p = rng.choice([0.0, 0.25, 0.5, np.nan], size=rows, p=[0.1, 0.4, 0.4, 0.1])
    y = np.zeros(rows, int)
    y[rng.random(rows) < 0.05] = -1
    return {"y": y, "p_0": p, "p_1": 1 - p, "id": rng.permutation(rows)}


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 900),
    st.lists(st.integers(0, 900), max_size=5),
    st.randoms(use_true_random=False),
)
def test_with_ids_no_split_no_order_and_no_worker_can_be_seen(seed, rows, cuts, random):
    columns = with_ids(rows, seed)
    options = Options(target="y", id="id", nan="exclude", ignore=-1, interval="bootstrap")
    source = ArraySource(columns)
    plan = make_plan(source.fields, source.head(9), options)
    whole = local.score(source, plan, options).summary.to_json()
    order = random.sample(range(rows), rows)
    edges = sorted({0, rows, *(c % rows for c in cuts)})
    states = [
        score_part([{n: v[order[a:b]] for n, v in columns.items()}], plan, options)
        for a, b in itertools.pairwise(edges)
    ]
    merged = merge_parts([*states[1::2], merge_parts(states[::2])])
    assert merged.state == whole
    assert merged.sample == b""  # two classes have no terms that need rows


@pytest.mark.parametrize("kind", ["classes", "labels", "log_probs"])
def test_ids_change_names_and_nothing_else(kind):
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.ones(3), size=400)
    ids = np.array([f"r{k}" for k in range(400)])
    columns = {"id": ids, "weight": rng.integers(0, 3, size=400)}
    options = {"weight": "weight"}
    if kind == "classes":
        columns |= {"y": rng.integers(3, size=400), "p": p}
        options |= {"target": "y", "probs": "p"}
    elif kind == "labels":
        columns |= {"a": (p[:, 0] > 0.3) * 1, "b": (p[:, 1] > 0.3) * 1, "p": p[:, :2]}
        options |= {"labels": ["a", "b"], "probs": "p", "task": "multi"}
    else:
        columns |= {"lp": np.log(p[:, 0])}
        options |= {"log_probs": "lp"}
    numbered = evaluate(columns, **options).summary
    named = evaluate(columns, id="id", **options).summary
    assert named.without_rows() == numbered.without_rows()
    assert [s.row for s in named.worst] == [f"r{s.row}" for s in numbered.worst]
    assert "counted from 0" not in str(evaluate(columns, id="id", **options))
