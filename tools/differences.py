"""Fill the tables of docs/differences.md: `python tools/differences.py --write`.

The calls stand in the page, in blocks of `py`. A case is a comment "what | the answer", lines that
name its inputs, and a line `column: call` for each library. Without an argument it is printed.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from typing import Any, NamedTuple

import outcomes

PAGE = outcomes.ROOT / "docs" / "differences.md"
SECTION = re.compile(r"<!-- table -->\n(.*?)<!-- /table -->\n\n```py\n(.*?)```", re.S)
COLUMNS = ("scipy", "sklearn", "torch", "keras", "optax", "xent.sklearn", "xent.torch", "xent")
VERSIONS = re.compile(r"<!-- versions -->.*?<!-- /versions -->", re.S)


class Case(NamedTuple):
    title: str
    truth: str
    setup: str
    calls: dict[str, str]


def cases(block: str) -> list[Case]:
    found = []
    for text in re.split(r"\n+(?=# )", block.strip()):
        head, code = text.split("\n", 1)
        title, _, truth = head.removeprefix("# ").partition(" | ")
        calls, setup = {}, []
        for line in ast.parse(code).body:
            # `column: call` is an annotation to Python, however it is broken into lines
            if isinstance(line, ast.AnnAssign) and line.value is None:
                calls[ast.unparse(line.target)] = ast.unparse(line.annotation)
            else:
                setup.append(ast.unparse(line))
        found.append(Case(title, truth, "\n".join(setup), calls))
    return found


def known() -> dict[str, Any]:
    names = outcomes.names()
    for short, module, name in (("t", "torch", "tensor"), ("a", "jnp", "asarray")):
        if module in names:
            names[short] = getattr(names[module], name)
    names["slope"] = slope
    names["K"] = importlib.import_module("keras.losses")
    names["by_index"] = names["optax"].softmax_cross_entropy_with_integer_labels
    return names


def slope(function: Any, x: Any) -> Any:
    """Return the gradient that autograd takes; that of torch.func is sometimes another."""
    x.requires_grad_()
    function(x).backward()
    return x.grad


def table(block: str, names: dict[str, Any]) -> str:
    all_cases = cases(block)
    named = {column for case in all_cases for column in case.calls}
    assert named <= set(COLUMNS), named
    columns = [column for column in COLUMNS if column in named]
    rows = []
    for case in all_cases:
        here = dict(names)
        exec(case.setup, here)
        cells = [
            outcomes.outcome(case.calls[column], here, case.title).words
            if column in case.calls
            else ""
            for column in columns
        ]
        rows.append([case.title, case.truth, *cells])
    return outcomes.table(["what", "answer", *columns], rows)


def written(text: str) -> str:
    names = known()

    def section(found: re.Match[str]) -> str:
        made = f"<!-- table -->\n{table(found[2], names)}<!-- /table -->"
        return f"{made}\n\n```py\n{found[2]}```"

    text = SECTION.sub(section, text)
    versions = outcomes.versions((*outcomes.PEERS, "keras"))
    return VERSIONS.sub(f"<!-- versions -->{versions}<!-- /versions -->", text)


if __name__ == "__main__":
    made = written(PAGE.read_text(encoding="utf-8"))
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(made, encoding="utf-8")
    else:
        sys.stdout.write(made)
