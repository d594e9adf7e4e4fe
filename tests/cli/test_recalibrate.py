"""`xent recalibrate`: fit, keep, apply, judge; and what bad input gets."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from scipy.special import expit, softmax

import xent
from xent.cli.app import BAD_INPUT, OK, run
from xent.evaluation import evaluate
from xent.evaluation.recalibration import Recalibration

CLASSES = np.array(["cat", "dog", "fox"])


def table(seed, n=800, order=(0, 1, 2), **columns):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3)) * 1.5
    p = softmax(z + np.array([-0.7, 0.0, 0.7]), axis=1)
    target = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, 2)
    q = softmax(2 * z, axis=1)
    named = {f"p_{CLASSES[j]}": q[:, j] for j in order}
    return pa.table({"id": np.arange(n), "y": CLASSES[target], **named, **columns})


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parquet.write_table(table(1), "train.parquet")
    parquet.write_table(table(2), "test.parquet")
    csv.write_csv(table(2), "test.csv")


@pytest.fixture
def command(capsys):
    def call(*arguments):
        code = run(["recalibrate", *map(str, arguments)])
        done = capsys.readouterr()
        return code, done.out, done.err

    return call


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic", "shift"])
def test_what_is_gained_on_other_rows_is_what_evaluate_finds(command, method):
    code, out, _ = command(
        "train.parquet", "--method", method, "--apply", "test.parquet", "--to", "out.parquet",
        "--json",
    )  # fmt: skip
    assert code == OK
    found = json.loads(out)["improvement"]
    before, after = evaluate("test.parquet"), evaluate("out.parquet")
    assert found["before"] == pytest.approx(before.log_loss, rel=1e-14)
    assert found["after"] == pytest.approx(after.log_loss, rel=1e-13)
    assert found["gain"] == found["before"] - found["after"]
    assert found["interval"]["low"] < found["gain"] < found["interval"]["high"]
    assert found["interval"]["low"] > 0
    # all columns stay, in their order; only predictions change
    was, now = parquet.read_table("test.parquet"), parquet.read_table("out.parquet")
    assert now.column_names == was.column_names
    assert now.select(["id", "y"]) == was.select(["id", "y"])


def test_the_interval_is_of_differences_of_the_same_rows(command):
    _, out, _ = command("train.parquet", "--apply", "test.parquet", "--to", "out.parquet", "--json")
    low = json.loads(out)["improvement"]["interval"]["low"]
    rows = [parquet.read_table(f) for f in ("test.parquet", "out.parquet")]
    losses = [
        -np.log([row[f"p_{row['y']}"] for row in t.to_pylist()]) for t in rows
    ]  # fmt: skip
    d = losses[0] - losses[1]
    from xent.evaluation.intervals.means import hall_interval

    mean = d.mean()
    expected = hall_interval(len(d), mean, d.var(), ((d - mean) ** 3).mean())
    assert low == pytest.approx(expected.low, rel=1e-9)


def test_a_fit_is_kept_and_applied_later(command):
    code, out, _ = command("train.parquet", "--method", "vector", "-o", "recal.json")
    assert code == OK
    assert "vector recalibration of 3 classes, fitted to 800 rows of train.parquet" in out
    assert "written: recal.json" in out
    code, out, _ = command("--with", "recal.json", "test.csv", "--to", "out.csv")
    assert code == OK
    assert "applied to 800 rows of test.csv" in out
    r = Recalibration.from_json(Path("recal.json").read_text())
    assert r == xent.recalibrate("train.parquet", method="vector")
    was, now = csv.read_csv("test.csv"), csv.read_csv("out.csv")
    probs = np.column_stack([was[f"p_{c}"] for c in CLASSES])
    assert np.column_stack([now[f"p_{c}"] for c in CLASSES]) == pytest.approx(
        r.apply(probs), rel=1e-14
    )


def test_classes_in_another_order_are_matched_by_name(command):
    command("train.parquet", "--method", "vector", "-o", "recal.json")
    parquet.write_table(table(2, order=(2, 0, 1)), "turned.parquet")
    _, plain, _ = command("--with", "recal.json", "test.parquet", "--to", "a.parquet", "--json")
    code, turned, _ = command(
        "--with", "recal.json", "turned.parquet", "--to", "b.parquet", "--json"
    )
    assert code == OK
    assert json.loads(turned)["improvement"] == json.loads(plain)["improvement"]
    a, b = parquet.read_table("a.parquet"), parquet.read_table("b.parquet")
    assert b.column_names[2:] == ["p_fox", "p_cat", "p_dog"]
    assert b.select(a.column_names) == a


def test_rows_without_their_truth_are_recalibrated_and_not_judged(command):
    command("train.parquet", "-o", "recal.json")
    full = parquet.read_table("test.parquet")
    # a whole number beside the predictions is no truth by itself
    parquet.write_table(full.drop_columns(["y"]), "new.parquet")
    code, out, _ = command("--with", "recal.json", "new.parquet", "--to", "out.parquet")
    assert code == OK
    assert "does not hold the truth" in out
    command("--with", "recal.json", "test.parquet", "--to", "judged.parquet")
    judged = parquet.read_table("judged.parquet").drop_columns(["y"])
    assert parquet.read_table("out.parquet") == judged


def test_logits_stay_logits_and_lists_stay_lists(command):
    train, test = parquet.read_table("train.parquet"), parquet.read_table("test.parquet")

    def lists(t):
        p = np.column_stack([t[f"p_{c}"] for c in CLASSES])
        flat = pa.array(np.log(p).ravel() + 7)
        return pa.table({"y": t["y"], "logits": pa.FixedSizeListArray.from_arrays(flat, 3)})

    parquet.write_table(lists(train), "a.parquet")
    parquet.write_table(lists(test), "b.parquet")
    names = ("--classes", "cat,dog,fox")
    code, _, _ = command("a.parquet", *names, "-o", "l.json", "--method", "vector")
    assert code == OK
    code, out, _ = command("--with", "l.json", "b.parquet", "--to", "out.parquet", "--json")
    assert code == OK
    made = parquet.read_table("out.parquet")
    assert made.schema.field("logits").type.list_size == 3
    after = evaluate("out.parquet", classes="cat,dog,fox")
    assert after.log_loss == pytest.approx(json.loads(out)["improvement"]["after"], rel=1e-13)
    direct = xent.recalibrate("train.parquet", method="vector")
    kept = Recalibration.from_json(Path("l.json").read_text())
    assert kept.bias == pytest.approx(direct.bias, abs=1e-9)
    code, _, err = command("--with", "l.json", "b.parquet", "--to", "out.csv")
    assert code == BAD_INPUT
    assert "must hold no lists" in err


def test_labels_and_one_column(command):
    rng = np.random.default_rng(5)
    s = rng.normal(size=(600, 2))
    y = (rng.random((600, 2)) < expit(s / 2)).astype(np.int64)
    p = expit(s)
    both = {"p_a": p[:, 0], "p_b": p[:, 1], "y_a": y[:, 0], "y_b": y[:, 1]}
    parquet.write_table(pa.table(both), "labels.parquet")
    code, out, _ = command("labels.parquet", "--task", "multi", "--method", "vector",
                           "-o", "l.json", "--apply", "labels.parquet", "--to", "o.parquet",
                           "--json")  # fmt: skip
    assert code == OK
    after = evaluate("o.parquet", task="multi")
    found = json.loads(out)
    assert found["improvement"]["after"] == pytest.approx(after.log_loss, rel=1e-13)
    assert found["recalibration"]["training"]["log_loss"] == pytest.approx(
        after.log_loss, rel=1e-13
    )
    without = parquet.read_table("labels.parquet").drop_columns(["y_a", "y_b"])
    parquet.write_table(without, "new.parquet")
    code, out, _ = command("--with", "l.json", "new.parquet", "--to", "n.parquet")
    assert (code, "does not hold the truth" in out) == (OK, True)
    now = parquet.read_table("n.parquet")
    assert now["p_a"] == parquet.read_table("o.parquet")["p_a"]

    parquet.write_table(pa.table({"target": y[:, 0], "p": p[:, 0]}), "one.parquet")
    code, out, _ = command("one.parquet", "-o", "one.json", "--apply", "one.parquet", "--to",
                           "one_out.parquet", "--json")  # fmt: skip
    assert code == OK
    after = evaluate("one_out.parquet").log_loss
    assert json.loads(out)["improvement"]["after"] == pytest.approx(after, rel=1e-13)


def test_missing_and_impossible_rows(command):
    t = table(3)
    p = np.array(t["p_cat"]).copy()
    p[4] = np.nan
    t = t.set_column(2, "p_cat", pa.array(p))
    parquet.write_table(t, "holes.parquet")
    command("train.parquet", "-o", "recal.json")
    code, _, err = command("--with", "recal.json", "holes.parquet", "--to", "o.parquet")
    assert code == BAD_INPUT
    assert "in row 4" in err
    assert not os.path.exists("o.parquet")
    code, out, _ = command("--with", "recal.json", "holes.parquet", "--to", "o.parquet",
                           "--nan", "exclude")  # fmt: skip
    assert code == OK
    assert "799 rows" in out
    made = np.array(parquet.read_table("o.parquet")["p_cat"])
    assert len(made) == 800
    assert np.flatnonzero(np.isnan(made)).tolist() == [4]

    names = list(t["y"].to_pylist())
    q = np.column_stack([np.array(table(3)[f"p_{c}"]) for c in CLASSES])
    first = CLASSES.tolist().index(names[0])
    q[0, first] = 0
    q[0] /= q[0].sum()
    sure = {f"p_{c}": q[:, j] for j, c in enumerate(CLASSES)}
    parquet.write_table(pa.table({"y": names, **sure}), "sure.parquet")
    code, out, _ = command("--with", "recal.json", "sure.parquet")
    assert code == OK
    assert "impossible rows, which are not in it: 1 before, 1 after" in out


def test_a_gain_that_may_be_none_is_said_to_be_so(command):
    parquet.write_table(table(2).slice(0, 12), "few.parquet")
    command("train.parquet", "--apply", "test.parquet", "--to", "good.parquet")
    code, out, _ = command("good.parquet", "--apply", "few.parquet")
    assert code == OK
    assert "applied to 12 rows of few.parquet" in out
    code, out, _ = command("good.parquet", "--apply", "good.parquet")
    assert "the interval holds 0" in out


def test_the_same_file_may_be_replaced(command):
    command("train.parquet", "-o", "recal.json")
    command("--with", "recal.json", "test.parquet", "--to", "out.parquet")
    code, _, _ = command("--with", "recal.json", "test.parquet", "--to", "test.parquet")
    assert code == OK
    assert parquet.read_table("test.parquet") == parquet.read_table("out.parquet")


@pytest.mark.parametrize("read", ["train.parquet", "test.parquet"])
def test_a_recalibration_is_not_written_over_the_rows_it_is_made_of(command, read):
    before = Path(read).read_bytes()
    code, _, err = command("train.parquet", "--apply", "test.parquet", "-o", read)
    assert code == BAD_INPUT
    assert read in err
    assert Path(read).read_bytes() == before


def test_bits(command):
    _, nats, _ = command("train.parquet")
    _, bits, _ = command("train.parquet", "--unit", "bit")
    assert "in nats" in nats
    assert "in bits" in bits
    assert nats.splitlines()[1] == bits.splitlines()[1]
    assert nats != bits


# bad input ---------------------------------------------------------------------------------


@pytest.fixture
def kept(command):
    command("train.parquet", "-o", "recal.json")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--with", "recal.json", "test.parquet", "--method", "vector"], "comes without --method"),
        (["--with", "recal.json", "test.parquet", "-o", "x.json"], "comes without --output"),
        (["--with", "recal.json", "test.parquet", "--apply", "a"], "comes without --apply"),
        (["--with", "recal.json"], "must come with the file to apply to"),
        (["train.parquet", "--to", "o.parquet"], "--to must come with the file whose rows"),
        (["--with", "none.json", "test.parquet"], "none.json cannot be read: No such file"),
        (["--with", "test.parquet", "test.parquet"], "JSON of a recalibration, got no text"),
        (["--with", "recal.json", "test.parquet", "--to", "o.txt"], ".parquet or .csv, got"),
        (["--with", "recal.json", "test.parquet", "--to", "no/o.csv"], "folder that exists"),
        (["train.parquet", "-o", "no/r.json"], "folder that exists"),
        (["none.parquet"], "source must exist, got 'none.parquet'"),
        ([], "source must be given"),
        (["--with", "recal.json", "test.parquet", "--probs", "p_cat,p_dog"],
         "of the 3 classes that the recalibration was fitted to, got 2 classes without fox"),
        (["--with", "recal.json", "test.parquet", "--target", "z"], "target must name a column"),
        (["train.parquet", "--method", "platt"], "method"),
    ],
)  # fmt: skip
def test_bad_usage_is_refused(command, arguments, message):
    code, out, err = command(*arguments)
    assert code == BAD_INPUT
    assert out == ""
    assert message in err


def test_a_file_of_another_version_is_refused(command, kept):
    state = json.loads(Path("recal.json").read_text())
    with open("new.json", "w") as file:
        json.dump({**state, "version": 2}, file)
    code, _, err = command("--with", "new.json", "test.parquet")
    assert code == BAD_INPUT
    assert "new.json must have version 1, got 2" in err
    assert "hint: fit it again with this version of xent" in err


def test_rows_that_a_recalibration_refuses_leave_no_file(command, kept):
    t = table(2)
    p = np.array(t["p_cat"]).copy()
    p[700] = 1.5
    parquet.write_table(t.set_column(2, "p_cat", pa.array(p)), "bad.parquet")
    code, _, err = command("--with", "recal.json", "bad.parquet", "--to", "o.parquet")
    assert code == BAD_INPUT
    assert "must be in [0, 1], got 1.5 in row 700" in err
    assert [f for f in os.listdir() if "o.parquet" in f or f.startswith(".xent")] == []
