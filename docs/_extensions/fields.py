"""Fields of classes that only hold: their names and types, and what the code says beside them.

A dataclass of results is documented by its fields, which the code lists with a comment where the
name does not say it all. They become the section "Attributes" of a docstring that has none.
"""

import ast
import dataclasses
import inspect
import re
import textwrap

SECTION = re.compile(r"^(Parameters|Attributes)$", re.M)


def fields(kind):
    """Yield name, type and comment of every public field of a class, inherited ones first."""
    for base in reversed(kind.__mro__):
        yield from own_fields(base)


def own_fields(kind):
    if kind.__module__.partition(".")[0] != "xent":
        return
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):
        return
    lines = source.splitlines()
    for node in ast.parse(source).body[0].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, line = node.target.id, lines[node.end_lineno - 1]
            comment = re.search(r"#\s*(?!type:|noqa|fmt:)(.*)$", line[node.end_col_offset :])
            if not name.startswith("_"):
                yield name, ast.unparse(node.annotation), comment and comment[1]


def holds(kind):
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def add_section(app, what, name, obj, options, lines):
    if what != "class" or not holds(obj) or SECTION.search("\n".join(lines)):
        return
    section = []
    for field, annotation, comment in fields(obj):
        section.append(f"{field} : {annotation}")
        if comment:
            # numbers keep their names
            first = comment[0] if comment.startswith(("inf", "nan")) else comment[0].upper()
            section.append(f"    {first}{comment[1:].rstrip('.')}.")
    if section:
        lines += ["", "Attributes", "----------", *section]


def leave_out(app, what, name, obj, skip, options):
    """What a named tuple makes of its fields says nothing: "Alias for field number 0"."""
    return True if (inspect.getdoc(obj) or "").startswith("Alias for field number") else None


def setup(app):
    # before numpydoc reads the docstring
    app.connect("autodoc-process-docstring", add_section, priority=100)
    app.connect("autodoc-skip-member", leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
