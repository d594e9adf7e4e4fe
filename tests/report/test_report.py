"""JSON has no number that JSON lacks; a progress bar is one line, and only on a terminal."""

import json
import math
from types import SimpleNamespace

import pytest

from xent.report.machine import to_json
from xent.report.progress import progress_bar


def test_json_of_what_json_has_no_number_for():
    text = to_json({"a": [math.inf, -math.inf, math.nan, 1.5], "b": {"c": None}})
    assert json.loads(text) == {"a": ["Infinity", "-Infinity", "NaN", 1.5], "b": {"c": None}}
    assert math.isinf(float(json.loads(text)["a"][0]))


def test_no_progress_bar_where_nobody_looks():
    with progress_bar("a") as progress:
        assert progress is None


@pytest.fixture
def bar_of(monkeypatch, capsys):
    """Return what a terminal of this width is shown of 10 of 40 million rows after 2 seconds."""

    def bar(width):
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(width))
        clock = iter([0.0, 2.0, 2.0])  # when it begins, and twice where rows are done
        monkeypatch.setattr("xent.report.progress.time", SimpleNamespace(monotonic=clock.__next__))
        with progress_bar("/data/2026/[red]a.parquet") as progress:
            progress(10_000_000, 40_000_000)
        return capsys.readouterr().err

    return bar


def test_a_progress_bar_on_a_terminal(bar_of):
    shown = bar_of(80)
    for text in ("[red]a.parquet", "10,000,000 rows, 5,000,000 a second", " left "):
        assert text in shown


@pytest.mark.parametrize("width", [40, 80])
def test_a_progress_bar_is_one_line(bar_of, width):
    assert bar_of(width).count("\n") == 1


def test_no_progress_bar_for_what_is_soon_done(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    clock = iter([0.0, 0.4, 0.5])
    monkeypatch.setattr("xent.report.progress.time", SimpleNamespace(monotonic=clock.__next__))
    with progress_bar("digits.parquet") as progress:
        progress(1000, 2000)
        progress(2000, 2000)
    assert capsys.readouterr().err == ""
