"""What the README shows is what comes out: its Python, its commands, its tables."""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```console\n\$ (.+)\n((?:.*\n)*?)```", README)


def test_its_python(monkeypatch):
    monkeypatch.chdir(ROOT)
    examples = doctest.DocTestParser().get_doctest(README, {}, "README.md", "README.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(examples)
    assert runner.tries >= 10
    assert runner.failures == 0


@pytest.mark.parametrize(("command", "shown"), COMMANDS)
def test_its_commands(command, shown):
    program, *arguments = shlex.split(command)
    assert program == "xent"
    printed = subprocess.run(
        [sys.executable, "-m", "xent.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    ).stdout
    assert shown.strip()
    assert [line.rstrip() for line in shown.splitlines()] == [
        line.rstrip() for line in printed.splitlines()
    ]


@pytest.mark.parametrize("name", ["exact", "kl", "speed"])
def test_its_tables_are_those_that_the_program_makes(name):
    made = subprocess.run(
        [sys.executable, "tools/readme.py", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    ).stdout
    between = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.S)
    assert between
    if name == "speed":
        assert between.group(1) == made
    else:
        # what the peer loses depends on the processor's logarithm; what is exact does not
        assert without_peer(between.group(1)) == without_peer(made)


def without_peer(table):
    rows = [line.split("|") for line in table.splitlines()]
    assert all(len(row) == 6 for row in rows)
    return [row[:3] + row[4:] for row in rows]
