"""What the pages' own extensions make of formulas, names and links."""

import re
import sys
from types import SimpleNamespace

import pages
import pytest
import required

EXTENSIONS = "docs/_extensions"


@pytest.fixture(scope="module")
def mathml(tool):
    required.need_package("sphinx", "docs")
    return tool("mathml", EXTENSIONS)


def shape(mathml, formula):
    """Return a formula's signs in a row, a thin space as `_`."""
    root = mathml.ElementTree.fromstring(mathml.improved(mathml.tex2mathml(formula)))
    signs = []
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        signs.append("_" if name == "mspace" else (element.text or "").strip())
    return "".join(signs).replace(mathml.APPLY, "")


@pytest.mark.parametrize(
    ("formula", "drawn"),
    [
        (r"p_i \log q_i", "pi_log_qi"),
        (r"0 \log 0", "0_log_0"),
        (r"-\log p", "−log_p"),
        (r"\log(1 - p)", "log(1−p)"),
        (r"w \exp(x)", "w_exp(x)"),
        (r"(a) \log b", "(a)_log_b"),
        (r"\log_2 x", "log2_x"),
    ],
)
def test_names_of_functions_stand_apart(mathml, formula, drawn):
    assert shape(mathml, formula) == drawn


def test_a_double_bar_is_as_high_as_its_line(mathml):
    assert '<mo stretchy="false">‖</mo>' in mathml.improved(mathml.tex2mathml(r"p \,\|\, q"))


def test_an_index_stands_beside_a_letter_with_a_hat(mathml):
    text = mathml.improved(mathml.tex2mathml(r"\hat y_i + \bar y_{ji} + \sum_{i=1}^n x"))
    text = re.sub(r"\s+", "", text)
    assert (
        '<msub><moveraccent="true"><mi>y</mi><mostretchy="false">ˆ</mo></mover><mi>i</mi>' in text
    )
    assert text.count("<msub>") == 2
    # the limits of a sum stay where they are
    assert len(re.findall("<munderover>|<msubsup>", text)) == 1


def test_a_formula_that_cannot_be_drawn_is_told(mathml, monkeypatch):
    told = []
    monkeypatch.setattr(mathml.LOG, "warning", lambda *a, **k: told.append(a))
    node = SimpleNamespace(astext=lambda: r"\nosuchcommand x")
    assert mathml.written(node, as_block=True) == ""
    assert len(told) == 1


def test_what_others_write_is_understood(mathml):
    assert "…" in mathml.written(SimpleNamespace(astext=lambda: r"1, \dots, n"), as_block=False)


@pytest.mark.parametrize(
    ("docname", "text", "found"),
    [
        ("start/train", "[a](../../examples/README.md)", "[a](/examples.md)"),
        ("torch", "[a](../CHANGELOG.md#top)", "[a](/changelog.md#top)"),
        ("torch", "[a](linear.md) [b](../tests/pages.py)", "[a](linear.md) [b](../tests/pages.py)"),
    ],
)
def test_a_link_out_of_docs_leads_to_the_page_that_shows_it(tool, docname, text, found):
    source = [text]
    tool("outside", EXTENSIONS).lead_inside(SimpleNamespace(srcdir=pages.DOCS), docname, source)
    assert source == [found]


def test_chinese_is_split_into_signs_and_pairs(tool):
    required.need_package("sphinx", "docs")
    split = tool("chinese", EXTENSIONS).SearchEnglishAndChinese({}).split
    assert split("log 似然：交叉熵") == [
        "log",
        "似",
        "然",
        "似然",
        "交",
        "叉",
        "熵",
        "交叉",
        "叉熵",
    ]
    # a number is one word, a version and an expression are none
    assert "16.118" in split("of 16.118 or")
    assert not {"1.17", "0.5"} & set(split("scipy 1.17.1, x0.5"))


def test_texts_are_those_of_their_sections(tool):
    required.need_package("sphinx", "docs")
    from docutils.core import publish_doctree

    page = """
Title
=====

One *two*\\ s three.

.. a comment

.. raw:: html

   <b>raw</b>

- four
- five

Below
=====

::

    print(6)
"""
    found = tool("excerpts", EXTENSIONS).sections(
        publish_doctree(page, settings_overrides={"doctitle_xform": False})
    )
    assert found == [[["title"], "One twos three. four five"], [["below"], "print(6)"]]


def test_fields_of_a_class_that_holds_are_told(tool):
    required.need_package("sphinx", "docs")
    from xent.evaluation.comparison import ModelRow

    extension = tool("fields", EXTENSIONS)
    lines = ["One model."]
    extension.add_section(None, "class", "ModelRow", ModelRow, None, lines)
    assert lines[:6] == ["One model.", "", "Attributes", "----------", "name : str", "note : str"]
    at = lines.index("accuracy : float")
    assert lines[at + 1] == "    nan for log-probabilities."
    # a docstring that tells them is left as it is
    lines = ["A line.", "", "Parameters", "----------", "name : str"]
    extension.add_section(None, "class", "ModelRow", ModelRow, None, lines)
    assert len(lines) == 5


def test_inherited_fields_come_first(tool):
    from xent.evaluation import Summary

    names = [name for name, _, _ in tool("fields", EXTENSIONS).fields(Summary)]
    assert names.index("num_rows") < names.index("worst")
    assert len(names) == len(set(names))


def test_a_name_is_bound_whatever_it_is_called(tool, monkeypatch):
    required.need_package("sphinx", "docs")
    bound = tool("names", EXTENSIONS).bound
    import xent

    assert bound("xent.information.entropy") is xent.entropy
    assert bound("xent.Total.mean") is xent.Total.mean
    assert bound("xent.nothing") is None
    # a package that is not installed is no error: its name is no link
    monkeypatch.setitem(sys.modules, "absent", None)
    assert bound("absent.thing") is None
