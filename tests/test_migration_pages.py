"""Rows of docs/migrate: both calls are run, and what comes out is what the page shows."""

import importlib.util
import re
import subprocess
import sys

import pytest
from pages import DOCS, ROOT

PAGES = {"torch": 30, "sklearn": 14, "scipy": 20, "optax": 16, "keras": 26}
CELL = re.compile(r"^\| `.+?`<br>`.+?` \| (.*?) \| (.*) \|$", re.M)
VERSIONS = re.compile(r"<!-- versions -->(.*?)<!-- /versions -->", re.S)


def read(page):
    return (DOCS / "migrate" / f"{page}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made():
    """What the program makes of each page, by itself: no other test has warned or looked."""
    for needed in ("torch", "sklearn", "scipy", "jax", "optax"):
        pytest.importorskip(needed)
    printed = subprocess.run(
        [sys.executable, "tools/migration.py"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True,
    ).stdout  # fmt: skip
    return dict(re.findall(r"^== (\w+)\.md\n(.*?)(?=^== |\Z)", printed, re.M | re.S))


@pytest.mark.parametrize("page", PAGES)
def test_its_results_are_those_that_come_out(page, made):
    if page not in made:
        # looked for and not imported: its backend is chosen in the program
        assert (page, importlib.util.find_spec("keras")) == ("keras", None)
        pytest.skip("keras is not installed: it has no release for Python 3.10")
    shown, again = without_rounding(read(page)), without_rounding(made[page])
    if VERSIONS.search(read("index"))[1] != VERSIONS.search(made["index"])[1]:
        # other releases of the peers may give other numbers; ours stay
        shown, again = (re.sub(r"\| [^|`]+; ours", "| ; ours", text) for text in (shown, again))
    assert shown == again
    assert len(CELL.findall(read(page))) >= PAGES[page]


def without_rounding(text):
    """Leave out what cancels to nothing: on another processor it is another nothing."""
    return re.sub(r"-?[\d.]+e-1\d; ours", "; ours", text)


@pytest.mark.parametrize("page", PAGES)
def test_what_differs_is_said(page):
    for result, said in CELL.findall(read(page)):
        same = result.startswith("both ")
        assert same or "; ours " in result
        assert same or said.strip(), result
        # what we do not have, or mistyped, is no difference
        assert not re.search(r"ours (?!Xent)\w*Error|(Attribute|Type|Name)Error", result), result


def test_pages_are_listed():
    index = read("index")
    assert set(re.findall(r"\]\((\w+)\.md\)", index)) == set(PAGES)


@pytest.mark.parametrize("page", [*PAGES, "index"])
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+\.md)\)", read(page)):
        assert (DOCS / "migrate" / link).resolve().is_file(), link
