"""The bounds hold for every instruction set: the marked tests run again with each lower one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xent import kernels

HERE = Path(__file__).parent


@pytest.mark.skipif(
    not kernels.instruction_set().startswith("x86-64"), reason="only one instruction set here"
)
@pytest.mark.parametrize("name", ["baseline", "v3"])
def test_the_bounds_hold_with(name):
    files = sorted(str(path) for path in HERE.glob("test_*cross_entropy.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "isa", *files],
        cwd=HERE.parents[1],
        env=os.environ | {"XENT_ISA": name},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
