"""Pages of docs/ are run: what they show, of Python and of commands, is what comes out."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCKS = re.compile(r"```(python|console)\n(.*?)```", re.S)
COMMANDS = re.compile(r"\$ (.+)\n((?:(?!\$ ).*\n)*)")


def text_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


def printed_by(command, folder):
    """Return what a line of a shell prints, on either stream; xent is the one of this Python."""
    xent = f'xent() {{ "{sys.executable}" -m xent.cli "$@" 2>&1; }}\n'
    done = subprocess.run(
        ["bash", "-c", xent + command],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def run_page(page, folder, least=1):
    """Run all blocks in their order; `least` examples of Python there must be."""
    names, tries = {}, 0
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for number, (kind, block) in enumerate(BLOCKS.findall(text_of(page))):
        if kind == "console":
            for command, shown in COMMANDS.findall(block):
                printed = printed_by(command, folder)
                lines = [line.rstrip() for line in printed.splitlines()]
                assert lines == [line.rstrip() for line in shown.splitlines()], command
                tries += 1
            continue
        # a block is a place of its own: what is said once a line is said in each of them
        place = f"{page}, block {number}"
        examples = doctest.DocTestParser().get_doctest(block, names, place, page, 0)
        runner.run(examples, clear_globs=False)
        names.update(examples.globs)
        assert runner.failures == 0
    assert runner.tries + tries >= least
