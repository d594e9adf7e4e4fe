"""Two processes on halves of a file and a merge, with every option, are one process on it all."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xent.evaluation import load_state

ROWS, HALF = 1200, 457
CHOSEN = {
    "clusters and slices of weighted rows": (
        "--target label --probs p_* --weight weight --nan exclude --zero clip:1e-6"
        " --cluster user --by site,year --level 0.9 --unit bit"
    ),
    "a bootstrap by id": (
        "--target label --probs p_* --nan exclude --ignore 2 --by site"
        " --interval bootstrap --id name --replicates 120"
    ),
    "labels, and a bootstrap of clusters": (
        "--labels l_* --probs p_* --task multi --nan exclude --weight weight --by site"
        " --cluster user --interval bootstrap --replicates 60"
    ),
    "log-probabilities": "--log-probs log_prob --bytes bytes --by site --id name",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.ones(3), size=ROWS)
    p[rng.random(ROWS) < 0.02] = [0, 0.25, 0.75]
    label = rng.integers(3, size=ROWS)
    truth = p[np.arange(ROWS), label]
    p[rng.random(ROWS) < 0.02, 1] = np.nan
    table = pa.table(
        {
            "name": [f"row {k}" for k in range(ROWS)],
            "label": label,
            **{f"p_{j}": p[:, j] for j in range(3)},
            **{f"l_{j}": (rng.random(ROWS) < p[:, j]).astype(int) for j in range(3)},
            "log_prob": np.log(np.maximum(truth, 1e-9)),
            "bytes": rng.integers(1, 9, size=ROWS),
            "weight": rng.integers(1, 9, size=ROWS) / 8,
            "user": rng.integers(90, size=ROWS),
            "site": rng.choice(["north", "south", "west"], size=ROWS),
            "year": rng.integers(2024, 2026, size=ROWS),
        }
    )
    made = tmp_path_factory.mktemp("halves")
    for name, part in (("all", table), ("0", table[:HALF]), ("1", table[HALF:])):
        pq.write_table(part, made / f"{name}.parquet", row_group_size=100)
    return made


def start(folder, *arguments):
    command = [sys.executable, "-m", "xent.cli", *arguments]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def printed_by(process):
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    return json.loads(out)


def numbers(found):
    """What is printed, but for the names of files and what takes the rows a second time."""
    hidden = ("source", "note", "row_decomposition")
    found = {name: value for name, value in found.items() if name not in hidden}
    for name in ("missing_rows", "impossible_rows"):
        found[name] = sorted(map(row_of_all, found[name]))
    losses = [row["log_loss"] for row in found["worst"]]
    # of rows of one loss, which are shown first may differ
    found["worst"] = [
        {**row, "row": row_of_all(row["row"])} if losses.count(loss) == 1 else loss
        for row, loss in zip(found["worst"], losses, strict=True)
    ]
    return found


def row_of_all(row):
    """Return where a row of a half is in the whole; a name, or a row of the whole, as it is."""
    half, colon, number = str(row).partition(".parquet:")
    return int(half) * HALF + int(number) if colon else row


@pytest.mark.parametrize("options", CHOSEN.values(), ids=CHOSEN)
def test_halves_merge_to_the_bits_of_the_whole(folder, options):
    running = {
        name: start(
            folder, "evaluate", f"{name}.parquet", *options.split(), "--state", f"{name}.xent",
            "--json",
        )
        for name in ("all", "0", "1")
    }  # fmt: skip
    whole = printed_by(running["all"])
    for name in ("0", "1"):
        assert printed_by(running[name])["num_rows"] < whole["num_rows"]
    level = options.split("--level ")[1].split()[0] if "--level" in options else "0.95"
    merging = ("1.xent", "0.xent", "--state", "merged.xent", "--level", level, "--json")
    merged = printed_by(start(folder, "merge", *merging))
    assert numbers(merged) == numbers(whole)
    one, two = (load_state(folder / f"{name}.xent").summary for name in ("all", "merged"))
    assert one.without_rows().to_json() == two.without_rows().to_json()
