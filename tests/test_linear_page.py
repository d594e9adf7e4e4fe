"""What docs/linear.md shows is what comes out, and what it names is there."""

import doctest
import re
from pathlib import Path

from xent.torch import functional, modules

PAGE = (Path(__file__).parents[1] / "docs" / "linear.md").read_text(encoding="utf-8")


def test_its_python():
    examples = doctest.DocTestParser().get_doctest(PAGE, {}, "linear.md", "linear.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(examples)
    assert runner.tries >= 12
    assert runner.failures == 0


def test_its_table_names_every_linear_loss():
    named = set(re.findall(r"`F\.(linear_\w+)`", PAGE))
    assert named == {name for name in functional.__all__ if name.startswith("linear_")}
    assert "`modules.LinearCrossEntropyLoss`" in PAGE
    assert modules.LinearCrossEntropyLoss is not None
