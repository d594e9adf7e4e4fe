"""Commands that pages name beside what they run: each command and each option is one of xent's."""

import re

import pytest
from pages import ROOT

from xent.cli.app import app

FILES = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("README*.md"), ROOT / "examples" / "README.md"]
PAGES = sorted(str(path.relative_to(ROOT)) for path in FILES if "_generated" not in path.parts)
OPTIONS = {
    command: {name for a in app[command].assemble_argument_collection() for name in a.names}
    for command in app
    if not command.startswith("-")
}


def commands(page):
    """Every call of xent in blocks, shell lines that go on joined, and in inline code."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^(?:\$ | {4}(?:\$ )?)(xent [a-z-].*)$", text, re.M)
    return lines + re.findall(r"`(xent [a-z][^`\n]*)`", text)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_commands_and_options_exist(page):
    for line in commands(page):
        name, *words = re.split(r"[|>&;]| #", line)[0].split()[1:] or ["--help"]
        if name.startswith("-"):
            continue
        assert name in OPTIONS, line
        for word in words:
            if re.match(r"--[a-z]", word):
                option = word.partition("=")[0].rstrip(",.")
                assert option in OPTIONS[name] | {"--help"}, line


def test_they_are_many():
    assert sum(len(commands(page)) for page in PAGES) > 60
