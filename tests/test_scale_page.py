"""What docs/scale.md shows is what comes out: its Python and its commands, in their order."""

import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|console)\n(.*?)```", PAGE, re.S)

pytestmark = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas"),
]


def run_commands(block, folder):
    """Run each line after "$ "; what follows is what it prints on either stream."""
    for command, shown in re.findall(r"\$ (.+)\n((?:(?!\$ ).*\n)*)", block):
        xent = f'xent() {{ "{sys.executable}" -m xent.cli "$@" 2>&1; }}\n'
        done = subprocess.run(
            ["bash", "-c", xent + command],
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.stdout.splitlines() == shown.splitlines(), command


def test_the_page(tmp_path, monkeypatch):
    pytest.importorskip("pyspark")
    pytest.importorskip("dask.dataframe")
    if shutil.which("java") is None:
        pytest.skip("Spark needs a Java machine")
    shutil.copy(ROOT / "examples" / "digits.parquet", tmp_path)
    monkeypatch.chdir(tmp_path)
    names = {}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for kind, block in BLOCKS:
        if kind == "console":
            run_commands(block, tmp_path)
            continue
        examples = doctest.DocTestParser().get_doctest(block, names, "scale.md", "scale.md", 0)
        runner.run(examples, clear_globs=False)
        names.update(examples.globs)
        assert runner.failures == 0
    assert runner.tries >= 20
