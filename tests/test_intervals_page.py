"""What docs/intervals.md shows is what comes out, and its coverage is what simulation finds."""

import re

import pytest
import simulated
from pages import run_page, text_of
from simulated import share, shown


def test_its_python(tmp_path):
    run_page("intervals.md", tmp_path, least=12)


@pytest.mark.parametrize("name", ["rare", "clusters", "slices", "bootstrap"])
def test_its_coverage_is_what_simulation_finds(name):
    simulated.check("intervals.md", name)


def test_its_default_covers_where_others_do_not():
    # 4,000 simulations: a share of 95 % has a standard error of 0.34 points
    for line in shown("intervals.md", "rare"):
        if line["events"] == "4.5 %":
            assert share(line["Hall"]) > 0.95 - 3 * 0.0034
        assert share(line["Hall"]) >= share(line["Wald"])
    for line in shown("intervals.md", "clusters") + shown("intervals.md", "slices"):
        assert abs(share(line["by cluster"]) - 0.95) < 3 * 0.0049
        assert share(line["rows as independent"]) < 0.9
    for line in shown("intervals.md", "bootstrap"):
        assert share(line["studentised"]) > 0.95 - 3 * 0.0069


def test_its_table_names_every_method():
    from xent.evaluation.reading.options import INTERVALS

    named = re.findall(r'^\| `"(\w+)"`', text_of("intervals.md"), re.M)
    assert sorted(named) == sorted(INTERVALS)
