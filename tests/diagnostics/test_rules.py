"""Every rule says what it is about, why, and what to do, and names what there is."""

import math
import re
from pathlib import Path

import pytest

import xent
from xent.diagnostics.rules import RULES, is_code, rule
from xent.errors import XentTypeError, XentValueError

SOURCES = "".join(path.read_text("utf-8") for path in Path(xent.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("code", RULES)
def test_a_rule_is_told_in_three_parts(code):
    about, why, fix = RULES[code].about, RULES[code].why, RULES[code].fix
    assert RULES[code].code == code
    assert RULES[code].effect.startswith(("error", "warning", "note"))
    assert [part.endswith(".") for part in (about, why, fix)] == [False, True, True]
    text = str(xent.explain(code))
    assert text.startswith(f"{code}, ")
    assert text.count("\nFix: ") == 1
    assert " ".join(text.split()).endswith(fix)


def test_what_a_fix_names_exists():
    named = {name for r in RULES.values() for name in re.findall(r"\b[a-z]+_[a-z_]+\b", r.fix)}
    assert len(named) > 8
    for name in named:
        assert re.search(rf"\bdef {name}\(|\b{name}: ", SOURCES), name


def test_every_code_in_the_sources_is_a_rule():
    used = set(re.findall(r"""["'](D\d\d)["']""", SOURCES))
    assert used == RULES.keys()


def test_the_floor_that_is_told_is_the_floor():
    assert "ln(1 + (K - 1)/e)" in RULES["D04"].why
    logits = xent.softmax([100.0, 0.0, 0.0, 0.0, 0.0])
    with xent.checks("off"):
        lowest = xent.softmax_cross_entropy(logits, 0, reduction="none")
    # four units in the last place of a number near one
    assert float(lowest) == pytest.approx(math.log1p(4 / math.e), abs=4 * 2.0**-52)


@pytest.mark.parametrize("code", ["D4", "d04", " D04 "])
def test_a_code_may_be_written_otherwise(code):
    assert is_code(code)
    assert xent.explain(code) == rule("D04")


@pytest.mark.parametrize("code", ["D00", "D21", "D99"])
def test_a_code_that_no_rule_has(code):
    with pytest.raises(XentValueError, match=f"no rule has the code {code}; there are D01, .*D34"):
        xent.explain(code)


@pytest.mark.parametrize("value", ["D", "D004", "E04", "loss"])
def test_what_is_neither_a_number_nor_a_code(value):
    assert not is_code(value)
    with pytest.raises(XentTypeError, match=f"the code of a rule such as D04, got '{value}'"):
        xent.explain(value)
