"""Every file of cli/commands is a command, with help."""

import pkgutil
import subprocess
import sys

import pytest

from xent.cli import commands
from xent.cli.app import OK, run

NAMES = [file.name for file in pkgutil.iter_modules(commands.__path__)]


def test_the_help_lists_every_command_and_its_first_sentence(capsys):
    assert run(["--help"]) == OK
    shown = capsys.readouterr().out
    assert {"evaluate", "explain"} <= set(NAMES)
    for line in ("evaluate", "Score predictions", "explain", "Say what a loss value means"):
        assert line in shown


@pytest.mark.parametrize("name", NAMES)
def test_every_command_says_what_it_does(name, capsys):
    assert run([name, "--help"]) == OK
    assert f"Usage: xent {name}" in capsys.readouterr().out


def test_starting_loads_nothing_that_only_one_command_needs():
    program = "import sys\nfrom xent.cli.app import run\nrun(['--version'])\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"duckdb", "pyarrow", "scipy", "sklearn", "matplotlib", "jinja2"} == set()
    assert "xent.evaluation" not in done.stdout.split()
