"""Formulas as MathML, made while the pages are built by the converter of docutils."""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

# what writers of formulas use and docutils does not know
SAME = {r"\dots": r"\ldots"}

LOG = logging.getLogger(__name__)


def written(node, *, as_block):
    text = re.sub(r"\\[a-z]+", lambda found: SAME.get(found[0], found[0]), node.astext())
    try:
        return tex2mathml(text, as_block=as_block)
    except MathError as error:
        LOG.warning("no MathML for %r: %s", node.astext(), error, location=node)
        return ""


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
