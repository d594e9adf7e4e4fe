"""The texts of all pages as a script, of which `_static/excerpts.js` shows what fits a search.

Sphinx's own search reads every page that it found with fetch(), which pages opened from a disk may
not do; a script they may load. Only the page of the search loads it.
"""

import json
from pathlib import Path

from docutils import nodes

TEXTS = "texts.js"
# what is on a page and is not read; a section in a section is read by itself
SILENT = (nodes.comment, nodes.raw, nodes.title, nodes.math, nodes.math_block, nodes.section)
OTHER_LANGUAGE = ("English", "中文")  # a line that leads to the same page in it


def words(node):
    """Yield the texts of a section, in their order."""
    for child in node.children:
        if isinstance(child, nodes.Text):
            yield child.astext()
        elif not isinstance(child, SILENT) and child.astext() not in OTHER_LANGUAGE:
            yield from words(child)
            # texts of one sentence stand together, those of two blocks do not
            yield "" if isinstance(child, nodes.Inline) else " "


def sections(doctree):
    """Return the sections of a page, each with the anchors that lead to it and its text."""
    return [
        [section["ids"], " ".join("".join(words(section)).split())]
        for section in doctree.findall(nodes.section)
    ]


def write(app, exception):
    if exception or app.builder.format != "html":
        return
    pages = {name: sections(app.env.get_doctree(name)) for name in sorted(app.env.found_docs)}
    text = json.dumps(pages, ensure_ascii=False, separators=(",", ":"))
    path = Path(app.outdir) / "_static" / TEXTS
    path.write_text(f"const TEXTS = {text};\n", encoding="utf-8")


def load(app, pagename, templatename, context, doctree):
    if pagename == "search":
        for name in (TEXTS, "excerpts.js"):
            app.add_js_file(name)


def setup(app):
    app.connect("html-page-context", load)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
