"""What docs/hints.md shows is what comes out, and its table has every rule."""

import doctest
import re
from pathlib import Path

from xent.diagnostics.rules import RULES
from xent.evaluation import hints

PAGE = (Path(__file__).parents[1] / "docs" / "hints.md").read_text(encoding="utf-8")


def test_its_python():
    examples = doctest.DocTestParser().get_doctest(PAGE, {}, "hints.md", "hints.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(examples)
    assert runner.tries >= 8
    assert runner.failures == 0


def test_its_table_has_the_codes_that_hints_have():
    source = Path(hints.__file__).read_text(encoding="utf-8")
    given = set(re.findall(r'"(D\d\d)",\n', source))
    assert set(re.findall(r"^\| (D\d\d) \|", PAGE, re.M)) == given
    assert given <= RULES.keys()
