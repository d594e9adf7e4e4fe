"""The tests themselves: every process of a run must find the same ones.

pytest-xdist stops a run, before its first test, where two of its processes collect different
names, so a name may not depend on the hour, on the order of a set or on a random number.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def collecting(seed):
    """A process that prints the names of all tests, with another order of its sets."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider"],
        cwd=HERE.parent,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_every_process_collects_the_same_tests():
    first = collecting(1)
    # an archive holds the hour in steps of two seconds
    time.sleep(2.1)
    second = collecting(2)
    printed = [process.communicate()[0] for process in (first, second)]
    assert first.returncode == second.returncode == 0, printed[0][-2000:]
    # the last line tells how long it took
    names = [[line for line in text.splitlines() if "::" in line] for text in printed]
    assert names[0] == names[1]
    assert any(Path(__file__).name in line for line in names[0])
