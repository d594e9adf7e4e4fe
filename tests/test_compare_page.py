"""What docs/compare.md shows is what comes out, and its coverage is what simulation finds."""

import simulated
from pages import ROOT, run_page
from simulated import share, shown


def test_its_python(monkeypatch):
    monkeypatch.chdir(ROOT)
    run_page("compare.md", ROOT, least=12)


def test_its_coverage_is_what_simulation_finds():
    simulated.check("compare.md", "coverage")


def test_its_default_covers_where_others_do_not():
    lines = shown("compare.md", "coverage")
    for line in lines:
        assert share(line["wider"]) >= max(share(line["hall"]), share(line["t"]))
        assert share(line["wider"]) > 0.92
    assert min(share(line["t"]) for line in lines) < 0.9
