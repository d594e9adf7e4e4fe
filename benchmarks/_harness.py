"""How every benchmark here times, checks and reports: one function, `compare`.

Right before fast: every implementation runs once and its result is compared with the
first one's; a wrong one is reported as wrong and gets no time. Rounds are interleaved, so
that a clock that drifts drifts for everybody. The median is reported with its quartiles,
and every result is one JSON line with the machine, the versions and the commit in it, so
that results can be kept and compared.
"""

import argparse
import datetime
import functools
import importlib.metadata
import json
import os
import platform
import random
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results"
LIBRARIES = (
    "xent", "numpy", "scipy", "scikit-learn", "torch", "duckdb", "pyarrow",
    "triton", "liger-kernel", "quack-kernels", "cut-cross-entropy",
)  # fmt: skip


def compare(
    name,
    implementations,
    rounds=15,
    *,
    workload="",
    same=None,
    expected=None,
    traffic=None,
    results=RESULTS,
    **extra,
):
    """Check, time and report implementations of one operation; return one dict for each.

    Parameters
    ----------
    name : str
        What is measured; the JSON lines are appended to ``results/NAME.jsonl``.
    implementations : dict of str to callable
        Called without arguments. The first one is what the others are compared with: the
        printed ratio is its median time divided by theirs.
    rounds : int
        Each round times every implementation once, in an order of its own.
    workload : str
        What they work on: "1,000,000 x 10 float64".
    same : callable, optional
        ``same(result, expected)`` returns whether a result is right. Default: every number
        within 1e-5 relative and 1e-6 absolute.
    expected : optional
        What is right, where that is not the first implementation's result.
    traffic : int, optional
        Bytes that the operation cannot avoid to move, for GB/s.
    results : Path or None
        The folder of the JSON lines; None writes none.
    extra
        Facts to be kept with the result, such as ``target=10.0``.
    """
    same = agree if same is None else same
    right, rows = {}, []
    for label, run in implementations.items():
        result = run()
        expected = result if expected is None else expected
        if same(result, expected):
            right[label] = run
        else:
            rows.append({"implementation": label, "result": "wrong"})
        del result
    seconds = interleave(right, rounds)
    baseline = statistics.median(next(iter(seconds.values()))) if seconds else None
    for label, times in seconds.items():
        low, median, high = quartiles(times)
        row = {
            "implementation": label,
            "result": "right",
            "milliseconds": median * 1e3,
            "quartiles_ms": [low * 1e3, high * 1e3],
            "speedup": baseline / median,
        }
        if traffic:
            row["GB/s"] = traffic / 1e9 / median
        rows.append(row)
    rows = [{"name": name, "workload": workload, **row, **extra} for row in rows]
    print(table(name, workload, rows), flush=True)
    if results is not None:
        keep(results / f"{name}.jsonl", rows, rounds)
    return rows


def interleave(implementations, rounds):
    seconds = {label: [] for label in implementations}
    labels = list(implementations)
    order = random.Random(0)
    for _ in range(rounds):
        # nobody always follows the same other, whose threads may still spin and whose data
        # fills the cache
        order.shuffle(labels)
        for label in labels:
            begin = time.perf_counter()
            implementations[label]()
            seconds[label].append(time.perf_counter() - begin)
    return seconds


def quartiles(times):
    return statistics.quantiles(times, n=4) if len(times) > 1 else times * 3


def agree(result, expected):
    """Return whether two results, or tuples of results, hold the same numbers."""
    if isinstance(expected, (tuple, list)):
        return len(result) == len(expected) and all(map(agree, result, expected))
    close = functools.partial(np.allclose, rtol=1e-5, atol=1e-6, equal_nan=True)
    result, expected = np.asarray(result), np.asarray(expected)
    return result.shape == expected.shape and close(result, expected)


def table(name, workload, rows):
    width = max(len(row["implementation"]) for row in rows)
    lines = [f"{name}: {workload}" if workload else name]
    for row in rows:
        if row["result"] == "wrong":
            lines.append(f"  {row['implementation']:<{width}}  wrong result, not timed")
            continue
        low, high = row["quartiles_ms"]
        rate = f"  {row['GB/s']:6.1f} GB/s" if "GB/s" in row else ""
        lines.append(
            f"  {row['implementation']:<{width}}  {row['milliseconds']:9.3f} ms"
            f"  ({low:.3f} to {high:.3f}){rate}  {row['speedup']:7.2f}x"
        )
    return "\n".join(lines)


def keep(path, rows, rounds):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({**row, "rounds": rounds, **facts()}) + "\n")


@functools.cache
def facts():
    """Return where and with what this process measures."""
    import xent._native as native

    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": platform.machine(),
        "cpu": cpu(),
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": native.num_threads(),
        "isa": native.isa(),
        "python": platform.python_version(),
        "versions": {name: version for name in LIBRARIES if (version := installed(name))},
    }


def installed(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit():
    """Return the commit of the sources, with "+" where they have uncommitted changes."""

    def git(*arguments):
        return subprocess.run(
            ["git", *arguments], cwd=RESULTS.parent, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!results")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or None


def parser(doc):
    """Return the argument parser of a benchmark program: `--rounds` and `--no-results`."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--rounds", type=int, default=15)
    made.add_argument(
        "--no-results",
        dest="results",
        action="store_const",
        const=None,
        default=RESULTS,
        help="print only, append nothing to results/",
    )
    return made
