"""Writes what the commands of a page print under them: `python tools/pages.py docs/judging.md`.

Commands run in a folder of their own with a copy of examples/, in the order of the page.
"""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def helper():
    """Return the module with which the tests read and run pages."""
    spec = importlib.util.spec_from_file_location("pages", ROOT / "tests" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(text):
    pages = helper()
    with tempfile.TemporaryDirectory(prefix="xent-page-") as folder:
        shutil.copytree(ROOT / "examples", Path(folder) / "examples")

        def block(found):
            if found[1] != "console":
                return found[0]
            lines = []
            for command, _ in pages.COMMANDS.findall(found[2]):
                printed = pages.printed_by(command, folder)
                lines += [f"$ {command}", *(line.rstrip() for line in printed.splitlines())]
            return "\n".join(["```console", *lines, "```"])

        return pages.BLOCKS.sub(block, text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
