"""A Parquet file read by Arrow gives the bits that DuckDB's reading gives."""

import decimal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from xent.errors import SourceError
from xent.evaluation import evaluate
from xent.evaluation.reading import duck
from xent.evaluation.reading import parquet as reading
from xent.evaluation.reading.duck import DuckSource, reader_of
from xent.evaluation.reading.parquet import ParquetSource
from xent.evaluation.reading.sources import open_source

RNG = np.random.default_rng(5)
ROWS = 700
TARGET = RNG.integers(0, 3, ROWS)
PROBS = RNG.dirichlet(np.ones(3), ROWS)
NAMES = np.array(["a", "b.c", "ü"])


def table(dtype=np.float64, target=NAMES[TARGET], names=NAMES, **more):
    columns = {f"p_{n}": PROBS[:, j].astype(dtype) for j, n in enumerate(names)}
    return pa.table({"y": target, **columns, **more})


def nulls(values, every=50):
    return pa.array(values, mask=np.arange(ROWS) % every == 0)


TABLES = {
    "float64": table(),
    "float32": table(np.float32),
    "whole targets": table(target=TARGET, names="012"),
    "small targets": table(target=TARGET.astype(np.uint8), names="012"),
    "missing targets": table(target=nulls(NAMES[TARGET])),
    "missing whole targets": table(target=nulls(TARGET), names="012"),
    "missing predictions": table().set_column(1, "p_a", nulls(PROBS[:, 0])),
    "dictionary": table(target=pa.array(NAMES[TARGET]).dictionary_encode()),
    "large text": table(target=pa.array(NAMES[TARGET], pa.large_string())),
    "weights, clusters": table(weight=np.round(RNG.random(ROWS), 2), c=np.arange(ROWS) // 7),
    "list": pa.table({"y": TARGET, "probs": list(PROBS)}),
    "list of float32": pa.table({"y": TARGET, "probs": list(PROBS.astype(np.float32))}),
    "float16": table(np.float16),
    "fixed lists": pa.table(
        {"y": TARGET, "probs": pa.FixedSizeListArray.from_arrays(pa.array(PROBS.ravel()), 3)}
    ),
    "two outcomes": pa.table({"y": TARGET > 0, "p": PROBS[:, 1] + PROBS[:, 2]}),
}
OPTIONS = {
    "missing targets": {"nan": "exclude"},
    "missing whole targets": {"nan": "exclude"},
    "missing predictions": {"nan": "exclude"},
    "weights, clusters": {"weight": "weight", "cluster": "c"},
}
# what Arrow would type in another way is left to DuckDB
LEFT = {
    "decimals": pa.table({
        "y": TARGET > 0,
        "p": pa.array(PROBS[:, 1] + PROBS[:, 2]).cast(pa.decimal128(20, 18), safe=False)}),
}  # fmt: skip


def read(source, **options):
    """Return the summary of all rows that a source yields."""
    columns = [f.name for f in source.fields]
    batches = [pa.table(batch) for batch in source.batches(columns)]
    options.setdefault("sum_tolerance", 1e-3)
    return evaluate(pa.concat_tables(batches), **options).summary


def is_read_by_arrow(path):
    return isinstance(open_source(str(path)), ParquetSource)


@pytest.mark.parametrize("group", [100, ROWS])
@pytest.mark.parametrize("case", [*TABLES, *LEFT])
def test_the_bits_are_those_of_duckdb(tmp_path, case, group):
    path = str(tmp_path / "rows.parquet")
    parquet.write_table({**TABLES, **LEFT}[case], path, row_group_size=group)
    options = OPTIONS.get(case, {})
    with_duck = read(DuckSource(f"FROM {reader_of(path)}", path), **options)
    assert is_read_by_arrow(path) == (case not in LEFT)
    assert read(open_source(path), **options) == with_duck
    options.setdefault("sum_tolerance", 1e-3)
    assert evaluate(path, **options).summary == with_duck


def test_rows_come_in_order_from_many_groups(tmp_path):
    path = str(tmp_path / "rows.parquet")
    rows = pa.table({"i": np.arange(200_000), "x": RNG.random(200_000)})
    parquet.write_table(rows, path, row_group_size=777)
    assert is_read_by_arrow(path)
    found = pa.concat_tables([pa.table(b) for b in open_source(path).batches(["i", "x"])])
    assert found == rows


def test_large_groups_are_read_in_pieces_and_small_ones_at_once(tmp_path, monkeypatch):
    path = str(tmp_path / "rows.parquet")
    rows = pa.table({"i": np.arange(200_000), "x": RNG.random(200_000)})
    parquet.write_table(rows, path, row_group_size=80_000)
    opened, asked = parquet.ParquetFile, []

    def noted(*arguments, buffer_size, **options):
        asked.append(buffer_size)
        return opened(*arguments, buffer_size=buffer_size, **options)

    monkeypatch.setattr(parquet, "ParquetFile", noted)
    for most in (reading.WHOLE_BYTES, 80_000):  # a group has 16 bytes a row and more
        monkeypatch.setattr(reading, "WHOLE_BYTES", most)
        source = open_source(path)
        found = pa.concat_tables([pa.table(b) for b in source.batches(["i", "x"])])
        source.close()
        assert found == rows
    assert asked == [0, reading.READ_BYTES]


@pytest.mark.parametrize("kind", ["columns", "lists", "fixed lists", "lists by duckdb"])
def test_wide_rows_are_read_fewer_at_a_time(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(duck, "BATCH_VALUES", 100_000)
    values = np.arange(6000.0 * 50).reshape(6000, 50)
    if kind == "columns":
        wide = pa.table({f"p_{j}": values[:, j] for j in range(50)})
    else:
        lists = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 50)
        wide = pa.table({"p": lists.cast(pa.list_(pa.float64())) if kind == "lists" else lists})
    path = str(tmp_path / "rows.parquet")
    parquet.write_table(wide, path)
    source = open_source(path)
    if kind == "lists by duckdb":
        query = f"SELECT p::DOUBLE[50] AS p FROM {reader_of(path)}"
        source = DuckSource(query, path, sql=query)
    batches = [pa.table(batch) for batch in source.batches(wide.column_names)]
    # DuckDB counts in vectors of 2048 rows
    most = 2048 if kind == "lists by duckdb" else 2000
    assert max(batch.num_rows for batch in batches) <= most
    assert pa.concat_tables(batches).num_rows == 6000


def test_a_decimal_is_a_number_either_way(tmp_path):
    path = str(tmp_path / "rows.parquet")
    p = [decimal.Decimal("0.25"), decimal.Decimal("0.75")]
    parquet.write_table(pa.table({"y": [0, 1], "p": p}), path)
    assert evaluate(path).log_loss == evaluate(([0, 1], [0.25, 0.75])).log_loss


def test_no_rows(tmp_path):
    path = str(tmp_path / "rows.parquet")
    parquet.write_table(table().slice(0, 0), path)
    with pytest.raises(SourceError, match="must have rows"):
        evaluate(path)


def test_two_columns_of_one_name_are_left_to_duckdb(tmp_path):
    path = str(tmp_path / "rows.parquet")
    columns = [pa.array(TARGET), pa.array(PROBS[:, 0]), pa.array(PROBS[:, 0])]
    twice = pa.Table.from_arrays(columns, ["y", "p", "p"])
    parquet.write_table(twice, path)
    assert not is_read_by_arrow(path)


def test_a_page_that_is_broken_is_told_with_the_file(tmp_path):
    path = tmp_path / "rows.parquet"
    rows = pa.concat_tables([table()] * 40)
    parquet.write_table(rows, path, compression="zstd", use_dictionary=False, row_group_size=ROWS)
    content = bytearray(path.read_bytes())
    # what comes first is looked at by DuckDB
    data = parquet.ParquetFile(path).metadata.row_group(39).column(1)
    begin = data.data_page_offset + 60
    content[begin : begin + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"rows\.parquet cannot be read: .* is damaged") as caught:
        evaluate(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_ends_early_is_told_with_its_name(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(table(), path)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(SourceError, match=r"rows\.parquet cannot be read"):
        evaluate(str(path))


def test_no_database_is_loaded_for_it(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(table(), path)
    code = f"import sys, xent; xent.evaluate({str(path)!r}); print('duckdb' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_rows_sorted_by_a_column_are_those_of_the_file(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"i": [3, 1, 2], "x": [0.3, 0.1, 0.2]}), path)
    source = open_source(str(path))
    assert isinstance(source, ParquetSource)
    (batch,) = source.batches(["x"], order_by="i")
    assert batch["x"].to_pylist() == [0.1, 0.2, 0.3]
    source.close()


def test_names_that_differ_in_capitals_alone_are_left_to_duckdb(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"y": [0, 1], "P": [0.5, 0.5], "p": [0.2, 0.8]}), path)
    assert not is_read_by_arrow(path)


def test_a_folder_that_is_a_column_is_read_as_one(tmp_path):
    folder = tmp_path / "site=north"
    folder.mkdir()
    path = folder / "part=1.parquet"
    parquet.write_table(table(), path)
    assert not is_read_by_arrow(path)
    assert [row.value for row in evaluate(str(path), target="y", by="site").slices] == ["north"]
    # a file is no folder
    (tmp_path / "part=1.parquet").write_bytes(path.read_bytes())
    assert is_read_by_arrow(tmp_path / "part=1.parquet")


def test_text_that_is_not_utf8_is_told(tmp_path):
    path = tmp_path / "rows.parquet"
    wrong = pa.array([b"a", b"\xff", b"b"], pa.binary()).view(pa.string())
    parquet.write_table(pa.table({"y": wrong, "p_a": [0.5] * 3, "p_b": [0.5] * 3}), path)
    with pytest.raises(SourceError, match=r"rows\.parquet cannot be read: .*[Uu][Tt][Ff]"):
        evaluate(str(path))


@pytest.mark.parametrize("damage", ["single array", "deflated data", "method"])
def test_archives_that_are_none(tmp_path, damage):
    path = tmp_path / "rows.npz"
    if damage == "single array":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
    else:
        np.savez_compressed(path, target=TARGET, probs=PROBS)
        content = bytearray(path.read_bytes())
        if damage == "deflated data":
            content[200:260] = bytes(60)
        else:  # a method of compression that nobody knows, in the header and in the directory
            for sign, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
                content[content.index(sign) + at] = 77
        path.write_bytes(content)
    with pytest.raises(SourceError, match=r"rows\.npz"):
        evaluate(str(path))


@pytest.mark.parametrize("kind", ["columns", "text", "lists", "fixed lists"])
def test_the_batch_of_the_head_is_read_once(tmp_path, monkeypatch, kind):
    path = str(tmp_path / "rows.parquet")
    rows = 5000
    target, probs = RNG.integers(0, 3, rows), RNG.dirichlet(np.ones(3), rows)
    of = {
        "columns": {f"p_{j}": probs[:, j] for j in range(3)},
        "text": {f"p_{n}": probs[:, j] for j, n in enumerate(NAMES)},
        "lists": {"probs": list(probs)},
        "fixed lists": {"probs": pa.FixedSizeListArray.from_arrays(pa.array(probs.ravel()), 3)},
    }[kind]
    written = pa.table({"y": NAMES[target] if kind == "text" else target, **of})
    parquet.write_table(written, path)
    monkeypatch.setattr(reading, "BATCH_ROWS", 2000)
    read, stream = [], ParquetSource._stream

    def noted(self, columns, most):
        read.append((list(columns), most))
        return stream(self, columns, most)

    monkeypatch.setattr(ParquetSource, "_stream", noted)
    source = open_source(path)
    head = source.head(1024)
    assert {n: c.to_pylist() for n, c in head.items()} == written[:1024].to_pydict()
    # the order that is asked for, not the file's
    names = written.column_names[::-1]
    once = [pa.table(b) for b in source.batches(names)]
    assert [len(b) for b in once] == [2000, 2000, 1000]
    assert pa.concat_tables(once).select(written.column_names).to_pydict() == written.to_pydict()
    assert read == [(written.column_names, 2000)]
    # a batch that was taken is not there for the next who ask
    assert sum(len(b["y"]) for b in source.batches(names)) == rows
    source.head(10)
    assert sum(len(b["y"]) for b in source.batches(["y"])) == rows
    assert [columns for columns, _ in read[1:]] == [names, written.column_names, ["y"]]
    source.close()
    assert evaluate(path, target="y").num_rows == rows


def test_rows_with_much_beside_them_are_not_read_for_their_head(tmp_path, monkeypatch):
    path = str(tmp_path / "rows.parquet")
    parquet.write_table(table(text=np.array([f"{i:0>500}" for i in range(ROWS)])), path)
    asked, stream = [], ParquetSource._stream

    def noted(self, columns, most):
        asked.append(most)
        return stream(self, columns, most)

    monkeypatch.setattr(ParquetSource, "_stream", noted)
    for most in (reading.HEAD_BYTES, reading.BATCH_ROWS * 500):
        monkeypatch.setattr(reading, "HEAD_BYTES", most)
        source = open_source(path)
        assert len(source.head(10)["text"]) == 10
        source.close()
    assert asked == [reading.BATCH_ROWS, 10]


def test_a_column_that_nobody_asks_for_may_be_damaged_beyond_the_head(tmp_path):
    path = tmp_path / "rows.parquet"
    rows = 5000
    spoilt = pa.table(
        {
            "y": RNG.integers(0, 2, rows),
            "p": RNG.random(rows),
            "z": np.arange(rows, dtype=np.float64),
        }
    )
    options = {"use_dictionary": False, "compression": "none", "data_page_size": 8192}
    parquet.write_table(spoilt, path, write_batch_size=1024, **options)
    expected = evaluate(str(path), target="y", probs="p")
    data = bytearray(path.read_bytes())
    # the header of the page that holds this value, which is not the first one
    value = np.float64(rows - 1).tobytes()
    pages = parquet.read_metadata(path).row_group(0).column(2)
    end = pages.data_page_offset + pages.total_compressed_size
    at = bytes(data).rindex(value, pages.data_page_offset, end)
    begin = pages.data_page_offset + 3 * 8192
    assert begin < at
    data[begin:end] = b"\xff" * (end - begin)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read"):
        evaluate(str(path), target="y", probs="p", weight="z")
    found = evaluate(str(path), target="y", probs="p")
    assert found.log_loss == expected.log_loss
