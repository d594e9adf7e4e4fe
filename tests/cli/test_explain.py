"""`xent explain`: of a loss, and of the code of a rule."""

import math

import pytest

import xent
from xent.cli.app import run
from xent.cli.options import BAD_INPUT, OK


@pytest.mark.parametrize("value", ["0.6931", "-3", "nan", "inf", "1e-3"])
def test_of_a_loss(value, capsys):
    assert run(["explain", value]) == OK
    assert capsys.readouterr().out == f"{xent.explain(float(value))}\n"


def test_of_a_loss_with_its_classes(capsys):
    assert run(["explain", "1", "--classes", "2", "--unit", "bit"]) == OK
    expected = xent.explain(math.log(2), classes=2)
    assert capsys.readouterr().out == f"{expected}\n"


@pytest.mark.parametrize("code", ["D04", "d4"])
def test_of_a_rule(code, capsys):
    assert run(["explain", code]) == OK
    assert capsys.readouterr().out == f"{xent.explain('D04')}\n"


@pytest.mark.parametrize(
    ("value", "said"), [("D99", "no rule has the code D99"), ("loss", "the code of a rule")]
)
def test_of_what_has_no_meaning(value, said, capsys):
    assert run(["explain", value]) == BAD_INPUT
    assert said in capsys.readouterr().err
