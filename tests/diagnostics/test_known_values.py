import math

import numpy as np
import pytest

from xent.diagnostics.known_values import explain, known_values
from xent.errors import XentTypeError, XentValueError


@pytest.mark.parametrize(
    ("value", "classes", "name"),
    [
        (0.6931, None, "ln 2"),
        (1.3863, None, "2 ln 2"),
        (2.3026, 10, "ln 10"),
        (10.8249, None, "ln 50257"),
        (0.3133, 2, "ln(1 + 1/e)"),
        (0.5514, 3, "ln(1 + 2/e)"),
        (0.9048, 5, "ln(1 + 4/e)"),
        (1.4612, 10, "ln(1 + 9/e)"),
        (3.6222, 100, "ln(1 + 99/e)"),
        (5.9095, 1000, "ln(1 + 999/e)"),
        (1.3133, 2, "ln(1 + 1/e) + 1"),
        (2.4612, 10, "ln(1 + 9/e) + 1"),
        (6.9095, 1000, "ln(1 + 999/e) + 1"),
        (0.5003, 10, "label smoothing 0.1, 10 classes"),
        (100.0, None, "100"),
        (16.118, None, "-ln 1e-7"),
        (15.425, None, "-ln 2e-7"),
        (36.044, None, "-ln eps of float64"),
        (15.942, None, "-ln eps of float32"),
        (6.930, None, "-ln eps of float16"),
        (34.539, None, "-ln 1e-15"),
    ],
)
def test_values_that_others_have_met(value, classes, name):
    found = {known.name: known.value for known in explain(value, classes=classes).known}
    assert name in found
    assert found[name] == pytest.approx(value, abs=6e-4 if value > 6 else 6e-5)


def test_the_smoothing_floor_is_the_entropy_of_the_smoothed_target():
    (floor,) = (known.value for known in known_values(7) if known.name.startswith("label"))
    target = 0.9 * np.eye(7)[0] + 0.1 / 7
    assert floor == pytest.approx(-(target @ np.log(target)))


def test_the_table_is_sorted_and_is_about_the_classes_asked_for():
    values = [known.value for known in known_values()]
    assert values == sorted(values)
    assert not any("100 classes" in known.meaning for known in known_values(10))
    assert len(known_values(1)) < len(known_values(10))


@pytest.mark.parametrize("value", [0.6, 0.701, 2.29])
def test_other_values_have_no_name(value):
    assert explain(value, classes=10).known == ()


def test_the_text_for_a_coin_flip():
    text = str(explain(0.6931, classes=2))
    for part in (
        "0.6931 nats = 1 bit\n",
        "geometric mean probability of the truth 0.5,",
        "uniform guessing among 2 classes costs 0.6931",
        "skill about 0",
        "ln 2 = 0.6931: a coin flip between two classes",
    ):
        assert part in text


def test_the_numbers():
    found = explain(1.0, class_frequencies=[90, 10, 0], unit="bit")
    assert found.nats == pytest.approx(math.log(2))
    assert found.bits == pytest.approx(1.0)
    assert found.probability == pytest.approx(0.5)
    assert found.perplexity == pytest.approx(2.0)
    assert found.classes == 3
    assert found.uniform == pytest.approx(math.log(3))
    assert found.frequencies == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1))
    assert found.skill == pytest.approx(1 - math.log(2) / found.frequencies)


def test_skill_is_against_uniform_where_frequencies_are_unknown():
    assert explain(0.655, classes=10).skill == pytest.approx(0.716, abs=5e-4)
    assert explain(0.655).skill is None
    assert explain(0.655, classes=1).skill is None
    assert explain(0.0, classes=10).skill == 1.0


@pytest.mark.parametrize(
    ("value", "options", "note"),
    [
        (2.5, {"classes": 10}, "worse than uniform guessing by 0.197 nats"),
        (0.5, {"class_frequencies": [9, 1]}, "worse than the class frequencies alone by 0.175"),
        (-0.1, {}, "negative: no cross-entropy of class labels is"),
        (0.0, {}, "zero: every row sure and right"),
        (math.inf, {"classes": 3}, "infinite: at least one row gave probability 0"),
        (math.nan, {"classes": 3}, "NaN: a mean of no rows"),
    ],
)
def test_notes(value, options, note):
    assert note in str(explain(value, **options))


def test_a_loss_larger_than_the_exponential_can_take():
    assert explain(800.0).perplexity == math.inf
    assert explain(800.0).probability == 0.0


@pytest.mark.parametrize(
    ("value", "options", "error", "message"),
    [
        ("a", {}, XentTypeError, "value must be a number, .*got 'a'"),
        (1.0, {"classes": 2.0}, XentTypeError, "classes must be an integer, got 2.0"),
        (1.0, {"classes": 0}, XentValueError, "classes must be at least 1, got 0"),
        (1.0, {"unit": "byte"}, XentValueError, "unit must be one of"),
        (1.0, {"class_frequencies": [1, -1]}, XentValueError, r"class_frequencies\[1\] = -1"),
        (1.0, {"class_frequencies": [0, 0]}, XentValueError, "must not all be 0"),
        (1.0, {"class_frequencies": [[1]]}, XentValueError, r"of shape \(1, 1\)"),
        (1.0, {"class_frequencies": [1, 1], "classes": 3}, XentValueError, "3 and 2 classes"),
    ],
)
def test_what_is_refused(value, options, error, message):
    with pytest.raises(error, match=message):
        explain(value, **options)
