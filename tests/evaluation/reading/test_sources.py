"""Files, patterns, queries and tables: the same rows give the same numbers from each."""

import gzip
import io
import json
import signal
import subprocess
import sys
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xent.errors import SourceError
from xent.evaluation import evaluate
from xent.evaluation.reading.duck import DuckSource
from xent.evaluation.reading.sources import ahead, open_source
from xent.evaluation.summary.rows import in_part

ROWS = 40


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    p = rng.dirichlet([1, 1, 1], size=ROWS)
    return pa.table({"label": rng.integers(3, size=ROWS), **{f"p_{j}": p[:, j] for j in range(3)}})


@pytest.fixture
def expected(table):
    return evaluate(table).summary


def lines(table, delimiter=","):
    rows = [delimiter.join(table.column_names)]
    rows += [delimiter.join(map(repr, row.values())) for row in table.to_pylist()]
    return "\n".join(rows) + "\n"


def write(table, path):
    name = path.name
    if name.endswith(".parquet"):
        pq.write_table(table, path)
    elif name.endswith(".csv.gz"):
        path.write_bytes(gzip.compress(lines(table).encode()))
    elif name.endswith((".csv", ".tsv")):
        path.write_text(lines(table, "\t" if name.endswith("v") and "t" in name[-3:] else ","))
    elif name.endswith(".npz"):
        np.savez(path, **{n: table[n].to_numpy() for n in table.column_names})
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    return str(path)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.tsv", "a.csv.gz", "a.jsonl", "a.ndjson", "a.json", "a.parquet", "a.npz"]
)
def test_every_format_gives_the_same_bits(tmp_path, table, expected, name):
    assert evaluate(write(table, tmp_path / name)).summary == expected


def test_other_delimiters_are_found(tmp_path, table, expected):
    path = tmp_path / "a.csv"
    path.write_text(lines(table, ";"))
    assert evaluate(path).summary == expected


def test_a_pattern_is_read_in_the_order_of_the_names(tmp_path, table, expected):
    write(table.slice(0, 15), tmp_path / "part-0.parquet")
    write(table.slice(15), tmp_path / "part-1.parquet")
    assert evaluate(str(tmp_path / "part-*.parquet")).summary == expected


def test_rows_of_several_files_are_called_alike_however_often_they_are_read(tmp_path, table):
    paths = [write(table, tmp_path / name) for name in ("a.parquet", "b.parquet")]
    source = open_source(paths)
    for _ in range(2):
        assert sum(len(batch["label"]) for batch in source.batches(["label"])) == 2 * ROWS
        assert source.called(ROWS + 3) == in_part(3, paths[1])
    source.close()


def test_a_query_reads_the_source_or_the_world(tmp_path, table, expected):
    path = write(table, tmp_path / "a.parquet")
    assert evaluate(path, sql="SELECT * FROM source;").summary == expected
    assert evaluate(sql=f"SELECT * FROM '{path}'").summary == expected
    assert evaluate(path, sql="SELECT * FROM source -- all of it").summary == expected
    half = evaluate(path, sql="SELECT * FROM source WHERE label > 0")
    assert half.num_rows == sum(label > 0 for label in table["label"].to_pylist())


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.list_(pa.float64(), 3)], ids=str)
def test_one_list_column(tmp_path, table, expected, kind):
    lists = [list(row)[1:] for row in zip(*table.to_pydict().values(), strict=True)]
    one = pa.table({"label": table["label"], "probs": pa.array(lists, kind)})
    assert evaluate(write(one, tmp_path / "a.parquet")).summary == expected
    assert evaluate(one).summary == expected


def test_tables_of_other_libraries(table, expected):
    class Frame:
        """What pandas and Polars have in common."""

        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    assert evaluate(Frame()).summary == expected
    assert evaluate({n: table[n].to_numpy() for n in table.column_names}).summary == expected


def test_categories_and_text_targets(table, expected):
    names = pa.array(["cat", "dog", "frog"]).take(table["label"].combine_chunks())
    for target in (names, names.dictionary_encode()):
        columns = {f"p_{n}": table[f"p_{j}"] for j, n in enumerate(["cat", "dog", "frog"])}
        result = evaluate(pa.table({"animal": target, **columns}))
        assert [row.name for row in result.classes] == ["cat", "dog", "frog"]
        assert result.summary.sum_nll == expected.sum_nll
        assert "target: animal; 3 classes from p_cat, p_dog, p_frog" in result.note


def test_missing_lists_and_numbers_are_missing_rows():
    column = pa.array([[0.5, 0.5], None, [0.25, None]], pa.list_(pa.float64()))
    table = pa.table({"label": [0, 1, 1], "probs": column})
    assert evaluate(table, nan="exclude").summary.missing_rows == (1, 2)


