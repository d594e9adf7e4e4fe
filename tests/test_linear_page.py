"""What docs/linear.md shows is what comes out, and what it names is there."""

import re

from pages import run_page, text_of

from xent.torch import functional, modules

PAGE = text_of("linear.md")


def test_its_python(tmp_path):
    run_page("linear.md", tmp_path, least=12)


def test_its_table_names_every_linear_loss():
    named = set(re.findall(r"`F\.(linear_\w+)`", PAGE))
    assert named == {name for name in functional.__all__ if name.startswith("linear_")}
    assert "`modules.LinearCrossEntropyLoss`" in PAGE
    assert modules.LinearCrossEntropyLoss is not None
