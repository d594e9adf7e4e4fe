"""What docs/sklearn.md shows is what comes out, and it has every difference of the docstring."""

import doctest
from pathlib import Path

import xent.sklearn

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "sklearn.md").read_text(encoding="utf-8")


def test_its_python():
    examples = doctest.DocTestParser().get_doctest(PAGE, {}, "sklearn.md", "sklearn.md", 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(examples)
    assert runner.tries >= 12
    assert runner.failures == 0


def test_it_names_what_there_is():
    for name in xent.sklearn.__all__:
        assert name in PAGE


def test_every_difference_of_the_docstring_is_on_the_page():
    docstring = xent.sklearn.log_loss.__doc__
    for word in ("30910", "1e-20", "2e-3", "1.5e-8", "36.04", "15.94", "6.93", "Categorical"):
        assert word in docstring
        assert word in PAGE
    for word in ("egative weights", "everal labels a row"):
        assert word in docstring
        assert word in PAGE
