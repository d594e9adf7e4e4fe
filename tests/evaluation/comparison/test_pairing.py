"""Which rows are compared with which, and what is refused."""

import io
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xent.errors import SourceError, XentTypeError, XentValueError
from xent.evaluation import compare
from xent.evaluation.comparison import keys
from xent.evaluation.comparison.keys import KeyedRows


def refused(message, *sources, kind=XentValueError, **options):
    with pytest.raises(kind, match=message):
        compare(*sources, **options)


@pytest.fixture
def rng():
    return np.random.default_rng(8)


@pytest.fixture
def tables(rng):
    """Two models, the second in another order, and in the first's order as well."""
    y, p, q = rng.integers(2, size=300), rng.uniform(0.1, 0.9, 300), rng.uniform(0.1, 0.9, 300)
    number = rng.permutation(1000)[:300]
    first = pa.table({"id": number, "name": [f"row {n}" for n in number], "y": y, "p": p})
    second = pa.table({"id": number, "name": [f"row {n}" for n in number], "y": y, "p": q})
    return first, second, second.take(rng.permutation(300))


def test_files_are_closed_after_the_threads_that_read_them(tmp_path, monkeypatch):
    count = 300_000  # more than a thread reads ahead
    rows = {"id": np.arange(count), "y": np.arange(count) % 2, "p": np.full(count, 0.5)}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    monkeypatch.setattr(KeyedRows, "_keys", lambda *_: 1 / 0)
    path = str(tmp_path / "rows.parquet")
    with pytest.raises(ZeroDivisionError) as caught:
        compare(path, path, key="id", names=["a", "b"])
    assert caught.traceback  # which holds what the error left
    assert "xent-reader" not in [thread.name for thread in threading.enumerate()]


# by row


def test_other_lengths_are_refused(tables):
    first, second, _ = tables
    refused(
        "must have the same rows, got 300 in Table, 290 in Table; .*, say key",
        first,
        second.slice(10),
        kind=SourceError,
        probs="p",
        target="y",
    )


def test_every_length_is_counted_to_its_end(tables, tmp_path):
    first, second, _ = tables
    many = pa.concat_tables([first] * 9)
    pq.write_table(many, tmp_path / "a.parquet", row_group_size=100)
    pq.write_table(second, tmp_path / "b.parquet")
    for names in ("ab", "ba"):
        paths = [str(tmp_path / f"{n}.parquet") for n in names]
        counts = {"a": "2,700", "b": "300"}
        said = ", ".join(rf"{counts[n]} in .*{n}\.parquet" for n in names)
        refused(f"got {said};", *paths, kind=SourceError, probs="p", target="y")


def test_a_model_in_several_files_is_the_model_in_one(tables, tmp_path):
    first, second, _ = tables
    paths = {}
    for model, table in (("a", first), ("b", second)):
        # parts of other lengths for each model
        cut = {"a": 100, "b": 170}[model]
        paths[model] = [tmp_path / f"{model}-{i}.parquet" for i in range(2)]
        pq.write_table(table.slice(0, cut), paths[model][0])
        pq.write_table(table.slice(cut), paths[model][1])
    options = {"probs": "p", "target": "y"}
    whole = compare(first, second, **options, names=["a", "b"]).to_dict()
    for key in (None, "id"):
        found = compare(paths["a"], paths["b"], **options, key=key, names=["a", "b"]).to_dict()
        for name in ("difference", "p_value", "kl_ab_mean"):
            assert found[name] == whole[name]
    one = compare([str(paths["a"][0])], [str(paths["a"][0])], **options)
    assert (one.num_rows, one.difference) == (100, 0.0)


def test_rows_that_cannot_be_scored_are_those_of_a_model(tables):
    first, second, _ = tables
    wrong = np.where(np.arange(300) == 41, 1.5, second["p"].to_numpy())
    second = second.set_column(3, "p", pa.array(wrong))
    options = {"probs": "p", "target": "y", "names": ["old", "new"]}
    refused(r"^new: D07: probabilities .* got 1\.5 in row 41 of p", first, second, **options)
    at = int((first["id"].to_numpy() < first["id"].to_numpy()[41]).sum())
    said = rf"^new, in the order of 'id': D07: .* got 1\.5 in row {at} of p"
    refused(said, first, second, key="id", **options)


