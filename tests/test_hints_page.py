"""What docs/hints.md shows is what comes out, and its table has every rule."""

import re
from pathlib import Path

from pages import run_page, text_of

from xent.diagnostics.rules import RULES
from xent.evaluation import hints

PAGE = text_of("hints.md")


def test_its_python(tmp_path):
    run_page("hints.md", tmp_path, least=8)


def test_its_table_has_the_codes_that_hints_have():
    rules = Path(hints.__file__).parent.glob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in rules)
    # the first argument of a hint
    given = set(re.findall(r'Hint\(\s*"(D\d\d)"', source))
    assert set(re.findall(r"^\| (D\d\d) \|", PAGE, re.M)) == given
    assert given <= RULES.keys()
