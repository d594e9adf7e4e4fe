"""How long `import xent` takes in a fresh process, and how much of it is NumPy."""

import functools
import os
import statistics
import subprocess
import sys
import tempfile

from _harness import compare, parser

MOST_SECONDS = 0.2
STATEMENTS = ("import numpy", "import xent")
PROGRAM = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


def seconds(statement, environment):
    """Return how long a statement takes in a fresh process, without the start of Python."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def measure(options, environment):
    for statement in STATEMENTS:
        seconds(statement, environment)  # compiles, and fills the page cache
    rounds = [[seconds(s, environment) for s in STATEMENTS] for _ in range(options.rounds)]
    numpy, xent = map(statistics.median, zip(*rounds, strict=True))
    compare(
        "import_time",
        {s: functools.partial(seconds, s, environment) for s in STATEMENTS},
        options.rounds,
        workload="whole processes, the start of Python included",
        same=lambda result, right: result > 0,
        results=options.results,
        import_seconds={"numpy": numpy, "xent": xent},
        target=MOST_SECONDS,
    )
    print(
        f"  the statement alone: numpy {numpy:.3f} s, xent with numpy {xent:.3f} s"
        f"  target {MOST_SECONDS} s: {'met' if xent < MOST_SECONDS else 'MISSED'}\n",
        flush=True,
    )


def main():
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # bytecode is there, as it is after `pip install`, whatever this shell says about it
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        measure(options, environment)


if __name__ == "__main__":
    main()
