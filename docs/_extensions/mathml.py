"""Formulas as MathML, made while the pages are built by the converter of docutils.

Browsers draw MathML themselves, so that a page needs no script and no font for a formula. What
the converter leaves to the browser and browsers leave out is added: thin spaces around the names
of functions, as in p log q, and double bars as high as their line. What it gets wrong is put right:
the index of a letter with a hat stands beside it, and not below.
"""

import re
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

# what writers of formulas use and docutils does not know
SAME = {r"\dots": r"\ldots"}
NAMESPACE = "http://www.w3.org/1998/Math/MathML"
TAG = f"{{{NAMESPACE}}}"
APPLY = "\u2061"  # the invisible sign between a function and its argument
THIN = "0.1667em"

LOG = logging.getLogger(__name__)
ElementTree.register_namespace("", NAMESPACE)


def written(node, *, as_block):
    text = re.sub(r"\\[a-z]+", lambda found: SAME.get(found[0], found[0]), node.astext())
    try:
        return improved(tex2mathml(text, as_block=as_block))
    except MathError as error:
        LOG.warning("no MathML for %r: %s", node.astext(), error, location=node)
        return ""


def improved(mathml):
    """Return MathML that browsers draw as TeX would.

    >>> text = improved(tex2mathml(r"p \\log q"))
    >>> text.count("mspace")
    2
    """
    tree = ElementTree.fromstring(mathml.replace("&ApplyFunction;", APPLY))
    for parent in list(tree.iter()):
        for i, child in reversed(list(enumerate(parent))):
            if child.tag == f"{TAG}mo" and child.text == "‖":
                child.set("stretchy", "false")
            if is_accented(child):
                parent[i] = with_index_beside(child)
            if is_function(parent, i):
                space_out(parent, i)
    return ElementTree.tostring(tree, encoding="unicode")


def is_accented(element):
    """Return whether it is a letter with an index below and an accent above; a sum is a sign."""
    tags = [part.tag.removeprefix(TAG) for part in element]
    return element.tag == f"{TAG}munderover" and tags[0] == "mi" and tags[2] == "mo"


def with_index_beside(element):
    """Return a letter with an accent above it and an index, which came as one below it."""
    letter, index, accent = element
    beside = ElementTree.Element(f"{TAG}msub")
    over = ElementTree.SubElement(beside, f"{TAG}mover", accent="true")
    over.extend([letter, accent])
    beside.append(index)
    return beside


def is_function(row, i):
    """Return whether the name of a function is there: log, or log with its base."""
    if row[i].tag == f"{TAG}msub":
        return row[i][0].tag == f"{TAG}mi" and len(row[i][0].text) > 1
    following = row[i + 1] if i + 1 < len(row) else None
    return row[i].tag == f"{TAG}mi" and following is not None and following.text == APPLY


def space_out(row, i):
    after = i + 1 + (i + 1 < len(row) and row[i + 1].text == APPLY)
    if after < len(row) and first_sign(row[after]) != "(":
        row.insert(after, thin())
    # after a sign there is space already; after a closing parenthesis there is none
    if i and (row[i - 1].tag != f"{TAG}mo" or row[i - 1].text == ")"):
        row.insert(i, thin())


def first_sign(element):
    while len(element) and element.tag == f"{TAG}mrow":
        element = element[0]
    return element.text if element.tag == f"{TAG}mo" else None


def thin():
    return ElementTree.Element(f"{TAG}mspace", width=THIN)


def inline(writer, node):
    writer.body.append(written(node, as_block=False))
    raise nodes.SkipNode


def block(writer, node):
    writer.body.append(f'<div class="math">{written(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer(
        "mathml", inline_renderers=(inline, None), block_renderers=(block, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
