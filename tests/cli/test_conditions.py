"""Conditions of --fail-if."""

import math

import pytest

from xent.cli.conditions import parse_condition
from xent.errors import XentValueError


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a>1", True), ("a>2", False), ("a>=2", True), ("a<3", True), ("a<=1", False),
        ("a==2", True), ("a!=2", False), (" a > 1e0 ", True), ("a<inf", True),
    ],
)  # fmt: skip
def test_comparisons(text, holds):
    assert parse_condition(text).holds({"a": 2.0}) == holds


def test_a_number_that_is_no_number_fails_every_gate():
    assert parse_condition("a>1").holds({"a": math.nan})
    assert parse_condition("a<1").holds({"a": math.nan})


@pytest.mark.parametrize("text", ["", "a", "a>", "a>x", "a=1", "1<a", "a>1>2", "a~1", "a>nan"])
def test_what_is_no_condition(text):
    with pytest.raises(XentValueError, match="fail_if must be a name, a comparison and a number"):
        parse_condition(text)
