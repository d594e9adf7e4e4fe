"""Tables that simulations found: a shorter run of the same tool must find what it found before.

A page shows thousands of simulations. A test repeats some of them: their seed is fixed, so
they must give the very numbers of `simulated.json`, and these must be numbers that the page's
could have come from. After a change of what is simulated, `python tests/simulated.py` writes
the file again (and `python tools/NAME.py` prints the tables of the page).
"""

import importlib.util
import json
import math
import re
from functools import cache
from pathlib import Path

from pages import ROOT, text_of

EXPECTED = Path(__file__).with_suffix(".json")
# tool, its table, simulations of the test and of the page
RUNS = {
    "chance": ("calibration", 60, 1000),
    "intervals": ("calibration", 60, 1000),
    "rare": ("coverage", 1000, 4000),
    "clusters": ("coverage", 200, 2000),
    "slices": ("coverage", 256, 2000),
    "bootstrap": ("coverage", 60, 1000),
    "coverage": ("compare_coverage", 500, 4000),
}


@cache
def tool(name):
    spec = importlib.util.spec_from_file_location(f"{name}_tool", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simulate(table):
    """Return the lines of a table by the few simulations of the test."""
    name, simulations, _ = RUNS[table]
    lines = tool(name).TABLES[table](simulations)
    return [
        {k: float(v) if isinstance(v, float) else str(v) for k, v in line.items()} for line in lines
    ]


def expected(table):
    return json.loads(EXPECTED.read_text(encoding="utf-8"))[table]


def shown(page, table):
    """A table of a page: its lines as cells by heading."""
    text = re.search(rf"<!-- {table} -->\n(.*?)<!-- /{table} -->", text_of(page), re.S).group(1)
    head, _, *lines = ([c.strip() for c in line[1:-1].split("|")] for line in text.splitlines())
    return [dict(zip(head, cells, strict=True)) for cells in lines]


def share(cell):
    return float(cell.removesuffix(" %")) / 100


def check(page, table):
    """A shorter run finds what it found before, which is what the page says but for chance."""
    found = simulate(table)
    assert found == expected(table)
    _, few, many = RUNS[table]
    lines = shown(page, table)
    assert len(lines) == len(found)
    misses = {}  # in standard errors, by column
    for ours, line in zip(found, lines, strict=True):
        assert list(ours) == list(line)
        for what, value in ours.items():
            if isinstance(value, float):
                p = share(line[what])
                # the page is rounded to a tenth of a percent; no share is taken as certain
                both = (value * few + p * many + 1) / (few + many + 2)
                error = math.sqrt(both * (1 - both) * (1 / few + 1 / many)) + 0.0005
                misses.setdefault(what, []).append((value - p) / error)
    for what, some in misses.items():
        assert max(map(abs, some)) < 4, (what, some)
        # lines are simulated apart: together they show a smaller error
        assert abs(sum(some)) < 4 * math.sqrt(len(some)), (what, some)


if __name__ == "__main__":
    texts = {table: simulate(table) for table in RUNS}
    EXPECTED.write_text(json.dumps(texts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
