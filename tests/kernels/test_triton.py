"""The Triton kernels, tested by the interpreter and compiled for Hopper: in other processes."""

import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDERS = HERE / "triton", ROOT / "tests" / "torch" / "triton"
FILES = sorted(path for folder in FOLDERS for path in folder.glob("test_*.py"))

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_with_the_interpreter(path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider",
         str(path)],
        cwd=ROOT, env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


@pytest.mark.skipif(platform.machine() != "x86_64", reason="triton's ptxas is for x86-64")
def test_they_compile_for_hopper_in_registers():
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, str(HERE / "triton" / "hopper.py")],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    kernels = [line.split() for line in done.stdout.splitlines()]
    assert len(kernels) == 10
    for name, spilled, load, store in kernels:
        assert (name, load, store) == (name, "128", "128")
        # a few numbers of a row, but none of its elements
        assert int(spilled) <= 128