def test_another_truth_is_refused_with_how_many_and_where(tables):
    first, second, shuffled = (t.drop(["id"]) for t in tables)
    differ = first["y"].to_numpy() != shuffled["y"].to_numpy()
    at = int(np.argmax(differ))
    refused(
        f"in {differ.sum()} of 300 rows, first in row {at}; each class comes as often in both, "
        "so their order may differ; to pair them by a column that names the rows, say key",
        first,
        shuffled,
        kind=SourceError,
        probs="p",
        target="y",
    )
    wrong = second.set_column(1, "y", pa.array(1 - second["y"].to_numpy()))
    refused("in 300 of 300 rows, first in row 0; these are other rows, or another target", first,
            wrong, kind=SourceError, probs="p", target="y")  # fmt: skip


def test_labels_of_another_truth_are_refused(rng):
    y, p = rng.integers(2, size=(50, 2)), rng.random((50, 2))
    z = y.copy()
    z[7, 1] = 1 - z[7, 1]

    def source(truth):
        return {f"y_{j}": truth[:, j] for j in (0, 1)} | {f"p_{j}": p[:, j] for j in (0, 1)}

    refused("in 1 of 50 rows, first in row 7", source(y), source(z), labels="y_*", task="multi",
            probs="p_*", kind=SourceError)  # fmt: skip


def test_other_classes_are_refused(rng):
    y, p = rng.integers(3, size=20), rng.dirichlet(np.ones(3), 20)
    first = {"y": y, **{f"p_{n}": p[:, j] for j, n in enumerate("abc")}}
    second = {"y": y, **{f"p_{n}": p[:, j] for j, n in enumerate("abd")}}
    refused("the same classes, got c only in .*, d only in .*; if their columns are in the same "
            "order, name the classes", first, second, target="y")  # fmt: skip
    refused("got one of 3 classes from .* and log-probabilities", first, {"log_prob": -p[:, 0]})
    assert compare(first, second, target="y", classes="a,b,c").difference == 0


def test_weights_must_be_the_same(tables):
    first, second, _ = tables
    one = first.append_column("w", pa.array(np.ones(300)))
    two = second.append_column("w", pa.array(np.r_[1.0, 2.0, np.ones(298)]))
    options = {"probs": "p", "target": "y", "weight": "w"}
    assert compare(one, second, **options).weighted
    message = "weight 'w' must be the same in all sources, got 1 in Table and 2 in Table in row 1"
    refused(message, one, two, kind=SourceError, **options)


def test_rows_left_out_of_one_are_left_out_of_both():
    y = [0, 1, -1, 1, 0, 1]
    a, b = [0.1, np.nan, 0.5, 0.6, 0.2, 0.7], [0.2, 0.5, 0.5, np.nan, 0.4, 0.9]
    c = compare((y, a), (y, b), nan="exclude", ignore=-1)
    plain = compare(([0, 0, 1], [0.1, 0.2, 0.7]), ([0, 0, 1], [0.2, 0.4, 0.9]))
    assert (c.num_rows, c.num_missing, c.num_ignored) == (3, 2, 1)
    assert c.difference == plain.difference
    assert c.models[0].log_loss == plain.models[0].log_loss
    refused("every value must be a number, got nan in row 1", (y, a), (y, b), ignore=-1)
    nothing = ([-1, -1], [0.5, 0.5])
    refused("must be rows to compare, got 2 ignored", nothing, nothing, ignore=-1)


def test_rows_of_weight_0_count_for_nothing():
    y, a, b, w = [0, 1, 1], [0.1, 0.0, 0.5], [0.2, 0.5, 0.6], [1.0, 0.0, 2.0]
    c = compare((y, a), (y, b), weight=w)
    assert c.num_weightless == 1
    assert c.num_rows == 2
    assert c.only_a_impossible == 0


# by key


