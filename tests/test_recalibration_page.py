"""What docs/recalibration.md shows is what comes out: its Python and its commands, in order."""

import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "recalibration.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|console)\n(.*?)```", PAGE, re.S)


def run_commands(block, folder):
    """Run each line after "$ "; what follows is what it prints."""
    for command, shown in re.findall(r"\$ xent (.+)\n((?:(?!\$ ).*\n)*)", block):
        done = subprocess.run(
            [sys.executable, "-m", "xent.cli", *command.split()],
            cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.stderr == ""
        assert done.stdout.splitlines() == shown.splitlines(), command


def test_the_page(tmp_path, monkeypatch):
    shutil.copy(ROOT / "examples" / "digits_naive_bayes.parquet", tmp_path)
    monkeypatch.chdir(tmp_path)
    names = {}
    runner = doctest.DocTestRunner()
    for kind, block in BLOCKS:
        if kind == "console":
            run_commands(block, tmp_path)
            continue
        examples = doctest.DocTestParser().get_doctest(block, names, "page", "page", 0)
        runner.run(examples, clear_globs=False)
        names.update(examples.globs)
        assert runner.failures == 0
    assert runner.tries >= 8
