"""What docs/compare.md shows is what comes out, and its coverage is what simulation finds."""

import importlib.util
import math
import re

import pytest
from pages import ROOT, run_page, text_of

from xent.evaluation.comparison.intervals import METHODS

PAGE = text_of("compare.md")


def coverage_tool():
    path = ROOT / "tools" / "compare_coverage.py"
    spec = importlib.util.spec_from_file_location("compare_coverage", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown():
    text = re.search(r"<!-- coverage -->\n(.*?)<!-- /coverage -->", PAGE, re.S).group(1)
    head, _, *lines = ([c.strip() for c in line[1:-1].split("|")] for line in text.splitlines())
    return [dict(zip(head, cells, strict=True)) for cells in lines]


def share(cell):
    return float(cell.removesuffix(" %")) / 100


def test_its_python(monkeypatch):
    monkeypatch.chdir(ROOT)
    run_page("compare.md", ROOT, least=12)


def test_its_coverage_is_what_simulation_finds():
    tool, simulations = coverage_tool(), 500
    lines = shown()
    found = tool.simulate(simulations)
    assert [(f["differences"], str(f["rows"])) for f in found] == [
        (line["differences"], line["rows"]) for line in lines
    ]
    for ours, line in zip(found, lines, strict=True):
        for method in METHODS:
            p = share(line[method])
            error = math.sqrt(max(p * (1 - p), 0.01) * (1 / simulations + 1 / tool.SIMULATIONS))
            assert ours[method] == pytest.approx(p, abs=4.5 * error), (method, line)


def test_its_default_covers_where_others_do_not():
    for line in shown():
        assert share(line["wider"]) >= max(share(line["hall"]), share(line["t"]))
        assert share(line["wider"]) > 0.92
    assert min(share(line["t"]) for line in shown()) < 0.9