def test_standard_input(monkeypatch, tmp_path, table, expected):
    for name in ("a.csv", "a.parquet", "a.jsonl"):
        path = tmp_path / name
        write(table, path)
        stream = io.TextIOWrapper(io.BytesIO(path.read_bytes()))
        monkeypatch.setattr("sys.stdin", stream)
        assert evaluate("-").summary == expected


# what cannot be read


def refused(message, *args, **options):
    with pytest.raises(SourceError, match=message):
        evaluate(*args, **options)


def test_a_missing_file_names_its_neighbours(tmp_path, table):
    write(table, tmp_path / "predictions.csv")
    refused(r"must exist.*the nearest is predictions\.csv", str(tmp_path / "prediction.csv"))
    refused("must be a file, got the folder", str(tmp_path))
    refused(
        r"match a file, got.*\*\.parquet.*there are predictions\.csv", str(tmp_path / "*.parquet")
    )
    refused(r"the nearest is predictions\.csv", str(tmp_path / "prediction*.csv.gz"))
    refused("there is no folder", str(tmp_path / "parts" / "*.parquet"))
    refused("must be .csv", write(table, tmp_path / "a.xlsx"))


def test_a_missing_column_names_the_nearest(tmp_path, table):
    path = write(table, tmp_path / "a.parquet")
    refused("target must name a column, got 'lable'; the nearest is label", path, target="lable")
    refused("probs must match columns, got 'q_.'; there are label, p_0", path, probs="q_?")
    refused("weight must name a column, got 'w'", path, weight="w")


@pytest.mark.parametrize(
    ("line", "found"), [("1,0.2,0.7,0.1,0.3", 5), ("1,0.2", 2)], ids=["long", "short"]
)
@pytest.mark.parametrize("before", [1, 30_000])
def test_a_malformed_line_is_named(tmp_path, line, found, before):
    path = tmp_path / "a.csv"
    path.write_text("label,p_0,p_1,p_2\n" + "0,0.5,0.25,0.25\n" * before + line + "\n1,0,1,0\n")
    refused(rf"a\.csv:{before + 2}: expected 4 fields, found {found}", str(path))


@pytest.mark.parametrize("after", [1, 20_000])
def test_a_quote_that_is_not_closed_is_named(tmp_path, after):
    path = tmp_path / "a.csv"
    path.write_text("label,p_0,p_1\n" + "0,0.5,0.5\n" * 3 + '1,"0.5,0.5\n' + "1,0,1\n" * after)
    refused(r"a\.csv:5: a quote is opened and not closed", str(path))


def test_a_word_among_numbers_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,p_0,p_1\n" + "0,0.5,0.5\n" * 3 + "1,oops,0.5\n")
    refused("column 'p_0' must hold numbers, got 'oops' in row 3", str(path))
    path.write_text("label,p_0,p_1\n" + "0,0.5,0.5\n" * 30_000 + "1,oops,0.5\n")
    refused(r'a\.csv:30002: column \'p_0\': could not convert string "oops"', str(path))


@pytest.mark.parametrize("rows", [1, 3, 3000])
def test_rows_that_are_longer_than_the_header_do_not_take_its_place(tmp_path, rows):
    path = tmp_path / "a.csv"
    path.write_text("label,p\n" + "0,0.5,7\n" * rows)
    refused("a.csv:2: expected 2 fields, found 3", str(path))


def test_a_line_above_the_header_is_passed_over(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("of June\nlabel,p\n" + "0,0.5\n1,0.5\n" * 3)
    assert evaluate(str(path)).num_rows == 6


def test_a_column_that_comes_twice_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,p_0,p_1,p_1\n0,0.5,0.25,0.25\n")
    refused("a.csv:1: column names must be different, got 'p_1' twice", str(path))


def test_broken_files(tmp_path, table):
    path = tmp_path / "a.parquet"
    write(table, path)
    path.write_bytes(path.read_bytes()[:-100])
    refused("the Parquet file is truncated", str(path))
    (tmp_path / "a.npz").write_bytes(b"not a zip")
    refused(r"a\.npz cannot be read: it is truncated or no \.npz file", str(tmp_path / "a.npz"))
    np.savez_compressed(tmp_path / "b.npz", label=np.zeros(100))
    whole = bytearray((tmp_path / "b.npz").read_bytes())
    # behind the header of the member and its extra field of 20 bytes: no such kind of block
    whole[30 + len("label.npy") + 20] = 0b111
    (tmp_path / "b.npz").write_bytes(whole)
    refused(r"b\.npz cannot be read: it is truncated or no \.npz file", str(tmp_path / "b.npz"))
    (tmp_path / "a.csv").write_text("label,p_0,p_1\n")
    refused("must have rows, got none", str(tmp_path / "a.csv"))


def test_a_query_that_cannot_run(tmp_path, table):
    path = write(table, tmp_path / "a.parquet")
    refused("sql cannot be run", path, sql="SELECT nothing FROM source")
    refused("sql", sql="CREATE TABLE t (a INT)")


def test_footers_tell_the_number_of_rows_in_the_middle_of_a_stream(tmp_path):
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"label": [0, 1] * 100_000}), path, row_group_size=50_000)
    source = open_source(str(path))
    stream = source.batches(["label"])
    first = next(stream)
    assert source.num_rows == 200_000
    assert len(first["label"]) + sum(len(b["label"]) for b in stream) == 200_000
    (tmp_path / "few.csv").write_text("label,p\n0,0.5\n")
    assert open_source(str(tmp_path / "few.csv")).num_rows is None
    assert open_source(str(path), "FROM source LIMIT 3").num_rows is None


