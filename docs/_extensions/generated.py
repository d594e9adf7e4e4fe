"""What pages include, made from the code and the results before Sphinx reads the pages."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOWTO = ROOT / "docs" / "howto"
# what explains a rule whose message no how-to page shows
BESIDE = {
    "D03": "howto/loss-is-nan-with-ignore-index",
    "D05": "howto/crossentropyloss-after-softmax",
    "D06": "howto/bceloss-is-100",
    "D09": "howto/kldivloss-negative",
    "D11": "howto/is-my-cross-entropy-loss-good",
    "D12": "howto/is-my-cross-entropy-loss-good",
    "D13": "howto/is-my-cross-entropy-loss-good",
    "D19": "hints",
    "D24": "howto/gradient-accumulation-loss-does-not-match",
    "D26": "howto/log-loss-column-order",
    "D28": "howto/scipy-entropy-wrong-value",
    "D34": "hints",
}


def tool(name):
    """Return a program of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def explained():
    """Return the pages of each rule: those that show its message, else the one beside it."""
    pages = {code: [page] for code, page in BESIDE.items()}
    for path in sorted(HOWTO.glob("*.md")):
        shown = re.findall(r"(?:Warning|Error): (D\d\d): ", path.read_text(encoding="utf-8"))
        for code in dict.fromkeys(shown):
            pages.setdefault(code, []).append(f"howto/{path.stem}")
    return pages


def title(page):
    """Return what the index of the how-to pages calls a page, else its heading."""
    index = (HOWTO / "index.md").read_text(encoding="utf-8")
    listed = re.search(rf"\[([^]]+)\]\({page.rpartition('/')[2]}\.md\)", index)
    text = (HOWTO.parent / f"{page}.md").read_text(encoding="utf-8")
    return listed[1] if listed else re.match(r"# (.+)", text)[1]


def cell(text):
    """Return a text with what is code in it set as code, for a cell of a table."""
    code = r'(\b\w+=(?:"[^"]*"|\[\.\.\.\]|True)|\b\w+_\w+(?:\([^)]*\))?)'
    return re.sub(code, r"`\1`", text) if "`" not in text else text


def rules():
    """Return the rules as a table, with the pages that explain them."""
    from xent.diagnostics.rules import RULES

    lines = ["| code | kind | about | why | what to do |", "|---|---|---|---|---|"]
    pages = explained()
    for code, rule in RULES.items():
        links = "; ".join(f"[{title(page)}](../{page}.md)" for page in pages.get(code, ()))
        cells = (rule.effect, rule.about, cell(rule.why), f"{cell(rule.fix)} {links}")
        lines.append(f'| <span id="{code}"></span>{code} | {" | ".join(cells)} |')
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
