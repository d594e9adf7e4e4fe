"""The share of the loss in the rows that cost most, against sorted losses, added as fractions."""

import dataclasses
import json
from fractions import Fraction

import numpy as np
import pytest

from xent.errors import MisuseWarning
from xent.evaluation import evaluate
from xent.evaluation.worst_rows import WORST, worst_share_of
from xent.report.machine import to_json
from xent.report.page import html_page

RNG = np.random.default_rng(0)


def binary(rows, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 2, rows)
    return (rng.random(rows) < p).astype(int), p


def share(target, p, weight=None):
    """The share of the worst 1 % of the weight, a row in part where it must be."""
    nll = -np.log(np.where(target == 1, p, 1 - p))
    weight = np.ones(len(p)) if weight is None else weight
    left, part = Fraction(float(weight.sum())) / 100, Fraction(0)
    for k in np.argsort(-nll):
        some = min(left, Fraction(float(weight[k])))
        left, part = left - some, part + some * Fraction(float(nll[k]))
    return float(
        part
        / sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(weight, nll, strict=True))
    )


@pytest.mark.parametrize("rows", [100, 101, 150, 199, 250, 9999])
def test_it_is_exact_while_the_rows_are_kept(rows):
    data = binary(rows)
    found = evaluate(data).worst_share
    assert found.fraction == WORST
    assert found.low == found.high == pytest.approx(share(*data), rel=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_between_bounds_of_many_rows(weighted):
    target, p = binary(20_000)
    weight = RNG.choice([0.5, 1.0, 3.0], 20_000)
    given = {"weight": weight} if weighted else {}
    found = evaluate(target=target, probs=p, **given).worst_share
    expected = share(target, p, weight if weighted else None)
    assert found.low < expected < found.high < 1.13 * found.low


def test_weights_of_1_are_no_weights():
    target, p = binary(500)
    weighted = evaluate(target=target, probs=p, weight=np.ones(500))
    assert weighted.worst_share == evaluate((target, p)).worst_share


def test_it_is_not_known_of_few_rows_of_no_loss_and_of_many_without_cells():
    assert evaluate(binary(99)).worst_share is None
    assert evaluate(binary(100)).worst_share is not None
    assert evaluate(([1] * 200, [1.0] * 200)).worst_share is None
    many = evaluate(binary(20_000)).summary
    assert worst_share_of(dataclasses.replace(many, surprise=None)) is None
    # weights that no cell holds
    target, p = binary(200)
    with pytest.warns(MisuseWarning, match="the share of the worst rows is left out"):
        heavy = evaluate(target=target, probs=p, weight=np.full(200, 2.0**50))
    assert heavy.worst_share is None


def test_impossible_rows_are_left_out():
    target, p = binary(1000)
    p[0], target[0] = 0.0, 1
    found = evaluate((target, p))
    assert found.worst_share.low == pytest.approx(share(target[1:], p[1:]), rel=1e-13)
    assert "of the loss of possible rows" in str(found)


def test_rows_that_cost_the_same_carry_what_they_are():
    found = evaluate(([1] * 1000, [0.5] * 1000)).worst_share
    assert found.low == found.high == pytest.approx(0.01, rel=1e-13)


def test_labels_and_log_probabilities_have_it():
    target, p = binary(300)
    labels = evaluate(labels=np.stack([target, target], 1), probs=np.stack([p, p], 1), task="multi")
    assert labels.worst_share.low == pytest.approx(share(target, p), rel=1e-13)
    given = np.log(np.where(target == 1, p, 1 - p))
    assert evaluate(log_probs=given).worst_share.low == pytest.approx(share(target, p), rel=1e-13)


def test_parts_say_what_the_whole_does():
    target, p = binary(20_000)
    whole = evaluate((target, p))
    assert (evaluate((target[::2], p[::2])) + evaluate((target[1::2], p[1::2]))).worst_share == (
        whole.worst_share
    )


def test_it_is_printed_and_in_numbers_and_on_the_page():
    for rows in (1000, 20_000):
        result = evaluate(binary(rows))
        fraction, low, high = result.worst_share
        percents = f"{low:.1%}".replace("%", " %")
        if high > low:
            percents += f" to {high:.1%}".replace("%", " %")
        assert f"\n  the worst 1 % of the rows carry {percents} of the loss" in str(result)
        numbers = json.loads(to_json(result.to_dict()))
        assert numbers["worst_share"] == {"fraction": fraction, "low": low, "high": high}
        assert f"The worst 1 % of the rows carry {percents} of the loss." in html_page(result)
    few = evaluate(binary(99))
    assert "of the rows carry" not in str(few)
    assert few.to_dict()["worst_share"] is None
    assert "of the rows carry" not in html_page(few)
