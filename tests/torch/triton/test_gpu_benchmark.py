"""The benchmark of linear cross-entropy on a GPU runs, on tiny operands and without timing."""

import runpy
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "benchmarks" / "gpu" / "linear_cross_entropy.py"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_it_runs(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), "--smoke", "--no-results"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(PROGRAM), run_name="__main__")
    told = capsys.readouterr().out
    assert "trained logits" in told
    for name in ("xent, default", "xent, 20 kB", "logits, torch"):
        lines = [line for line in told.splitlines() if line.startswith(f"  {name} ")]
        assert len(lines) == 2
        assert all("weight" in line for line in lines), told
