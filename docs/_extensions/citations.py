"""Sources are cited by their numbers, [2], as their list has them.

numpydoc makes the labels of all docstrings different, R5654c6a779f7-2, and puts the numbers back in
the list, but not everywhere in the sentences that cite it.
"""

import re

from docutils import nodes

LABEL = re.compile(r"\[R[0-9a-f]{10,}-(\d+)\]")


def by_number(app, doctree, docname):
    """Write the number of each source where it is cited."""
    for text in list(doctree.findall(nodes.Text)):
        if LABEL.search(text):
            text.parent.replace(text, nodes.Text(LABEL.sub(r"[\1]", text)))


def as_list(app, pagename, templatename, context, doctree):
    """The entries of a list of sources are items of it; docutils gives them a role that is gone."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app):
    app.connect("doctree-resolved", by_number)
    app.connect("html-page-context", as_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
