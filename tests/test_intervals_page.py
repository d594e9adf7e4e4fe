"""What docs/intervals.md shows is what comes out, and its coverage is what simulation finds."""

import importlib.util
import math
import re

import pytest
from pages import ROOT, run_page, text_of

PAGE = text_of("intervals.md")


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location("coverage_of", ROOT / "tools" / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(name):
    """A table of the page: its lines as cells by heading, shares as numbers."""
    text = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.S).group(1)
    head, _, *lines = ([c.strip() for c in line[1:-1].split("|")] for line in text.splitlines())
    return [dict(zip(head, cells, strict=True)) for cells in lines]


def share(cell):
    return float(cell.removesuffix(" %")) / 100


def test_its_python(tmp_path):
    run_page("intervals.md", tmp_path, least=12)


# fewer simulations than the page's: each share within 4.5 standard errors of the difference
@pytest.mark.parametrize(
    "name, simulations", [("rare", 1000), ("clusters", 200), ("bootstrap", 60)]
)
def test_its_coverage_is_what_simulation_finds(name, simulations, coverage):
    simulate, of_page = coverage.TABLES[name]
    found, lines = simulate(simulations), shown(name)
    assert len(found) == len(lines)
    for ours, line in zip(found, lines, strict=True):
        for what, value in ours.items():
            if not isinstance(value, float):
                assert line[what] == str(value)
                continue
            p = share(line[what])
            error = math.sqrt(max(p * (1 - p), 0.01) * (1 / simulations + 1 / of_page))
            assert value == pytest.approx(p, abs=4.5 * error), (what, line)


def test_its_default_covers_where_others_do_not():
    # 4,000 simulations: a share of 95 % has a standard error of 0.34 points
    for line in shown("rare"):
        if line["events"] == "4.5 %":
            assert share(line["Hall"]) > 0.95 - 3 * 0.0034
        assert share(line["Hall"]) >= share(line["Wald"])
    for line in shown("clusters"):
        assert abs(share(line["by cluster"]) - 0.95) < 3 * 0.0049
        assert share(line["rows as independent"]) < 0.9
    for line in shown("bootstrap"):
        assert share(line["studentised"]) > 0.95 - 3 * 0.0069


def test_its_table_names_every_method():
    from xent.evaluation.reading.options import INTERVALS

    named = re.findall(r'^\| `"(\w+)"`', PAGE, re.M)
    assert sorted(named) == sorted(INTERVALS)
