"""What a file declares is read before any of it is unpacked."""

import io
import tracemalloc

import numpy as np
import pytest
from learn import uploads

from xent.errors import SourceError
from xent.learn.upload import LARGEST, MOST_COLUMNS, as_path, check_columns, unpacked


def told(name, ending, contents):
    with pytest.raises(SourceError) as caught:
        unpacked(name, ending, contents)
    return str(caught.value)


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_what_is_packed_is_unpacked(packing):
    if packing == ".gz":
        packed = uploads.packed(uploads.ROWS)
    else:
        pa = pytest.importorskip("pyarrow")
        packed = pa.Codec("zstd").compress(uploads.ROWS).to_pybytes()
    assert unpacked("a.csv" + packing, ".csv" + packing, packed) == (".csv", uploads.ROWS)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz"])
def test_what_is_whole_stays_as_it_is(ending):
    contents = {
        ".csv": b"\xef\xbb\xbf" + "类,p\n".encode(),
        ".parquet": b"PAR1",
        ".npz": uploads.archive(y=np.arange(3)),
    }[ending]
    assert unpacked("a" + ending, ending, contents) == (ending, contents)


# made when they are asked for: every process that collects tests imports this file
BOMBS = {
    "gzip": (".csv.gz", lambda: uploads.packed(b"0" * 20 * LARGEST)),
    "array": (".npz", lambda: uploads.archive(p=np.zeros(10**8, np.uint8))),
    "claim": (".npz", lambda: uploads.zipped(**{"p.npy": uploads.header((10**9,))})),
    "claim of version 3": (
        ".npz", lambda: uploads.zipped(**{"p.npy": uploads.header((10**9,), version=3)}),
    ),
    "many": (".npz", lambda: uploads.zipped(**{f"{i}.npy": b"0" * 10**6 for i in range(100)})),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_before_it_is_unpacked(bomb):
    ending, made = BOMBS[bomb]
    contents = made()
    assert len(contents) < LARGEST / 10
    tracemalloc.start()
    try:
        assert "must unpack to at most 20 MB" in told("a", ending, contents)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # the one byte more that tells, and the copies that a reader joins
    assert most < 4 * LARGEST


def test_a_long_run_in_a_parquet_file_is_refused_by_its_footer():
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    pq.write_table(pa.table({"p": np.zeros(30_000_000, np.float32)}), file)
    assert len(file.getvalue()) < LARGEST / 10
    said = told("a.parquet", ".parquet", file.getvalue())
    assert "a.parquet must unpack to at most 200 MB, got 240.0 MB" in said


def test_columns_are_as_many_as_can_be_chosen_from():
    check_columns("a.csv", MOST_COLUMNS)
    header = b",".join(b"c%d" % i for i in range(MOST_COLUMNS + 1))
    assert told("a.csv", ".csv", header + b"\n").endswith("at most 2,000 columns, got 2,001")


def test_python_objects_are_never_loaded(monkeypatch):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was loaded",))

    contents = uploads.archive(y=np.array([Trap()], object))
    assert told("a.npz", ".npz", contents) == "a.npz cannot be read: it holds Python objects"


@pytest.mark.parametrize(("name", "path"), [("a.csv", "a.csv"), ("-a.csv", "./-a.csv")])
def test_a_name_that_looks_like_an_option_is_a_path(name, path):
    assert as_path(name) == path
