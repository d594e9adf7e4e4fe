"""`xent evaluate --report`: a page, whole or not there."""

import html
import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xent.cli.app import run

DIGITS = str(Path(__file__).parents[2] / "examples" / "digits.parquet")


def numbers(path):
    text = path.read_text("utf-8")
    return json.loads(re.findall(r'id="numbers">(.*?)</script>', text)[0])


def test_a_page_beside_the_table(tmp_path, capsys):
    path = tmp_path / "page.html"
    assert run(["evaluate", DIGITS, "--report", str(path), "--unit", "bit"]) == 0
    assert "log loss" in capsys.readouterr().out
    assert os.listdir(tmp_path) == ["page.html"]
    assert numbers(path)["num_rows"] == 1797
    # what was asked for is told; where the page went is not
    assert "--unit bit<" in path.read_text("utf-8")
    assert str(tmp_path) not in path.read_text("utf-8")


def test_the_page_is_the_same_twice(tmp_path):
    for name in ("a.html", "b.html"):
        assert run(["evaluate", DIGITS, "--report", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_page_in_chinese(tmp_path):
    path = tmp_path / "page.html"
    assert run(["evaluate", DIGITS, "--report", str(path), "--lang", "zh"]) == 0
    text = path.read_text("utf-8")
    assert '<html lang="zh-Hans">' in text
    assert "对数损失" in text


def test_an_unknown_language_is_bad_usage(tmp_path):
    path = tmp_path / "page.html"
    assert run(["evaluate", DIGITS, "--report", str(path), "--lang", "fr"]) == 2
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("xent.evaluation.evaluate", lambda *a, **k: pytest.fail("worked"))
    assert run(["evaluate", DIGITS, "--report", str(tmp_path / "no" / "page.html")]) == 2
    assert "folder that exists" in capsys.readouterr().err


def test_an_interrupted_page_is_not_there(tmp_path, monkeypatch):
    path = tmp_path / "page.html"

    def interrupted(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    assert run(["evaluate", DIGITS, "--report", str(path)]) == 130
    assert os.listdir(tmp_path) == []


def test_a_page_of_a_comparison(tmp_path):
    path = tmp_path / "page.html"
    other = DIGITS.replace("digits.parquet", "digits_naive_bayes.parquet")
    assert run(["compare", other, DIGITS, "--report", str(path), "--level", "0.9"]) == 0
    assert numbers(path)["best"].endswith("digits.parquet")
    assert "--level 0.9" in path.read_text("utf-8")


def test_the_options_of_a_page_make_the_same_page_again(tmp_path):
    rows = np.random.default_rng(0).random((60, 2))
    columns = {"y": (rows[:, 0] < 0.5).astype(int), "p a": rows[:, 0], "p_b": rows[:, 1]}
    columns |= {"id": range(60), "site": ["x", "y"] * 30}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    source = str(tmp_path / "rows.parquet")
    asked = ["--target", "y", "--probs", "p a", "--probs", "p_b", "--name", "first", "--name", "b"]
    for command, given in (
        ("compare", [*asked, "--key", "id", "--inner"]),
        ("evaluate", ["--target", "y", "--probs", "p a", "--by", "site", "--unit", "bit"]),
    ):
        page = tmp_path / "page.html"
        assert run([command, source, *given, "--report", str(page)]) == 0
        first = page.read_text("utf-8")
        shown = html.unescape(re.findall(r"<bdi>(--.*?)</bdi>", first)[0])
        assert sorted(shlex.split(shown)) == sorted(given)
        assert run([command, source, *shlex.split(shown), "--report", str(page)]) == 0
        assert page.read_text("utf-8") == first
