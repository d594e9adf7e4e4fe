"""How long `import xent` takes in a fresh process, and how much of it is NumPy."""

import functools
import subprocess
import sys

from _harness import compare, parser

MOST_SECONDS = 0.2

PROGRAM = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


def seconds(statement):
    """Return how long a statement takes in a fresh process, without its start."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main():
    options = parser(__doc__).parse_args()
    statements = ("import numpy", "import xent")
    for statement in statements:
        seconds(statement)  # compiled and in the page cache
    rounds = [{s: seconds(s) for s in statements} for _ in range(options.rounds)]
    best = {s: sorted(r[s] for r in rounds)[len(rounds) // 2] for s in statements}
    compare(
        "import_time",
        {s: functools.partial(seconds, s) for s in statements},
        options.rounds,
        workload="whole processes, their start included",
        same=lambda result, right: result > 0,
        results=options.results,
        import_seconds=best,
        target=MOST_SECONDS,
    )
    met = "met" if best["import xent"] < MOST_SECONDS else "MISSED"
    print(
        f"  the statement alone: numpy {best['import numpy']:.3f} s, "
        f"xent (numpy included) {best['import xent']:.3f} s  target {MOST_SECONDS} s: {met}"
    )


if __name__ == "__main__":
    main()
