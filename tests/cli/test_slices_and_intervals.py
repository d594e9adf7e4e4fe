"""--by, --cluster, --id, --interval, --level and --replicates from the shell, on files."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xent.cli.app
from xent.evaluation import evaluate
from xent.evaluation.state import load_state

ROWS = 300


@pytest.fixture
def xent_(capsys):
    """Run the command in this process: its code, output and errors."""

    def run(*arguments):
        code = xent.cli.app.run([str(a) for a in arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    p = rng.random(ROWS)
    return {
        "label": (rng.random(ROWS) < p).astype(int),
        "p": p,
        "site": rng.choice(["north", "south"], ROWS),
        "year": rng.integers(2024, 2026, ROWS),
        "user": rng.integers(0, 30, ROWS),
        "row": np.arange(ROWS),
    }


@pytest.fixture
def file(tmp_path, rows):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(rows), path)
    return path


def test_a_table_by_slice_of_two_columns(xent_, file):
    code, out, _ = xent_("evaluate", file, "--by", "site,year")
    assert code == 0
    assert "by: site, year" in out
    values = ("north, 2024", "north, 2025", "south, 2024", "south, 2025")
    starts = [line.strip() for line in out.splitlines()]
    assert all(any(line.startswith(value) for line in starts) for value in values)
    assert any(line.startswith("site, year tells") for line in starts)


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrays"])
def test_a_file_and_arrays_are_one(kind, xent_, file, rows, tmp_path):
    options = {"by": "site", "cluster": "user", "level": 0.9}
    whole = evaluate(rows, target="label", probs="p", **options)
    if kind == "csv":
        file = tmp_path / "rows.csv"
        lines = [",".join(rows), *(",".join(map(str, r)) for r in zip(*rows.values(), strict=True))]
        file.write_text("\n".join(lines))
    if kind == "arrays":
        file = tmp_path / "rows.npz"
        np.savez(file, **rows)
    state = tmp_path / "rows.xent"
    arguments = ["--target", "label", "--probs", "p", "--by", "site", "--cluster", "user"]
    code, out, err = xent_("evaluate", file, *arguments, "--level", 0.9, "--json", "--state", state)
    assert (code, err) == (0, "")
    numbers = json.loads(out)
    assert numbers["interval"]["low"] == whole.interval.low
    assert numbers["slices"][0]["log_loss"] == whole.slices[0].log_loss
    found = load_state(state).summary
    assert (found.slices, found.clusters) == (whole.summary.slices, whole.summary.clusters)


@pytest.mark.parametrize("key", [[], ["--id", "row"], ["--cluster", "user"]])
def test_the_bootstrap(key, xent_, file):
    arguments = ["--target", "label", "--probs", "p", "--interval", "bootstrap"]
    code, out, _ = xent_("evaluate", file, *arguments, "--replicates", 50, *key)
    assert code == 0
    assert "(bootstrap" in out


@pytest.mark.parametrize(
    "arguments, line, hint",
    [
        (["--by", "row"], None, "20 "),
        (["--interval", "cluster"], "must come with a cluster", "give the column of users"),
        (["--by", "sits"], "by must name a column, got 'sits'", "the nearest is site"),
        (["--level", "95"], "level must be in (0, 1), got 95.0", "0.95 is 95 %"),
        (["--replicates", "100.7"], "replicates must be a whole number, got '100.7'", ""),
    ],
)
def test_what_does_not_go_together(arguments, line, hint, xent_, file):
    code, out, err = xent_("evaluate", file, *arguments)
    if line is None:  # 300 slices are a table
        assert code == 0
        assert "slices with less of the loss not shown" in out
        return
    assert code == 2
    assert line in err
    assert hint in err
