"""Files are whole or not there; JSON has no number that JSON lacks."""

import errno
import json
import math
import os
import stat
from types import SimpleNamespace

import pytest

from xent.errors import XentValueError
from xent.evaluation import files
from xent.report.machine import to_json
from xent.report.progress import progress_bar
from xent.report.write import writable, write_text


def test_json_of_what_json_has_no_number_for():
    text = to_json({"a": [math.inf, -math.inf, math.nan, 1.5], "b": {"c": None}})
    assert json.loads(text) == {"a": ["Infinity", "-Infinity", "NaN", 1.5], "b": {"c": None}}
    assert math.isinf(float(json.loads(text)["a"][0]))


def test_a_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    write_text(str(path), "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(str(path), "half \ud800")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_places_that_cannot_be_written(tmp_path):
    writable(None)
    writable(str(tmp_path / "new.txt"))
    with pytest.raises(XentValueError, match="got the folder"):
        writable(str(tmp_path))
    with pytest.raises(XentValueError, match="got the folder ''"):
        writable("")
    with pytest.raises(XentValueError, match="folder that exists"):
        writable(str(tmp_path / "no" / "a.txt"))


def test_a_folder_that_takes_no_files_is_told_before_any_work(tmp_path, monkeypatch):
    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(files.tempfile, "mkstemp", refuse)
    with pytest.raises(XentValueError, match=r"got '.*new\.txt': read-only file system"):
        writable(str(tmp_path / "new.txt"))


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="another kind of system")
def test_proc_takes_no_files_not_even_of_root():
    with pytest.raises(XentValueError, match="must be where files can be made, got '/proc/page"):
        writable("/proc/page.html")


def test_looking_whether_a_place_is_writable_leaves_nothing(tmp_path):
    writable(str(tmp_path / "new.txt"))
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    path, link = tmp_path / "real" / "a.txt", tmp_path / "link.txt"
    link.symlink_to(path)
    for text in ("new", "newer"):
        writable(str(link))
        write_text(str(link), text)
        assert link.is_symlink()
        assert path.read_text() == text
    assert os.listdir(tmp_path / "real") == ["a.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        writable(str(path))
        write_text(str(path), "whole")
        assert os.read(reader, 100) == b"whole"
        assert stat.S_ISFIFO(path.stat().st_mode)
    finally:
        os.close(reader)


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
