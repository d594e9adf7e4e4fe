"""The walls of the house: imports point down, `import xent` is light, files are short."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "xent"

# from the top down; rooms of one line do not import each other
ROOMS = [
    {"cli"},
    {"learn"},
    {"sklearn"},
    {"report"},
    {"evaluation"},
    {"torch"},
    {"losses"},
    {"information"},
    {"diagnostics"},
    {"kernels"},
    {"total"},
    {"units"},
    {"errors", "_native"},
]
LEVEL = {room: len(ROOMS) - i for i, rooms in enumerate(ROOMS) for room in rooms}
HEAVY = {"torch", "jax", "scipy", "sklearn", "duckdb", "pyarrow", "rich", "cyclopts"} | {
    "matplotlib", "pandas", "triton", "pyspark", "ray", "dask", "marimo", "array_api_compat",
    "jinja2", "anywidget", "uvicorn",
}  # fmt: skip
MOST_LINES = 400


def sources():
    return sorted(SRC.rglob("*.py"))


def module_of(path):
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(path):
    """Yield every module of xent that a file imports, anywhere in it, as parts of its name."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path)[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            # `from xent import kernels` names a room by what follows
            names = [(*base, alias.name) for alias in node.names]
        else:
            continue
        yield from (name for name in names if name[0] == "xent")


def test_every_room_has_its_place():
    rooms = {module_of(path)[1] for path in sources() if len(module_of(path)) > 1}
    # what runs `python -m xent` stands outside of the house
    assert rooms - set(LEVEL) <= {"__main__"}


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SRC)))
def test_imports_point_down(path):
    module = module_of(path)
    if len(module) == 1 or module[1] == "__main__":
        return  # the front door opens every room
    room = module[1]
    above = []
    for name in imported(path):
        if len(name) == 1:
            above.append("xent itself")  # everything is above: it imports every room
        elif name[1] not in LEVEL:
            above.append(".".join(name) + ", which the front door gathered")
        elif name[1] != room and LEVEL[name[1]] >= LEVEL[room]:
            above.append(".".join(name))
    assert above == []


def test_the_check_sees_an_import_that_points_up(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SRC", tmp_path / "xent")
    (tmp_path / "xent" / "kernels").mkdir(parents=True)
    path = tmp_path / "xent" / "kernels" / "bad.py"
    for line in (
        "from xent.losses import softmax",
        "def f():\n    import xent.losses",
        "from ..losses import softmax",
        "from xent import losses",
        "import xent",
        "from xent import softmax",
    ):
        path.write_text(line)
        with pytest.raises(AssertionError):
            test_imports_point_down(path)
    for line in ("from xent.errors import XentError", "from . import choice", "import numpy"):
        path.write_text(line)
        test_imports_point_down(path)


def loaded_by(program):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_xent_loads_numpy_and_nothing_heavy():
    loaded = loaded_by("import xent")
    assert "numpy" in loaded
    assert loaded & HEAVY == set()


def test_using_a_loss_loads_nothing_heavy():
    program = "import numpy as np, xent; xent.softmax_cross_entropy(np.eye(3), np.arange(3))"
    assert loaded_by(program) & HEAVY == set()


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SRC)))
def test_a_file_has_one_subject(path):
    # a proxy for it: a file that grows past this holds two
    assert len(path.read_text(encoding="utf-8").splitlines()) < MOST_LINES
