"""native/coefficients.hpp is what tools/minimax.py derives."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_header_is_what_the_program_prints():
    printed = subprocess.run(
        [sys.executable, ROOT / "tools" / "minimax.py"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout
    assert printed == (ROOT / "native" / "coefficients.hpp").read_text(encoding="utf-8")
