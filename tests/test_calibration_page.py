"""What docs/calibration.md shows is what comes out, and its tables are what simulation finds."""

import importlib.util
import math
import re

import pytest
from pages import ROOT, run_page, text_of

PAGE = text_of("calibration.md")
SIMULATIONS = 60  # a twentieth of the page's


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("calibration_of", ROOT / "tools/calibration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(name):
    """A table of the page: its lines as cells by heading."""
    text = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.S).group(1)
    head, _, *lines = ([c.strip() for c in line[1:-1].split("|")] for line in text.splitlines())
    return [dict(zip(head, cells, strict=True)) for cells in lines]


def share(cell):
    return float(cell.removesuffix(" %")) / 100


def test_its_python(tmp_path):
    run_page("calibration.md", tmp_path, least=10)


@pytest.mark.parametrize("name", ["chance", "intervals"])
def test_its_tables_are_what_simulation_finds(name, tool):
    found, lines = tool.TABLES[name](SIMULATIONS), shown(name)
    assert len(found) == len(lines) == len(tool.SLOPES) * len(tool.ROWS)
    for ours, line in zip(found, lines, strict=True):
        assert (ours["model"], str(ours["rows"])) == (line["model"], line["rows"])
        for what, value in ours.items():
            if isinstance(value, float):
                p = share(line[what])
                error = math.sqrt(max(p * (1 - p), 0.01) / SIMULATIONS)
                assert value == pytest.approx(p, abs=4.5 * error), (what, line)
            elif what not in ("model", "rows", "true"):
                # the deviation of what is shown is at most its mean by chance
                spread = float(line["of a calibrated model"]) / math.sqrt(SIMULATIONS)
                assert float(value) == pytest.approx(float(line[what]), abs=4.5 * spread + 0.003)
        if "true" in ours:
            assert ours["true"] == line["true"]


def test_corrected_terms_are_nearer_the_truth_than_those_computed():
    for line in shown("chance"):
        true, value, corrected = (float(line[k]) for k in ("true", "as computed", "corrected"))
        assert abs(corrected - true) < abs(value - true) / 4
        if line["model"] == "calibrated":
            assert abs(share(line["p ≤ 5 %"]) - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 1000)


def test_intervals_cover():
    for line in shown("intervals"):
        for part in ("uncertainty", "resolution", "miscalibration"):
            assert share(line[part]) > 0.9, line
