"""Several files as one source: each of them once."""

import os

import numpy as np
import pytest

from xent.errors import SourceError
from xent.evaluation import evaluate


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for k in range(3):
        rows = "".join(f"{j % 2},0.{j + 1}\n" for j in range(k + 2))
        (tmp_path / f"p{k}.csv").write_text("y,p\n" + rows)
    return tmp_path


def refused(paths):
    with pytest.raises(SourceError) as caught:
        evaluate(paths)
    return str(caught.value)


def test_a_file_that_a_pattern_finds_too_is_refused(folder):
    assert refused(["p*.csv", "p1.csv"]) == (
        "sources must be different files, got 'p1.csv' twice, by 'p*.csv' and 'p1.csv': its rows "
        "would count twice; leave out what a pattern finds already"
    )
    assert "got 'p1.csv' twice, by 'p1.csv' and 'p*.csv'" in refused(["p1.csv", "p*.csv"])
    far = str(folder / "p1.csv")
    assert f"twice, by 'p*.csv' and {far!r}" in refused(["p*.csv", far])


def test_patterns_that_overlap_are_refused(folder):
    said = refused(["p*.csv", "p[12].csv"])
    assert "got 'p1.csv' twice, by 'p*.csv' and 'p[12].csv': its rows would count twice" in said
    assert "(1 more such file)" in said
    assert "got 'p2.csv' 3 times, by 'p*.csv' and 'p2.csv'" in refused(
        ["p*.csv", "p2.csv", "p2.csv"]
    )


def test_a_file_named_twice_is_refused(folder):
    assert "got 'p1.csv' twice: its rows would count twice; name it once" in refused(
        ["p1.csv", "./p1.csv"]
    )
    os.symlink("p1.csv", "link.csv")
    assert "got 'p1.csv' twice" in refused(["p1.csv", "link.csv"])


def test_patterns_that_find_different_files_are_read(folder):
    assert evaluate(["p0.csv", "p[12].csv"]).num_rows == 2 + 3 + 4
    # brackets may be part of a name
    np.savez(folder / "a[1].npz", y=[0, 1], p=[0.1, 0.9])
    np.savez(folder / "a1.npz", y=[0, 1], p=[0.1, 0.9])
    assert evaluate(["a[1].npz", "a1.npz"]).num_rows == 4
