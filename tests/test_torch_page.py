"""What docs/torch.md shows is what comes out: its Python, its tables, the tests it names."""

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xent.torch import functional

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "torch.md").read_text(encoding="utf-8")
TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
NAMES = ["cross-entropy", "labels", "probabilities", "divergence"]


def test_its_python():
    # nothing is shown that is not run
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        assert block.startswith(">>> ")
        assert block.endswith("\n\n")
    examples = doctest.DocTestParser().get_doctest(PAGE, {}, "torch.md", "torch.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(examples)
    assert runner.tries >= 12
    assert runner.failures == 0


@pytest.mark.parametrize("name", NAMES)
def test_its_tables_are_those_that_the_program_makes(name):
    made = subprocess.run(
        [sys.executable, "tools/torch_accuracy.py", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    ).stdout
    between = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.S)
    assert between
    shown, again = without_torch(between.group(1)), without_torch(made)
    assert len(shown) > 7
    assert shown == again


def without_torch(table):
    # what torch loses depends on the processor's exponential; what is exact does not
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
    kept = [i for i, name in enumerate(rows[0]) if name != "torch"]
    assert len(kept) < len(rows[0])
    return [[row[i] for i in kept] for row in rows]


def test_ours_is_the_exact_number_in_every_table():
    for name in NAMES:
        table = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.S).group(1)
        rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
        assert rows[0][4] == "xent"
        for row in rows[2:]:
            assert row[4] == row[2], row
            if len(row) > 6:
                assert row[7] == row[5], row


def test_every_row_names_a_test_that_exists():
    assert len(TESTS) > 30
    for path, name in TESTS:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in found, f"{path}::{name}"
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and "`tests/" not in line]
    for row in rows:
        # the heads of tables, and tables of numbers
        assert "shown by" in row or set(row) <= set("|- ") or "exact" in row or is_numbers(row), row


def is_numbers(row):
    return all(re.fullmatch(r"[-\d.e+, ]+", cell) for cell in row.split("|")[1:-1])


def test_every_test_of_differences_has_its_row():
    for path in ("tests/torch/test_differences.py", "tests/torch/_linear/test_differences.py"):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        tests = {name for name in functions if name.startswith("test_")}
        assert tests == {name for of, name in TESTS if of == path}


def test_every_drop_in_is_on_the_page():
    import torch

    both = {name for name in functional.__all__ if hasattr(torch.nn.functional, name)}
    assert len(both) >= 6
    assert all(f"`F.{name}`" in PAGE for name in both)
