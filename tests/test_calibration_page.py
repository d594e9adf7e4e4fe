"""What docs/calibration.md shows is what comes out, and its tables are what simulation finds."""

import math

import numpy as np
import pytest
import simulated
from pages import run_page
from simulated import share, shown


def test_its_python(tmp_path):
    run_page("calibration.md", tmp_path, least=10)


@pytest.mark.parametrize("name", ["chance", "intervals"])
def test_its_tables_are_what_simulation_finds(name):
    simulated.check("calibration.md", name)


def test_its_means_are_what_simulation_finds():
    tool = simulated.tool("calibration")
    _, few, many = simulated.RUNS["chance"]
    for line in shown("calibration.md", "chance"):
        slope = tool.SLOPES[line["model"]]
        assert line["true"] == f"{tool.truth(slope)['miscalibration']:.4f}"
        terms = [d.miscalibration for d in tool.simulated(int(line["rows"]), slope, few)]
        for column, values in {
            "as computed": [t.value for t in terms],
            "of a calibrated model": [t.null for t in terms],
            "corrected": [t.corrected for t in terms],
        }.items():
            error = np.std(values, ddof=1) * math.sqrt(1 / few + 1 / many)
            # as rounded in the page
            assert abs(np.mean(values) - float(line[column])) < 4 * error + 0.5e-4, (column, line)


def test_corrected_terms_are_nearer_the_truth_than_those_computed():
    for line in shown("calibration.md", "chance"):
        true, value, corrected = (float(line[k]) for k in ("true", "as computed", "corrected"))
        assert abs(corrected - true) < abs(value - true) / 4
        if line["model"] == "calibrated":
            assert abs(share(line["p ≤ 5 %"]) - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 1000)


def test_intervals_cover():
    for line in shown("calibration.md", "intervals"):
        for part in ("uncertainty", "resolution", "miscalibration"):
            assert share(line[part]) > 0.9, line