def test_reading_numbers_loads_no_pandas(table, tmp_path):
    # which takes a third of a second, where it is installed
    pytest.importorskip("pandas")
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path)
    program = f"""
import sys
from xent.evaluation import evaluate
evaluate({str(path)!r})
print("pandas" in sys.modules)
"""
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("ask", ["open", "head"])
def test_ctrl_c_in_the_middle_of_a_query_is_ctrl_c(tmp_path, ask):
    """DuckDB looks for signals while it works, and makes a RuntimeError of what they raise."""
    pq.write_table(pa.table({"p": np.random.default_rng(0).random(200_000)}), tmp_path / "0.pq")
    for k in range(1, 300):
        (tmp_path / f"{k}.pq").symlink_to(tmp_path / "0.pq")
    long = f"SELECT sum(sin(p)) AS total FROM read_parquet('{tmp_path}/*.pq')"  # seconds
    source = DuckSource(long, "the sum of many files")

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            # to know the columns of the second one, it is run
            _ = source.head(1) if ask == "head" else DuckSource(f"PIVOT ({long}) ON total", "it")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        source.close()


def test_ctrl_c_while_the_reader_starts_leaves_no_thread(monkeypatch):
    """A thread that is left in the middle of a library aborts the process at its end."""
    started = []
    start = threading.Thread.start

    def interrupted(thread):
        start(thread)
        started.append(thread)
        raise KeyboardInterrupt

    def batches():
        while True:
            yield {}

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(ahead(batches()))
    (thread,) = started
    thread.join(60)
    assert not thread.is_alive()
    assert not thread.daemon


@pytest.mark.parametrize("empty", ["label,p_0,p_1,p_2\n", "label\n", ""])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_part_without_rows_adds_none(empty, place, table, expected, tmp_path):
    paths = [
        write(table.slice(0, 15), tmp_path / "a.csv"),
        write(table.slice(15), tmp_path / "b.csv"),
    ]
    (tmp_path / "none.csv").write_text(empty)
    paths.insert(place, str(tmp_path / "none.csv"))
    result = evaluate(paths)
    assert result.log_loss == expected.log_loss
    assert result.num_rows == ROWS
    assert {row["row"].rpartition(":")[0] for row in result.worst} == {*paths} - {paths[place]}


# files without names -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "names"),
    [
        ("1,0.25,0.5,0.25", "'label', 'p_0', 'p_1', 'p_2'"),
        ("0.25,7.5e-1,cat", "'p_0', 'p_1', 'label'"),
        ("0,1E-3", "'label', 'p'"),
        ("0,0.5,17", "'label', ..."),
    ],
)
def test_a_row_in_the_place_of_the_names_is_refused(first, names, tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    path.write_text(f"{first}\n{first}\n")
    says = f"{path}:1: the first line must name the columns, got values: {first}; name them with "
    with pytest.raises(SourceError) as error:
        evaluate(path)
    query = f"FROM read_csv('{path}', header=false, names=[{names}])"
    assert str(error.value) == f'{says}--sql "{query}"'
    if "..." not in names:
        named = evaluate(sql=query, classes="cat,dog" if "cat" in first else None)
        assert named.num_rows == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    with pytest.raises(SourceError, match=r"^standard input:1: .*; put their names into the first"):
        evaluate("-")


@pytest.mark.parametrize("names", ["label,0,1", "0.5,1.5,dose", "1.5,2.5,dose", "0,1,2"])
def test_numbers_may_be_names(names, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f"{names}\n0.25,0.75,1\n")
    assert [field.name for field in open_source(path).fields] == names.split(",")


def test_text_in_utf_16_is_told(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("y,p\n1,0.5\n", encoding="utf-16")
    with pytest.raises(SourceError, match=r"rows.csv must be text in UTF-8, got UTF-16; save it"):
        evaluate(path)
