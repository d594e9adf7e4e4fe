"""What docs/judging.md shows is what comes out, and it leads to every page about it."""

import re
import shutil

from pages import DOCS, ROOT, run_page, text_of


def test_the_page(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    run_page("judging.md", tmp_path, least=9)


def test_its_links_lead_somewhere():
    linked = set(re.findall(r"\]\((\w+\.md)\)", text_of("judging.md")))
    assert linked >= {"intervals.md", "calibration.md", "compare.md", "hints.md", "scale.md"}
    assert all((DOCS / page).is_file() for page in linked)
