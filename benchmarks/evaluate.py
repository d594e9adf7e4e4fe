"""Time `xent evaluate` on a Parquet file: `python benchmarks/evaluate.py`.

The limit is reading: the time in which DuckDB merely scans the same columns into Arrow record
batches, with as many threads. The log loss is checked against NumPy's before anything is
timed. Then the command runs once as a process of its own, whose peak memory is reported; and
on the example digits, for the time that a person waits.
"""

import functools
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import _harness
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import xent.kernels
from xent.evaluation import evaluate
from xent.evaluation.reading.duck import BATCH_ROWS

ROWS, CLASSES, BATCH = 5_000_000, 10, 500_000
EXAMPLE = Path(__file__).parent.parent / "examples" / "digits.parquet"
MOST_TIME = 2.0  # of the scan
MOST_MEMORY = 800  # MB
MOST_SECONDS = 1.0  # of the examples, from the shell


def write(path, rows):
    """Write predictions in batches; return their mean log loss by NumPy."""
    rng = np.random.default_rng(0)
    names = [f"p_{j}" for j in range(CLASSES)]
    fields = [("label", pa.int64()), *((n, pa.float32()) for n in names)]
    total = 0.0
    with pq.ParquetWriter(path, pa.schema(fields)) as writer:
        for begin in range(0, rows, BATCH):
            count = min(BATCH, rows - begin)
            p = np.exp(2 * rng.standard_normal((count, CLASSES), dtype=np.float32))
            p /= p.sum(axis=1, keepdims=True)
            label = rng.integers(CLASSES, size=count)
            columns = {n: np.ascontiguousarray(p[:, j]) for j, n in enumerate(names)}
            writer.write_table(pa.table({"label": label, **columns}), row_group_size=122_880)
            total -= np.log(p[np.arange(count), label].astype(np.float64)).sum()
    return total / rows


def judge(path):
    """Evaluate and print: what the table shows is computed where it is asked for."""
    result = evaluate(path)
    str(result)
    return result


def scan(path, *batch_rows):
    connection = duckdb.connect(config={"threads": xent.kernels.num_threads()})
    reader = connection.sql(f"FROM read_parquet('{path}')").to_arrow_reader(*batch_rows)
    return sum(batch.num_rows for batch in reader)


SCAN = """
import sys, duckdb
reader = duckdb.sql(f"FROM read_parquet('{sys.argv[1]}')").to_arrow_reader()
print(sum(batch.num_rows for batch in reader))
"""


def process(environment, *arguments):
    """Run Python with these arguments; return its output, seconds and peak memory in MB."""
    read, written = os.pipe()
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.dup2(written, 1)
        os.execve(sys.executable, [sys.executable, *map(str, arguments)], environment)
    os.close(written)
    with os.fdopen(read) as output:
        text = output.read()
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"python {arguments} failed")
    return text, time.perf_counter() - begin, usage.ru_maxrss / 1024


def main():
    parser = _harness.parser(__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xent-benchmark-") as folder:
        path = os.path.join(folder, "predictions.parquet")
        expected = write(path, options.rows)

        def right(result, _):
            if isinstance(result, int):
                return result == options.rows
            # the plain float64 sum's own error
            return abs(result.log_loss / expected - 1) < 1e-12

        # bytecode is there, as it is after `pip install`, whatever this shell says about it
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": os.path.join(folder, "bytecode")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        run = functools.partial(process, environment)
        run("-c", SCAN, EXAMPLE)
        run("-m", "xent.cli", "evaluate", EXAMPLE, "--json")
        whole = {"scan": [], "xent": []}  # seconds of processes, imports included
        for _ in range(5):
            whole["scan"].append(run("-c", SCAN, path)[1])
            text, seconds, memory = run("-m", "xent.cli", "evaluate", path, "--json")
            whole["xent"].append(seconds)
            assert abs(json.loads(text)["log_loss"] / expected - 1) < 1e-12
        seconds, scan_seconds = map(statistics.median, (whole["xent"], whole["scan"]))
        rows = _harness.compare(
            "evaluate",
            {
                "DuckDB scan": lambda: scan(path),
                "xent evaluate": lambda: judge(path),
                "DuckDB scan, our batches": lambda: scan(path, BATCH_ROWS),
            },
            options.rounds,
            workload=f"{options.rows:,} x {CLASSES} float32 in Parquet",
            same=right,
            traffic=options.rows * (4 * CLASSES + 8),
            results=options.results,
            process_seconds=seconds,
            scan_process_seconds=scan_seconds,
            process_peak_mb=memory,
            most_time=MOST_TIME,
            most_memory_mb=MOST_MEMORY,
        )
        example = min(run("-m", "xent.cli", "evaluate", EXAMPLE)[1] for _ in range(3))
    ratio = rows[1]["milliseconds"] / rows[0]["milliseconds"]
    same_batches = rows[1]["milliseconds"] / rows[2]["milliseconds"]
    print(f"  time over the scan  {ratio:.2f} (at most {MOST_TIME})")
    print(f"  with equal batches  {same_batches:.2f}")
    print(f"  as a process        {seconds:.2f} s, {memory:.0f} MB (at most {MOST_MEMORY} MB)")
    print(f"  a process that scans {scan_seconds:.2f} s: {seconds / scan_seconds:.2f} of it")
    print(f"  examples, in shell  {example:.2f} s (at most {MOST_SECONDS:.0f} s)")


if __name__ == "__main__":
    main()
