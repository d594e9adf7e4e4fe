"""What docs/sklearn.md shows is what comes out, and it has every difference of the docstring."""

from pages import run_page, text_of

import xent.sklearn

PAGE = text_of("sklearn.md")


def test_its_python(tmp_path):
    run_page("sklearn.md", tmp_path, least=12)


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
