"""What `xent` exports, by name, and that each of it is documented."""

import inspect
import re

import pytest

import xent

PUBLIC = {
    "Total",
    "audit",
    "binary_cross_entropy",
    "binary_entropy",
    "categorical_cross_entropy",
    "checks",
    "compare",
    "conditional_entropy",
    "cross_entropy",
    "empty_cache",
    "entropy",
    "entropy_from_counts",
    "evaluate",
    "explain",
    "gradient_and_hessian",
    "half_squared_error",
    "js_divergence",
    "kernels",
    "kl_divergence",
    "log_sigmoid",
    "log_softmax",
    "merge",
    "mutual_information",
    "perplexity",
    "recalibrate",
    "self_information",
    "set_num_threads",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "value_and_grad",
}

FUNCTIONS = sorted(name for name in PUBLIC if inspect.isfunction(getattr(xent, name, None)))
# settings: a sentence says all there is to say, nothing comes back, nothing can be shown
SETTINGS = {"empty_cache", "set_num_threads"}
# the first sentence, "Return the sum of totals", says all that comes back
RETURNS_IN_SUMMARY = {"checks", "merge"}

# data that may be left out is not an option: a perplexity of p alone, tables by keyword
DATA = {"q", "source"}


def test_the_exported_names():
    assert sorted(xent.__all__) == sorted(PUBLIC)
    assert len(xent.__all__) == len(set(xent.__all__))
    for name in PUBLIC:
        assert hasattr(xent, name)


def test_nothing_public_is_left_out():
    shown = {name for name in vars(xent) if not name.startswith("_")}
    functions = {name for name in shown if inspect.isroutine(getattr(xent, name))}
    assert functions <= PUBLIC


def section(doc, title):
    """Return the text below a heading of a docstring, or None."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", doc, re.M | re.S)
    return found and found.group(1).strip()


def says(doc, title):
    """Return whether a docstring has the section, or says it in a sentence.

    Such a sentence starts a paragraph, and is "Returns an array ..." or "Parameters and
    errors as for `softmax`", where `softmax` has the section.
    """
    if section(doc, title):
        return True
    if title == "Parameters" and (found := re.search(r"^Returns .* of `(\w+)`", doc, re.M)):
        return found.group(1) == "logits"  # the only argument of a map
    if title == "Returns" and re.search(r"^Returns ", doc, re.M):
        return True
    found = re.search(r"^Parameters\b[^.]*\bas for `(\w+)`", doc, re.M)
    return bool(found and section(inspect.getdoc(getattr(xent, found.group(1))), title))


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - SETTINGS))
def test_every_function_is_documented(name):
    doc = inspect.getdoc(getattr(xent, name))
    assert doc, "no docstring"
    assert re.match(r"(?:.+\n?)+?.*\.\n", doc), "it does not start with a sentence"
    assert says(doc, "Parameters")
    if body := section(doc, "Parameters"):
        for parameter in inspect.signature(getattr(xent, name)).parameters:
            assert re.search(rf"^\W*(\w+, )*\*{{0,2}}{parameter}\b", body, re.M), parameter
    if name in RETURNS_IN_SUMMARY:
        assert doc.startswith("Return ")
    else:
        assert says(doc, "Returns")
    assert ">>> " in (section(doc, "Examples") or "")


# what is computed by a formula: the measures, the losses, and their derivatives
FORMULAS = sorted(
    name
    for name in FUNCTIONS
    if getattr(xent, name).__module__.startswith(("xent.information", "xent.losses"))
    and name not in SETTINGS
)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_has_its_source_its_errors_and_its_neighbours(name):
    doc = inspect.getdoc(getattr(xent, name))
    if name != "value_and_grad":  # of any loss
        assert ":math:" in doc or ".. math::" in doc
    for title in ("Raises", "See Also", "References"):
        assert says(doc, title), title
    cited = re.findall(r"^\.\. \[\d+\] (.+(?:\n   .+)*)", section(doc, "References"), re.M)
    assert cited
    assert all(re.search(r"\b(1[89]|20)\d\d\b", source) for source in cited), "no year"


def test_formulas_are_more_than_a_few():
    assert len(FORMULAS) >= 20
    assert {"entropy", "softmax_cross_entropy", "log_sigmoid"} <= set(FORMULAS)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_setting_says_what_it_does(name):
    doc = inspect.getdoc(getattr(xent, name))
    for parameter in inspect.signature(getattr(xent, name)).parameters:
        assert parameter in doc
    assert doc.split("\n\n")[0].endswith(".")


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"checks"}))
def test_options_are_keywords(name):
    for parameter in inspect.signature(getattr(xent, name)).parameters.values():
        if parameter.default is not parameter.empty and parameter.name not in DATA:
            assert parameter.kind is parameter.KEYWORD_ONLY
