"""Names in docstrings become links: by what they are bound to, not by how they are spelled.

A public function has several names, `xent.entropy` and `xent.information.entropy`, and is
documented under one of them; a reference by any of them finds it.
"""

import importlib

from docutils import nodes
from docutils.parsers.rst import roles
from sphinx import addnodes
from sphinx.util.nodes import make_refnode

# where a name is looked for after the module of the docstring that mentions it
PLACES = (
    "xent", "xent.torch", "xent.torch.functional", "xent.evaluation",
    "xent.diagnostics.known_values",
)  # fmt: skip


def name_role(name, rawtext, text, lineno, inliner, options=None, content=None):
    """The role of a bare `name`: a link where it names something documented, else code."""
    env = inliner.document.settings.env
    code = nodes.literal(rawtext, text, classes=["xref", "py"])
    reference = addnodes.pending_xref(
        rawtext,
        code,
        refdomain="py",
        reftype="obj",
        reftarget=text.removesuffix("()"),
        refdoc=env.docname,
        refexplicit=False,
        bare=True,
        **{key: env.ref_context.get(key) for key in ("py:module", "py:class")},
    )
    return [reference], []


def bound(path):
    """Return what a dotted name is bound to, or None."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            value = getattr(value, part, None)
        return value
    return None


def resolve(app, env, node, content):
    """Link a name that is not documented as it is spelled, but under another."""
    if node.get("refdomain") != "py":
        return None
    domain, target = env.get_domain("py"), node["reftarget"]
    for place in filter(None, [node.get("py:module"), *PLACES]):
        value = bound(target if target.startswith("xent.") else f"{place}.{target}")
        if value is None or not callable(value):
            continue
        for name, entry in domain.objects.items():
            if name.rpartition(".")[2] == target.rpartition(".")[2] and bound(name) is value:
                return make_refnode(
                    app.builder, node["refdoc"], entry.docname, entry.node_id, content, name
                )
    return None


def silent(app, domain, node):
    """A bare name that is not documented is a parameter, and no mistake."""
    return True if node.get("bare") else None


def setup(app):
    roles.register_local_role("name", name_role)
    app.connect("missing-reference", resolve)
    app.connect("warn-missing-reference", silent)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
