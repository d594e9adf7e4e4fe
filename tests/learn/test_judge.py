"""A file that was dropped: judged as `evaluate` judges it, or told what is wrong, and not kept."""

import json
import re
import tempfile
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learn.uploads import BROKEN, NAMES, ROWS

from xent.evaluation import evaluate
from xent.learn.example_files import EXAMPLES
from xent.learn.judge import ENDINGS, judge
from xent.learn.verdict import commands, headline, options_of, printed, whose

ELSEWHERE = "<img src=x onerror=alert(1)>"


def say(key, **values):
    return f"{key} {values}" if values else key


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Where temporary files go; none may stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


# What evaluate says -----------------------------------------------------------


@pytest.mark.parametrize("name", ["one_label.csv", "many_labels.csv"])
def test_an_example_is_judged_as_evaluate_judges_the_file(name, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / name
    path.write_bytes(EXAMPLES[name]())
    here, there = judge(name, EXAMPLES[name]()), evaluate(str(path))
    assert here.evaluation.summary == there.summary
    assert {**here.evaluation.to_dict(), "source": ""} == {**there.to_dict(), "source": ""}
    assert here.evaluation.name == name


def test_the_first_example_is_too_sure_as_it_was_made():
    found = judge("one_label.csv", EXAMPLES["one_label.csv"]()).evaluation.temperature
    # what chance adds to 1.8, at 600 rows: three standard errors of log beta
    assert abs(np.log(found.temperature / 1.8)) < 3 * found.standard_error


def test_the_second_example_is_calibrated_as_it_was_made():
    whole, *_ = judge("many_labels.csv", EXAMPLES["many_labels.csv"]()).evaluation.decomposition
    assert whole.miscalibration.p_value > 0.05


def test_other_formats_give_the_same_numbers(tmp_path_factory):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path_factory.mktemp("files") / "a.parquet"
    y, p = [1, 0, 1], [0.5, 0.25, 0.75]
    pq.write_table(pa.table({"y": y, "p": p}), path)
    lines = "\n".join(json.dumps({"y": a, "p": b}) for a, b in zip(y, p, strict=True)).encode()
    expected = judge("a.csv", ROWS).evaluation.summary
    assert judge("a.parquet", path.read_bytes()).evaluation.summary == expected
    assert judge("A.JSONL", lines).evaluation.summary == expected
    assert judge("a.tsv", ROWS.replace(b",", b"\t")).evaluation.summary == expected


def test_options_are_those_of_evaluate():
    rows = b"a,b,c\n1,2,0\n4,-5,1\n3,3,1\n2,-9,0\n"
    assert "name the columns" in judge("a.csv", rows).message
    asked = {"target": "c", "predictions": ["b"], "kind": "logits", "unit": "bit", "nan": ""}
    found = judge("a.csv", rows, **options_of(asked)).evaluation
    logits, truth = np.array([2.0, -5, 3, -9]), np.array([0, 1, 1, 0])
    nll = np.logaddexp(0, np.where(truth, -logits, logits))
    assert found.log_loss == pytest.approx(nll.mean() / np.log(2), rel=1e-14)
    assert judge("a.csv", rows).columns == ("a", "b", "c")


def test_several_columns_are_all_handed_over():
    asked = {"predictions": ["p_cat", "p_frog", "p_mouse"], "kind": "probs", "task": "class"}
    options = options_of(asked)
    assert options == {"probs": ["p_cat", "p_frog", "p_mouse"], "task": "class"}
    chosen = judge("a.csv", EXAMPLES["one_label.csv"](), **options)
    by_itself = judge("a.csv", EXAMPLES["one_label.csv"]())
    assert chosen.evaluation.summary == by_itself.evaluation.summary


def test_a_warning_is_part_of_what_is_shown_and_not_printed():
    rows = b"y,p\n" + b"1,0.5\n" * 50 + b"0,0\n1,0\n" * 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        judged = judge("a.csv", rows, zero="clip:1e-15")
    assert judged.evaluation.warnings
    assert "D31" in headline(judged, say)


# What is wrong ----------------------------------------------------------------


@pytest.mark.parametrize(("name", "contents", "told"), BROKEN, ids=NAMES)
def test_a_broken_file_is_told_in_words(name, contents, told):
    judged = judge(name, contents)
    assert judged.evaluation is None
    assert re.search(told, judged.message), judged.message
    # our copy has another name
    assert not re.search(r"xent-learn|predictions\.", judged.message)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ENDINGS), st.binary(max_size=200))
def test_whatever_the_bytes_are_there_is_a_number_or_a_message(ending, contents):
    judged = judge("a" + ending, contents)
    assert (judged.evaluation is None) == bool(judged.message)


CELLS = st.sampled_from(["", "0", "1", "0.5", "nan", "inf", "-1", "cat", '"', "é", "1e400", " "])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_whatever_the_cells_are_there_is_a_number_or_a_message(rows):
    text = "\n".join(",".join(row) for row in [["y", "p_0", "p_1"], *rows])
    judged = judge("a.csv", text.encode())
    assert (judged.evaluation is None) == bool(judged.message)


# Names ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../a.csv", "/etc/a.csv", "..\\a.csv", "C:\\x\\a.csv"])
def test_a_name_is_only_shown_and_never_a_path(name):
    judged = judge(name, ROWS)
    assert judged.name == "a.csv"
    assert judged.evaluation.name == "a.csv"


def test_names_of_files_and_columns_are_text():
    rows = ROWS.replace(b"y,p", f'"{ELSEWHERE}",p'.encode())
    judged = judge(f"{ELSEWHERE}.csv", rows)
    wrong = judge(f"{ELSEWHERE}.csv", rows.replace(b"0.5", b"1.5"))
    pieces = [headline(judged, say), headline(wrong, say), whose(judged, say)]
    for html in [*pieces, printed(str(judged.evaluation), ELSEWHERE)]:
        assert "<img" not in html
        assert "&lt;img" in html
    assert "<img" not in judged.evaluation._repr_html_()


def test_a_name_is_not_endless_and_printable():
    assert len(judge("a" * 9999 + ".csv", ROWS).name) < 200
    assert judge("a\u202e\x00b.csv", ROWS).name == "a\ufffd\ufffdb.csv"


# The same elsewhere -----------------------------------------------------------


def test_the_lines_of_python_that_are_shown_give_the_same(tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("files"))
    with open("one_label.csv", "wb") as file:
        file.write(EXAMPLES["one_label.csv"]())
    options = {"target": "animal", "unit": "bit", "probs": ["p_cat", "p_frog", "p_mouse"]}
    *_, imports, call = commands("one_label.csv", options).splitlines()
    names = {}
    exec(imports, names)
    there = eval(call, names)
    assert there == judge("one_label.csv", EXAMPLES["one_label.csv"](), **options).evaluation


def test_a_name_that_looks_like_an_option_is_none():
    assert "xent evaluate ./-x.csv" in commands("-x.csv", {})
    assert "xent evaluate '$(rm a).csv'" in commands("$(rm a).csv", {})
