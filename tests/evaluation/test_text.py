"""The printed table: what it says, and that a displayed 0 or 100 % is exact."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent import recalibrate
from xent.errors import XentValueError
from xent.evaluation import compare, evaluate
from xent.evaluation.numbers import level_text, number, percent

EXPECTED = """\
arrays: 3 rows scored
  target: target; 2 classes from probs (a list of probabilities)

  log loss                  0.4621 nats = 0.6667 bits
    95 % interval           0 to 1.137
  perplexity                1.587
  probability of the truth  0.6300 (geometric mean)
  accuracy                  66.7 %
  Brier score               0.1667

  compared with always saying  it loses   skill
    the class frequencies        0.6365  27.4 %
    all equally likely (ln 2)    0.6931  33.3 %

  log loss 0.4621 = 0.6365 what the labels leave open
                  - 0.1744 what the model knows
                           (a model that knows nothing would show 0.0963 too)
                  + 0.0000 miscalibration
                           (a calibrated model of this size would show 0.2300 too; p = 1)

  class  rows   share  mean p  log loss  share of loss  found
  0         2  66.7 %   0.667    0.3466         50.0 %  100 %
  1         1  33.3 %   0.333    0.6931         50.0 %    0 %

  most surprising rows (counted from 0)
    row  log loss  truth  predicted
      0    0.6931  0      0
      2    0.6931  1      0
      1         0  0      0"""


def test_the_whole_table():
    result = evaluate(([0, 0, 1], [[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]))
    expected = EXPECTED.replace(
        "accuracy                  100 %", "accuracy                  66.7 %"
    )
    assert str(result) == expected == repr(result)


@given(st.floats(0, 1))
def test_a_displayed_0_or_100_percent_is_exact(share):
    shown = percent(share)
    assert (shown == "0 %") == (share == 0)
    assert (shown == "100 %") == (share == 1)
    assert re.fullmatch(r"(> |< )?\d+(\.\d)? %", shown)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_displayed_level_has_all_its_digits(level):
    shown = level_text(level)
    assert float(shown.removesuffix(" %")) / 100 == pytest.approx(level, rel=1e-15)
    assert shown != "100 %"


def test_a_level_of_nearly_1_is_not_shown_as_1():
    rows = ([0, 1, 1, 0], [0.2, 0.7, 0.9, 0.1])
    evaluated = evaluate(rows, level=0.9999999)
    compared = compare(rows, ([0, 1, 1, 0], [0.4, 0.6, 0.6, 0.4]), level=0.9999999)
    for text in (str(evaluated), evaluated._repr_html_(), str(compared)):
        assert "99.99999 % interval" in text


@given(st.floats(-1e300, 1e300))
def test_a_number_keeps_its_digits(value):
    shown = number(value)
    assert (shown == "0") == (value == 0)
    # half a unit of the fourth digit
    assert math.isclose(float(shown), value, rel_tol=5.0001e-4)


def test_many_classes_show_those_that_cost_most():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(50), size=200)
    text = str(evaluate((rng.integers(50, size=200), p)))
    assert "(20 classes with less of the loss not shown)" in text


@pytest.mark.parametrize(
    ("unit", "shown"),
    [("nat", "1.386 nats = 2.000 bits"), ("bit", "2.000 bits"), ("ban", "0.6021 bans")],
)
def test_units_are_named(unit, shown):
    assert f"log loss                  {shown}\n" in str(evaluate(([1], [0.25]), unit=unit))


def test_numbers_for_machines_are_those_of_the_attributes():
    result = evaluate(([0, 1], [[0.5, 0.5], [0.2, 0.8]]), unit="bit")
    numbers = result.to_dict()
    for name in ("log_loss", "perplexity", "skill", "accuracy", "brier", "num_rows"):
        assert numbers[name] == getattr(result, name)
    assert [c["name"] for c in numbers["classes"]] == ["0", "1"]
    assert numbers["worst"][0] == {"row": 0, "log_loss": 1.0, "target": "0", "predicted": "0"}


def test_one_row_is_not_called_rows():
    one, two = ([1], [0.7]), ([1], [0.4])
    assert "1 row scored" in str(evaluate(one))
    assert "2 models on 1 row, paired" in str(compare(one, two))
    r = recalibrate(([0, 1, 0, 1, 1], [0.3, 0.6, 0.7, 0.2, 0.0]))
    assert "1 impossible row (the truth had probability 0) is not in it" in str(r)
    with pytest.raises(XentValueError, match=r"in row 1 \(1 such row\)"):
        r.apply([0.5, 1.5])
    with pytest.raises(XentValueError, match=r"in row 2 \(1 such row in this batch\)"):
        evaluate(([0, 1, 0.5], [0.3, 0.6, 0.7]))


def test_what_is_not_shown_is_called_by_its_name():
    rng = np.random.default_rng(9)
    labels, probs = rng.integers(2, size=(50, 32)), rng.random((50, 32))
    assert "(2 labels with less of the loss not shown)" in str(
        evaluate(labels=labels, probs=probs, task="multi")
    )
    # shares of no loss at all are nan, and rank nothing: the first are shown, in their order
    sure = str(evaluate((np.arange(32), np.eye(32))))
    assert "(2 classes with less of the loss not shown)" in sure
    shown = [line.split()[0] for line in sure.splitlines() if line.endswith("100 %")]
    assert shown[-30:] == [str(j) for j in range(30)]
