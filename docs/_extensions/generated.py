"""What pages include, made from the code and the results before Sphinx reads the pages."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tool(name):
    """Return a program of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rules():
    """Return the rules as a table."""
    from xent.diagnostics.rules import RULES

    lines = ["| code | what it does | about |", "|---|---|---|"]
    for code, text in RULES.items():
        severity, _, about = text.partition(": ")
        lines.append(f'| <span id="{code}"></span>{code} | {severity} | {about} |')
    return "\n".join(lines)


PAGES = {
    "rules.md": rules,
    "benchmarks.md": lambda: tool("benchmark_page").page(),
    "house.md": lambda: tool("house").page(),
    "command.md": lambda: tool("command_page").page(),
}


def write(app, config):
    folder = Path(app.srcdir) / "_generated"
    folder.mkdir(exist_ok=True)
    for name, made in PAGES.items():
        text, path = made() + "\n", folder / name
        # what has not changed keeps its time, so that its page is not built again
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app):
    app.connect("config-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
