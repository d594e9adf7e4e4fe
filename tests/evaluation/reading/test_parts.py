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


def test_a_link_to_a_file_that_its_pattern_finds_is_refused(folder):
    os.symlink("p1.csv", "plink.csv")
    said = (
        "sources must be different files, got 'p1.csv' twice, by 'p*.csv' as 'plink.csv' too: its "
        "rows would count twice; choose a pattern that leaves links out"
    )
    assert refused("p*.csv") == refused(["p*.csv"]) == said
    assert evaluate("p?.csv").num_rows == 2 + 3 + 4
    with pytest.raises(SourceError, match=r"by 'p\*.csv' as 'plink.csv' too"):
        evaluate("p*.csv", sql="SELECT * FROM source")


def test_a_linked_folder_counts_where_a_pattern_enters_it(folder):
    os.mkdir("days")
    for day in ("one", "two"):
        os.mkdir(f"days/{day}")
        os.rename(f"p{len(os.listdir('days')) - 1}.csv", f"days/{day}/p.csv")
    os.symlink("two", "days/latest")
    said = refused("days/*/p.csv")
    assert "got 'days/latest/p.csv' twice, by 'days/*/p.csv' as 'days/two/p.csv' too" in said
    # what ** finds lies in no linked folder
    assert evaluate("days/**/p.csv").num_rows == 2 + 3
    assert evaluate(str(folder / "days/**/p.csv")).num_rows == 2 + 3
    os.symlink("days", "all")
    assert evaluate("all/**/p.csv").num_rows == 2 + 3
    os.symlink("two/p.csv", "days/p.csv")
    assert "got 'days/p.csv' twice" in refused("days/**/p.csv")
