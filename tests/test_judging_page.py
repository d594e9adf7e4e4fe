"""What docs/judging.md shows is what comes out, and it leads to every page about it."""

import re
import shutil

import pytest
from pages import DOCS, ROOT, run_page, text_of

from xent import evaluate

# two rows for each shape of the table "Which column is what", and what the second line says
SHAPES = {
    "label p_0 p_1 p_2": ("2,.1,.2,.7 0,.5,.3,.2", "target: label; 3 classes from p_0, p_1, p_2"),
    "label cat dog owl": ("owl,.1,.2,.7 cat,.5,.3,.2", "target: label; 3 classes from cat, dog"),
    "y p": ("yes,.7 no,.2", "target: y; probabilities of class 1 from p"),
    "label logit_cat logit_dog": (
        "cat,1.5,-2 dog,0,3",
        "2 classes from logit_cat, logit_dog (logits)",
    ),
    "y_even y_prime p_even p_prime": ("1,0,.7,.2 0,1,.1,.9", "labels: y_even, y_prime; 2 labels"),
    "log_prob": ("-0.7 -1.5", "log-probabilities of what happened from log_prob"),
}


def test_the_page(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    run_page("judging.md", tmp_path, least=9)


def test_the_shapes_are_those_of_its_table():
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text_of("judging.md"), re.M)
    assert [row.replace("`", "").replace(",", "") for row in rows] == list(SHAPES)


@pytest.mark.parametrize("columns", SHAPES)
def test_a_shape_needs_no_options(columns, tmp_path):
    rows, said = SHAPES[columns]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([columns.replace(" ", ","), *rows.split()]), encoding="utf-8")
    assert said in str(evaluate(str(path))).splitlines()[1]


def test_its_links_lead_somewhere():
    linked = set(re.findall(r"\]\(([\w/]+\.md)\)", text_of("judging.md")))
    assert linked >= {"intervals.md", "calibration.md", "compare.md", "hints.md", "scale.md"}
    assert all((DOCS / page).is_file() for page in linked)
