"""What docs/hints.md shows is what comes out, and its table has every rule."""

import re
from pathlib import Path

from pages import run_page, text_of

from xent.diagnostics.rules import RULES
from xent.evaluation.hints import found as hints

PAGE = text_of("hints.md")


def test_its_python(tmp_path):
    run_page("hints.md", tmp_path, least=8)


def test_its_table_has_the_codes_that_hints_have():
    source = Path(hints.__file__).read_text(encoding="utf-8")
    given = set(re.findall(r'"(D\d\d)",[\n ]', source))
    assert set(re.findall(r"^\| (D\d\d) \|", PAGE, re.M)) == given
    assert given <= RULES.keys()
