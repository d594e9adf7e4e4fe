"""Blocks of code without the empty line that ends a doctest before its fence."""

from docutils import nodes


def trim(app, doctree):
    for block in doctree.findall(nodes.literal_block):
        text = block.astext().rstrip()
        if text != block.astext() and block.rawsource == block.astext():
            block.rawsource = text
            block.children.clear()
            block += nodes.Text(text)


def setup(app):
    app.connect("doctree-read", trim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
