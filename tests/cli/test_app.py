"""Every file of cli/commands is a command, with help."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xent.cli import commands
from xent.cli.app import BAD_INPUT, OK, run

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = [file.name for file in pkgutil.iter_modules(commands.__path__)]


def first_sentence(name):
    command = getattr(importlib.import_module(f"{commands.__name__}.{name}"), name)
    return " ".join(command.__doc__.partition("\n\n")[0].split())


def test_there_are_six_commands():
    assert sorted(NAMES) == ["compare", "evaluate", "explain", "learn", "merge", "recalibrate"]


def test_the_help_lists_every_command_and_its_first_sentence(capsys):
    assert run(["--help"]) == OK
    # without the frame of the table, as one line
    shown = " ".join(re.sub("[│╭╰─╮╯]", " ", capsys.readouterr().out).split())
    for name in NAMES:
        assert f" {name} {first_sentence(name)} " in shown


@pytest.mark.parametrize("name", NAMES)
def test_every_command_says_what_it_does(name, capsys):
    assert run([name, "--help"]) == OK
    shown = capsys.readouterr().out
    assert f"Usage: xent {name}" in shown
    assert first_sentence(name) in " ".join(shown.split())


@pytest.mark.parametrize(
    ("name", "option"),
    [("compare", "block"), ("evaluate", "replicates"), ("explain", "classes"), ("learn", "port")],
)
def test_whole_numbers_are_told_as_such(name, option, capsys):
    assert run([name, "--help"]) == OK
    assert re.search(rf"--{option} +INT ", capsys.readouterr().out)
    before = ["1"] if name == "explain" else []
    assert run([name, *before, f"--{option}", "1.5"]) == BAD_INPUT
    assert capsys.readouterr().err == f"xent: {option} must be a whole number, got '1.5'\n"


def test_starting_loads_nothing_that_only_one_command_needs():
    program = "import sys\nfrom xent.cli.app import run\nrun(['--version'])\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"duckdb", "pyarrow", "scipy", "sklearn", "matplotlib", "jinja2"} == set()
    assert "xent.evaluation" not in done.stdout.split()


def test_judging_loads_nothing_that_it_does_not_need():
    program = "import sys\nfrom xent.cli.app import run\nrun(['evaluate', sys.argv[1]])\n"
    program += "print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(EXAMPLES / "digits.parquet")],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {"duckdb", "pandas", "numpy.ma", "xent.evaluation.comparison"} == set()
    assert "pyarrow.lib" in loaded


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
@pytest.mark.parametrize(
    ("where", "says"), [([], "standard output"), (["--output"], "'/dev/full'")]
)
def test_a_full_disk_is_told_in_one_line(where, says, tmp_path):
    (tmp_path / "rows.csv").write_text("y,p\n1,0.5\n0,0.25\n")
    command = [sys.executable, "-m", "xent.cli", "evaluate", str(tmp_path / "rows.csv")]
    command += [*where, "/dev/full"] if where else []
    with open("/dev/full", "w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, f"xent: {says}: no space left on device\n")
