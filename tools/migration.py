"""Fill the column "result" of docs/migrate/: `python tools/migration.py --write`.

A row of those tables is: their call over ours, what both give, what differs. The names that calls
use are set in the first block of `py` of the page. Without an argument the pages are printed.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import outcomes

FOLDER = outcomes.ROOT / "docs" / "migrate"
SETUP = re.compile(r"```py\n(.*?)```", re.S)
VERSIONS = re.compile(r"<!-- versions -->.*?<!-- /versions -->", re.S)
HAS_KERAS = importlib.util.find_spec("keras") is not None
ROW = re.compile(r"^\| `(.+?)`<br>`(.+?)` \| (.*?) \| (.*) \|$", re.M)


def code(cell: str) -> str:
    """Return the code of a cell: in tables, a bar is escaped."""
    return cell.replace("\\|", "|")


def alike(theirs: outcomes.Outcome, ours: outcomes.Outcome) -> bool:
    """Whether both returned the same number, to the precision of the narrower dtype."""
    if theirs.error or ours.error:
        return False
    a, b = outcomes.array_of(theirs.value), outcomes.array_of(ours.value)
    if a.shape != b.shape and a.size != b.size:
        return False
    # a hundred of the narrower one's epsilons: peers sum in their own order
    eps = max((np.finfo(x.dtype).eps for x in (a, b) if x.dtype.kind == "f"), default=1e-16)
    return bool(np.allclose(a.ravel(), b.ravel(), rtol=100 * eps, atol=0, equal_nan=True))


def result(theirs: outcomes.Outcome, ours: outcomes.Outcome) -> str:
    if alike(theirs, ours):
        if ours.warning is None or theirs.warning is not None:
            return f"both {outcomes.shown(ours.value)}"
        # it is told here, and nobody tells it there
        return f"both {ours.words.replace(', warns', '; ours warns')}"
    return f"{theirs.words}; ours {ours.words}"


def written(text: str, names: dict[str, Any]) -> str:
    here = dict(names)
    setup = SETUP.search(text)
    if setup is None and ROW.search(text):
        raise SystemExit("a page of docs/migrate/ starts with a block of py that sets its names")
    exec(setup[1] if setup else "", here)

    def row(found: re.Match[str]) -> str:
        theirs, ours = (outcomes.outcome(code(found[k]), here, found[0]) for k in (1, 2))
        return f"| `{found[1]}`<br>`{found[2]}` | {result(theirs, ours)} | {found[4]} |"

    text = ROW.sub(row, text)
    versions = outcomes.versions((*outcomes.PEERS, *(["keras"] if HAS_KERAS else [])))
    return VERSIONS.sub(f"<!-- versions -->{versions}<!-- /versions -->", text)


def pages() -> list[Path]:
    """Return the pages; Keras has no release for Python 3.10, where its page is left out."""
    return [path for path in sorted(FOLDER.glob("*.md")) if HAS_KERAS or path.stem != "keras"]


if __name__ == "__main__":
    names = outcomes.names()
    for path in pages():
        made = written(path.read_text(encoding="utf-8"), names)
        if sys.argv[1:] == ["--write"]:
            path.write_text(made, encoding="utf-8")
        else:
            sys.stdout.write(f"== {path.name}\n{made}")
