"""The reference has every public name, once; every option of the command, every rule."""

import importlib
import inspect
import re
from collections import Counter

import pytest

from xent.diagnostics.rules import RULES

ROOMS = [
    "xent",
    "xent.errors",
    "xent.evaluation",
    "xent.evaluation.calibration",
    "xent.evaluation.comparison",
    "xent.evaluation.groups",
    "xent.evaluation.recalibration",
    "xent.information",
    "xent.kernels",
    "xent.losses",
    "xent.report.figures",
    "xent.sklearn",
    "xent.torch",
    "xent.torch.adversarial",
    "xent.torch.causal_lm",
    "xent.torch.functional",
    "xent.torch.modules",
    "xent.torch.parallel",
    "xent.torch.partition",
]


def bound(path):
    """Return what a dotted name is bound to."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            value = getattr(value, part)
        return value
    raise AssertionError(f"{path} is documented and is not there")


@pytest.fixture(scope="module")
def documented(inventory):
    """Return at how many places each object is documented, by identity."""
    kinds = ("py:function", "py:class", "py:exception", "py:data")
    # a class is listed by the name of its file too, which leads to the same place
    places = {
        (id(bound(name)), place)
        for kind in kinds
        for name, place in inventory.get(kind, {}).items()
    }
    return Counter(value for value, _ in places)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_on_one_page(room, documented):
    module = importlib.import_module(room)
    times = {}
    for name in module.__all__:
        value = getattr(module, name)
        if not inspect.ismodule(value):
            times[name] = documented[id(value)]
    assert {name: count for name, count in times.items() if count != 1} == {}


def test_every_option_of_the_command_is_there(inventory):
    from xent.cli.app import app

    options = {
        f"xent-{command}.{name}"
        for command in app
        if not command.startswith("-")
        for argument in app[command].assemble_argument_collection()
        for name in argument.names
        if name.startswith("-")
    }
    assert options == set(inventory["std:cmdoption"])
    assert len(options) > 60


def test_every_rule_is_there(built):
    text = (built / "reference" / "errors.html").read_text(encoding="utf-8")
    for code in RULES:
        assert f'<span id="{code}"></span>{code}<' in text
        # the page that says what to do about it
        row = text.partition(f'<span id="{code}"></span>')[2].partition("</tr>")[0]
        assert re.search(r'href="\.\./(howto/[\w-]+|hints)\.html"', row), code
    # and is found from where it is mentioned
    text = (built / "reference" / "measures.html").read_text(encoding="utf-8")
    assert 'href="errors.html#D07">D07</a>' in text


def test_sources_are_cited_by_number(built):
    for path in (built / "reference").glob("*.html"):
        assert not re.search(r"R[0-9a-f]{10,}-\d+\]?<", path.read_text(encoding="utf-8")), path
    text = (built / "reference" / "torch.html").read_text(encoding="utf-8")
    assert re.search(
        r'<a class="reference internal" href="#r\w+-2"[^>]*><span>\[2\]</span></a>', text
    )


def test_neighbours_are_links(built):
    text = (built / "reference" / "measures.html").read_text(encoding="utf-8")
    # by the name of the docstring, by another name of the same, and of a type that comes back
    assert 'href="#xent.cross_entropy"' in text
    assert 'href="evaluation.html#xent.evaluate"' in text
    assert 'href="errors.html#xent.errors.XentValueError"' in text
