"""Tables are whole or not there, and hold what was written."""

import os

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from xent.errors import XentValueError
from xent.report.tables import table_path, table_writer


def write(path, *batches):
    write_all(path, batches)


def write_all(path, batches):
    with table_writer(str(path)) as write_batch:
        for batch in batches:
            write_batch(batch)


def test_batches_of_numpy_and_arrow_become_one_table(tmp_path):
    path = tmp_path / "a.parquet"
    names = pa.array(["a", "b"])
    batch = {"n": names, "p": np.array([[0.1, 0.9], [0.2, 0.8]]), "w": np.array([1, 2])}
    write(path, batch, batch)
    table = parquet.read_table(path)
    assert table.column_names == ["n", "p", "w"]
    assert table["p"].to_pylist() == [[0.1, 0.9], [0.2, 0.8]] * 2
    assert table["n"].to_pylist() == ["a", "b"] * 2


def test_csv(tmp_path):
    path = tmp_path / "a.csv"
    write(path, {"p": np.array([0.1, 1e-300]), "t": np.array(["x", 'y"'])})
    table = csv.read_csv(path)
    assert table.to_pydict() == {"p": [0.1, 1e-300], "t": ["x", 'y"']}


def test_a_table_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.parquet"
    write(path, {"p": np.array([1.0])})
    before = path.read_bytes()

    def interrupted():
        yield {"p": np.array([2.0])}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_all(path, interrupted())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.parquet"]


def test_permissions_are_those_of_new_files(tmp_path):
    path = tmp_path / "a.csv"
    write(path, {"p": np.array([1.0])})
    (tmp_path / "new").write_text("")
    assert path.stat().st_mode == (tmp_path / "new").stat().st_mode


def test_lists_in_csv_are_refused(tmp_path):
    with pytest.raises(XentValueError, match=r"must hold no lists, got column 'p'.*write .parquet"):
        write(tmp_path / "a.csv", {"p": np.ones((1, 2))})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a.txt", "a", "a.parquet.gz"])
def test_other_endings_are_refused_before_any_work(tmp_path, name):
    with pytest.raises(XentValueError, match=r"\.parquet or \.csv, got"):
        table_path(str(tmp_path / name))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(XentValueError, match="folder that exists"):
        table_path(str(tmp_path / "no" / "a.csv"))
