"""Links to files outside docs/ lead to the pages that show them.

In a page `[text](../../examples/README.md)` is right where the sources are read; among the built
pages that file is docs/examples.md, which includes it.
"""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "examples/README.md": "examples",
}
LINK = re.compile(r"\]\((\.\./[^)#\s]+)")


def lead_inside(app, docname, source):
    folder = Path(app.srcdir, docname).parent

    def inside(found):
        path = os.path.relpath(os.path.normpath(folder / found[1]), ROOT)
        return f"](/{PAGES[path]}.md" if path in PAGES else found[0]

    source[0] = LINK.sub(inside, source[0])


def setup(app):
    app.connect("source-read", lead_inside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
