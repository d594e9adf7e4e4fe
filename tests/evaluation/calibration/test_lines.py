"""The section of the table: terms that add up as they are shown, and advice that is sure."""

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, softmax

from xent.evaluation import evaluate
from xent.evaluation.numbers import number

EXAMPLES = Path(__file__).parents[3] / "examples"


def section(**sources):
    """Return the lines of the section: those between the references and the classes."""
    parts = str(evaluate(**sources)).split("\n\n")
    return next((p.split("\n") for p in parts if p.startswith("  log loss ") and " = " in p
                 and "what the labels" in p), [])  # fmt: skip


def binary(n=2000, slope=1.0, shift=0.0, seed=0, spread=1.5):
    rng = np.random.default_rng(seed)
    logit = spread * rng.normal(size=n)
    y = (rng.random(n) < expit(slope * logit + shift)).astype(int)
    return {"target": y, "probs": expit(logit)}


def several(n=1000, scale=1.0, sign=1, seed=0):
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n, 5))
    drawn = rng.random((n, 1)) < softmax(scale * logits, axis=1).cumsum(1)
    return {"target": drawn.argmax(1), "logits": sign * logits}


@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("unit", ["nat", "bit"])
def test_the_terms_shown_add_up(slope, unit):
    lines = section(**binary(slope=slope), unit=unit)
    whole = float(re.search(r"log loss ([\d.]+)", lines[0])[1])
    terms = [re.match(r".*?([=+-]) +([\d.e-]+) ", line) for line in lines[:4]]
    # the last of the four is in brackets: what chance shows
    assert [m and m[1] for m in terms] == ["=", "-", "+", None]
    total = sum(float(m[2]) * (-1 if m[1] == "-" else 1) for m in terms[:3])
    # each is rounded to the decimals of the loss: 1.5 units of the last
    decimals = len(re.search(r"log loss [\d]+\.(\d+)", lines[0])[1])
    assert abs(total - whole) <= 2.01 * 10**-decimals


@pytest.mark.filterwarnings("ignore::xent.errors.MisuseWarning")
@pytest.mark.parametrize("unit", ["nat", "bit"])
@pytest.mark.parametrize("share", [0.1, 1e-3, 1e-5, 1e-7])  # of class 1, and so the loss
@pytest.mark.parametrize("clip", [1e-3, 5e-7])
def test_the_terms_shown_add_up_where_small_probabilities_are_clipped(clip, share, unit):
    y, p = np.repeat([1, 1, 0], [1, 1, 1998]), np.repeat([0.0, 0.9, 0.0], [1, 1, 1998])
    weight = np.where(y == 1, share * 1000, 1.0)
    lines = section(target=y, probs=p, weight=weight, zero=f"clip:{clip}", unit=unit)
    terms = [re.match(r".*?([=+-]) +([\d.]+(?:e-\d+)?) [a-z]", line) for line in lines[:5]]
    terms = [(m[1], m[2]) for m in terms if m]
    assert [sign for sign, _ in terms[:3]] == ["=", "-", "+"]
    total = sum(float(text) * (-1 if sign == "-" else 1) for sign, text in terms)
    # each is rounded to its last digit, to half of it
    rounded = sum(0.5 * 10.0 ** Decimal(text).as_tuple().exponent for _, text in terms)
    whole = lines[0].split()[2]
    rounded += 0.5 * 10.0 ** Decimal(whole).as_tuple().exponent
    largest = max(float(text) for _, text in terms)
    assert abs(total - float(whole)) <= rounded + 1e-6 * largest


def test_a_calibrated_model_is_told_what_chance_shows():
    lines = section(**binary(seed=2))
    assert len(lines) == 4
    assert re.search(r" \+ 0\.\d{4} miscalibration$", lines[2])
    assert re.fullmatch(
        r" +\(a calibrated model of this size would show 0\.0\d+ too; p = 0\.\d+\)", lines[3]
    )


def test_advice_is_given_where_it_is_sure():
    lines = section(**binary(slope=0.5, shift=0.4))
    assert re.search(r"temperature [12]\.\d+ would gain 0\.\d+ nats \(certainly between", lines[4])
    assert re.search(r"adding \+0\.\d+ to the logit of class 1 would gain 0\.\d+ nats", lines[5])
    # of the rows that are here the gain is certain, of others it has an interval
    e = evaluate(**binary(slope=0.5, shift=0.4), level=0.9)
    assert e.shift.low < e.shift.gain < e.shift.high
    ends = f"; 90 % interval over new rows {number(e.shift.low, 3)} to {number(e.shift.high, 3)})"
    assert ends in str(e)


def test_several_classes():
    lines = section(**several(scale=0.5))
    assert "what a better temperature would gain" in lines[2]
    assert lines[4].startswith("  top label: 0.")
    assert "temperature" in lines[5]


def test_scores_worse_than_none():
    lines = section(**several(sign=-1))
    assert re.search(r"\+ +0\.\d+ what the frequencies know better than the model", lines[1])
    assert "no higher for the true class" in lines[-1]


def test_a_model_that_knows_nothing():
    data = binary(n=200)
    data["target"] = data["target"][::-1].copy()
    assert "a model that knows nothing would show 0." in section(**data)[2]


def test_impossible_rows():
    data = binary(n=50)
    data["probs"][0], data["target"][0] = 0.0, 1
    lines = section(**data)
    assert lines[0].startswith("  log loss inf = ")
    assert lines[2].endswith("inf miscalibration")
    data = several(n=50)
    data["logits"][0, data["target"][0]] = -np.inf
    assert "rows that were called impossible" in section(**data)[4]


def test_what_cells_know_no_bound_of_is_at_least_what_is_told():
    # 44 rows of this file said 1 of the predicted class and were wrong: it lost without end
    lines = str(evaluate(EXAMPLES / "digits_naive_bayes.parquet")).split("\n")
    (told,) = [line for line in lines if line.startswith("  top label: ")]
    assert re.match(r"  top label: at least 0\.\d+ miscalibration \(", told)
    lines = str(evaluate(EXAMPLES / "digits.parquet")).split("\n")
    (told,) = [line for line in lines if line.startswith("  top label: ")]
    assert "at least" not in told


def test_log_probs_of_what_happened_have_no_section():
    assert section(log_probs=np.array([-0.5, -1.0])) == []