@pytest.mark.parametrize("key", ["id", "name"])
def test_rows_of_another_order_are_paired_by_key(tables, tmp_path, key, monkeypatch):
    first, second, shuffled = tables
    monkeypatch.setattr(keys, "BATCH_ROWS", 37)
    names = ["a", "b"]
    expected = compare(first, second, probs="p", target="y", names=names)
    for name, table in (("a", first), ("b", shuffled)):
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=64)
    arrays = {n: shuffled[n].to_numpy(zero_copy_only=False) for n in ("id", "name", "y", "p")}
    paths = str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")
    for sources in ((first, shuffled), paths, (paths[0], arrays), (arrays, first)):
        found = compare(*sources, probs="p", target="y", key=key, names=names)
        flip = -1 if sources[0] is arrays else 1
        assert found.difference == flip * expected.difference
        assert found.num_rows == 300
        assert found.key == key
        assert f"paired by the key {key}" in str(found)
    by_path = compare(*paths, probs="p", target="y", key=key)
    by_table = compare(first, shuffled, probs="p", target="y", key=key)
    assert by_path.evidence[0].log_e_max == by_table.evidence[0].log_e_max  # the same order


def test_rows_without_a_partner(tables, monkeypatch):
    first, second, shuffled = tables
    monkeypatch.setattr(keys, "BATCH_ROWS", 11)
    kept = np.sort(first["id"].to_numpy())[5:]
    missing = first.filter(pa.array(np.isin(first["id"].to_numpy(), kept)))
    alone = int(np.sort(first["id"].to_numpy())[0])
    options = {"probs": "p", "target": "y", "key": "id"}
    message = rf"without a partner: 5 of 300 rows of Table \(first {alone}\); .* say inner"
    refused(message, missing, shuffled, kind=SourceError, **options)
    refused(message, shuffled, missing, kind=SourceError, **options)
    c = compare(missing, shuffled, inner=True, **options)
    assert c.unmatched == (0, 5)
    assert c.num_rows == 295
    both = second.filter(pa.array(np.isin(second["id"].to_numpy(), kept)))
    assert c.difference == compare(missing, both, probs="p", target="y").difference
    assert "5 left out, without a partner" in str(c)


def test_nothing_in_common(tables):
    first, second, _ = tables
    other = second.set_column(0, "id", pa.array(second["id"].to_numpy() + 5000))
    options = {"probs": "p", "target": "y", "key": "id"}
    refused("300 of 300 rows of Table .*, 300 of 300", first, other, kind=SourceError, **options)
    refused("must be rows to compare", first, other, inner=True, **options)


def test_keys_that_repeat_are_refused(tables, monkeypatch):
    first, second, _ = tables
    number = second["id"].to_numpy().copy()
    order = np.argsort(number)
    number[order[100]] = number[order[99]]
    twice = second.set_column(0, "id", pa.array(number))
    options = {"probs": "p", "target": "y", "key": "id", "kind": SourceError}
    for rows in (1 << 16, 100):  # within a batch, and across two
        monkeypatch.setattr(keys, "BATCH_ROWS", rows)
        for inner in (False, True):
            refused(f"got {number[order[99]]} more than once in Table \\(1 row repeats",
                    first, twice, inner=inner, **options)  # fmt: skip


def test_keys_of_another_kind_are_refused(tables, tmp_path):
    first, second, _ = tables
    text = second.set_column(0, "id", pa.array([str(i) for i in second["id"].to_pylist()]))
    options = {"probs": "p", "target": "y", "key": "id"}
    refused("whole numbers in Table and text in Table", first, text, kind=XentTypeError, **options)
    decimal = second.set_column(0, "id", pa.array(second["id"].to_numpy() + 0.5))
    refused("whole numbers or text, got float", first, decimal, kind=XentTypeError, **options)
    ids = [None if i in (5, 8) else v for i, v in enumerate(second["id"].to_pylist())]
    hole = second.set_column(0, "id", pa.array(ids))
    told = "must be there in every row, got 2 rows of Table without one, the first row 5; leave "
    refused(told, first, hole, **options)
    pq.write_table(hole, tmp_path / "hole.parquet")
    told = r"got 2 rows of .*hole\.parquet without one; leave such rows out"
    refused(told, first, tmp_path / "hole.parquet", **options)
    refused("key must name a column, got 'idd'; the nearest is id", first, second, key="idd",
            probs="p", target="y", kind=SourceError)  # fmt: skip


