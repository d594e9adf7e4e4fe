"""Codes of rules, such as D07, lead to the table of rules wherever a text mentions them."""

import re

from docutils import nodes

from xent.diagnostics.rules import RULES

PAGE = "reference/errors"
CODE = re.compile(r"\b(D\d\d)\b")
# where a link would be inside of a link, or of what is typed
APART = (nodes.reference, nodes.literal, nodes.literal_block, nodes.title, nodes.raw)


def linked(text, place):
    """Return a text as nodes, with a link for each code."""
    for i, part in enumerate(CODE.split(text)):
        if i % 2 and part in RULES:
            yield nodes.reference("", part, refuri=f"{place}#{part}", internal=True)
        elif part:
            yield nodes.Text(part)


def link(app, doctree, docname):
    if docname == PAGE:
        return
    place = app.builder.get_relative_uri(docname, PAGE)
    for text in list(doctree.findall(nodes.Text)):
        if not CODE.search(text) or inside(text, APART):
            continue
        text.parent.replace(text, list(linked(str(text), place)))


def inside(node, kinds):
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def setup(app):
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
