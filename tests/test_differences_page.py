"""Every cell of docs/differences.md is what its call gives."""

import importlib.util
import re
import subprocess
import sys

import pytest
from pages import DOCS, ROOT, text_of

PAGE = text_of("differences.md")
OURS = ("xent", "xent.torch", "xent.sklearn")
VERSIONS = re.compile(r"<!-- versions -->(.*?)<!-- /versions -->")
TABLES = re.compile(r"<!-- table -->\n(.*?)<!-- /table -->", re.S)


def rows(text):
    """Rows of all tables, as dicts from the column to the cell."""
    found = []
    for table in TABLES.findall(text):
        head, _, *lines = (
            [c.strip() for c in line.split("|")[1:-1]] for line in table.splitlines()
        )
        assert all(len(line) == len(head) for line in lines)
        found += [dict(zip(head, line, strict=True)) for line in lines]
    return found


@pytest.fixture(scope="module")
def made():
    """In a process of its own: no other test has warned or looked before."""
    for needed in ("torch", "sklearn", "scipy", "jax", "optax"):
        pytest.importorskip(needed)
    # imported by the tool, which names its backend first; it has no release for Python 3.10
    if importlib.util.find_spec("keras") is None:
        pytest.skip("keras is not installed")
    return subprocess.run(
        [sys.executable, "tools/differences.py"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True,
    ).stdout  # fmt: skip


def test_every_cell_is_what_comes_out(made):
    shown, again = rows(PAGE), rows(made)
    same_peers = VERSIONS.search(PAGE)[1] == VERSIONS.search(made)[1]
    assert len(shown) == len(again) > 50
    for page, run in zip(shown, again, strict=True):
        for column, cell in page.items():
            # what cancels to nothing is another nothing on another processor
            rounding = column not in OURS and re.fullmatch(r"-?[\d.]+e-1\d", cell)
            # and another release may do otherwise; ours stays
            elsewhere = column not in OURS and not same_peers
            assert rounding or elsewhere or cell == run[column], f"{page['what']}, {column}"


def test_where_the_answer_is_a_number_ours_is_that_number():
    checked = 0
    for row in rows(PAGE):
        if re.fullmatch(r"[−\d.e]+|.* = [\d.]+|counts: [\d.]+", row["answer"]):
            number = float(row["answer"].split(" ")[-1].replace("−", "-"))
            for column in OURS:
                cell = row.get(column, "")
                if not cell or "Error" in cell or "warns D04" in cell:
                    continue
                if column == "xent.torch" and (number == 4.25e-19 or "inf" in cell):
                    continue  # in logarithms; in float16, which torch returns
                got = float(cell.split(",")[0].strip("[]"))
                assert got == pytest.approx(number, rel=2e-3), row
                checked += 1
        if row["answer"] in ("no distribution", "no such class", "two shapes", "no label"):
            cell = row.get("xent", "")
            assert not cell or "XentValueError" in cell or cell == "nan", row
    assert checked >= 10


def test_no_number_of_ours_is_nan_where_there_is_an_answer():
    for row in rows(PAGE):
        if row["answer"] not in ("no distribution", "a mean of nothing"):
            for column in OURS:
                assert "nan" not in row.get(column, ""), row


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+\.md)\)", PAGE)
    assert len(links) >= 8
    for link in links:
        assert (DOCS / link).is_file(), link