# what is asked


def test_a_row_without_a_cluster_is_refused(tables):
    first, second, _ = tables
    user = pa.array([None if i in (7, 9) else f"user {i % 5}" for i in range(300)])
    message = r"cluster column 'user' must have a value in every row, got none in row 7 \(2 such"
    options = {"target": "y", "probs": "p", "cluster": "user"}
    refused(message, first.append_column("user", user), second, **options)


def test_options_that_cannot_be(tables):
    first, second, _ = tables
    options = {"probs": "p", "target": "y"}
    refused("two models or more, got 1", first, **options)
    refused("inner must come with a key, got none", first, second, inner=True, **options)
    refused(r"level must be in \(0, 1\), got 95; 0.95 is 95 %", first, second, level=95, **options)
    refused("interval must be one of", first, second, interval="wald", **options)
    refused("block must be", first, second, block=0, **options)
    refused("block must come without a cluster, got 5 and 'id'", first, second, block=5,
            cluster="id", **options)  # fmt: skip
    refused(
        "by must name a column, got 'nme'; the nearest is name", first, second, by="nme", **options
    )
    refused("each may say .*, got 'zero' for model 1", first, second, each=[{}, {"zero": "inf"}])
    refused("an entry for every source, got 3 for 2", first, second, each=[{}, {}, {}])
    refused("names must be one different name", first, second, names=["a", "a"], **options)
    refused("needs target, an array", np.ones((3, 2)) / 2, np.ones((3, 2)) / 2, kind=XentTypeError)
    refused("arrays .by. must come with arrays", first, second, by=np.ones(300), **options)


def test_which_source_is_wrong_is_said(tables, tmp_path):
    first, second, _ = tables
    pq.write_table(first, tmp_path / "a.parquet")
    pq.write_table(second.rename_columns(["id", "name", "z", "p"]), tmp_path / "b.parquet")
    refused(r"b\.parquet: target must name a column, got 'y'", str(tmp_path / "a.parquet"),
            str(tmp_path / "b.parquet"), probs="p", target="y", kind=SourceError)  # fmt: skip


def test_standard_input_is_one_of_them(tables, tmp_path, monkeypatch):
    first, second, _ = tables
    pq.write_table(first, tmp_path / "a.parquet")
    pq.write_table(second, tmp_path / "b.parquet")
    stream = io.TextIOWrapper(io.BytesIO((tmp_path / "b.parquet").read_bytes()))
    monkeypatch.setattr("sys.stdin", stream)
    c = compare(str(tmp_path / "a.parquet"), "-", probs="p", target="y")
    assert c.difference == compare(first, second, probs="p", target="y").difference


def test_hints_of_what_users_try(tables, tmp_path):
    first, second, _ = tables
    refused("got 'id,name'; a key is one column: make one of them with --sql", first, second,
            probs="p", target="y", key="id,name", kind=SourceError)  # fmt: skip
    # a column of weights that nobody named was taken for the probabilities of a class
    more = first.append_column("w", pa.array(np.linspace(0.1, 2, 300)))
    both = [t.rename_columns(["id", "name", "y", "risk", *t.column_names[4:]]).drop(["name"])
            for t in (more, second)]  # fmt: skip
    refused("got risk, w only in .*; .*, or say which columns are predictions with probs",
            *both, target="y", key="id")  # fmt: skip


def test_better_is_of_the_rows_that_both_hold_possible(tables):
    y = np.array([1, 0] * 50)
    p = np.where(y == 1, 0.8, 0.2) + np.linspace(-0.05, 0.05, 100)
    q = np.where(y == 1, 0.6, 0.4)
    p[0] = 0.0  # A is infinitely worse, and better on all other rows
    text = str(compare((y, p), (y, q)))
    assert "inf: 1 row impossible for A alone" in text
    assert "A is better on these" in text
    assert "A is better on these" not in str(compare((y[1:], p[1:]), (y[1:], q[1:])))
