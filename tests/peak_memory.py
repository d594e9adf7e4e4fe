"""What a call adds to a process at its peak, measured in a process of its own."""

import subprocess
import sys

import pytest

# what a program that is measured starts with
PEAK_OF = """
import gc

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

def peak_of(run):
    "Return what a call adds at its peak, in bytes, and what it returns."
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak is now what is in use
    before = status("VmRSS")
    result = run()
    return status("VmHWM") - before, result
"""


def assert_within(program, most, least=float("-inf")):
    """Run a program that may call peak_of and prints a number, and assert where that lies.

    Linux counts pages in use by processor and tells their sum to within some MiB either way: one
    reading out of bounds may be that, three are not.
    """
    for _ in range(3):
        found = _printed_by(PEAK_OF + program)
        if least <= found <= most:
            break
    assert least <= found <= most


def _printed_by(program):
    if sys.platform != "linux":
        pytest.skip("reads /proc/self/status")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300
    )
    if "clear_refs" in done.stderr:
        pytest.skip("the peak of memory cannot be reset here")
    assert done.returncode == 0, done.stderr
    return float(done.stdout)
