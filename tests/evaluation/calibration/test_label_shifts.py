"""What re-balancing each label would gain, against a minimiser on the rows."""

import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.special import expit
from states import binary_losses

from xent.evaluation import Summary, evaluate
from xent.report.page import html_page

NAMES = ("rain", "snow", "hail")


def rows(n, shifts, seed=0, hang_together=0.0):
    """Logits of labels and their truths, whose logits lie `shifts` beside them."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n, len(shifts)))
    common = rng.random((n, 1))
    mine = rng.random((n, len(shifts)))
    u = np.where(rng.random((n, len(shifts))) < hang_together, common, mine)
    return logits, (u < expit(logits + shifts)).astype(int)


def judged(logits, y, **options):
    source = {"labels": y, "probs": expit(logits), "task": "multi"}
    return evaluate(**source, classes=list(NAMES)[: y.shape[1]], **options)


def best(logits, y, weight=None):
    direct = minimize_scalar(
        lambda b: np.average(binary_losses(logits + b, y), weights=weight),
        bounds=(-9, 9), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    return direct.x, np.average(binary_losses(logits, y), weights=weight) - direct.fun


@pytest.mark.parametrize("weighted", [False, True])
def test_each_shift_is_a_minimisers_and_the_gain_their_mean(weighted):
    logits, y = rows(2500, (0.6, -1.0, 0.0))
    weight = np.random.default_rng(1).integers(1, 5, 2500) / 4 if weighted else None
    e = judged(logits, y, weight=weight)
    found = e.label_shifts
    assert found.names == NAMES
    direct = [best(logits[:, j], y[:, j], weight) for j in range(3)]
    for shift, (at, gain) in zip(found.shifts, direct, strict=True):
        # logits are known to half a cell, 0.03; their errors average out
        assert_allclose(shift.shift, at, atol=0.004)
        assert shift.gain_bounds[0] <= gain <= shift.gain_bounds[1]
    gain = np.mean([g for _, g in direct])
    assert_allclose(found.gain, gain, rtol=0, atol=2e-4)
    assert found.gain_bounds[0] <= gain <= found.gain_bounds[1]
    n = 2500 if weight is None else weight.sum() ** 2 / (weight**2).sum()
    assert found.null == pytest.approx(1 / (2 * n), rel=1e-12)
    assert found.p_value < 1e-9
    # hail's is by chance
    assert [name for name, _ in found.largest()] == ["snow", "rain"]
    # what it gains is of the log loss, which is a mean over labels too
    shifted = logits + [s.shift for s in found.shifts]
    after = judged(shifted, y, weight=weight).log_loss
    assert e.log_loss - after == pytest.approx(gain, rel=1e-4)


def test_the_p_value_holds_for_labels_that_hang_together():
    found = [
        judged(*rows(300, (0.0, 0.0, 0.0), seed, hang_together=0.8)).label_shifts
        for seed in range(200)
    ]
    p = np.array([f.p_value for f in found])
    for level in (0.05, 0.2):
        assert (p <= level).mean() < level + 3 * math.sqrt(level * (1 - level) / 200)
    gains = np.array([f.gain for f in found])
    assert_allclose(gains.mean(), found[0].null, atol=4 * gains.std() / math.sqrt(200))


@pytest.mark.parametrize("hang_together", [0.0, 0.9])
def test_the_interval_covers_however_labels_hang_together(hang_together):
    shifts = (0.5, -0.8, 0.0)
    # the truth, by many rows
    truth = judged(*rows(400_000, shifts, seed=999)).label_shifts.gain
    covered, n = [], 400
    for seed in range(200):
        found = judged(*rows(n, shifts, seed, hang_together)).label_shifts
        assert found.low <= found.gain <= found.high
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200)
    narrow = judged(*rows(n, shifts), level=0.5).label_shifts
    wide = judged(*rows(n, shifts)).label_shifts
    assert wide.low < narrow.low < narrow.gain < narrow.high < wide.high


def test_a_label_of_one_outcome_is_left_as_it_is():
    logits, y = rows(400, (0.8, 0.0, 0.0))
    y[:, 1] = 0
    found = judged(logits, y).label_shifts
    assert found.shifts[1].shift == -math.inf
    assert found.gain == pytest.approx((found.shifts[0].gain + found.shifts[2].gain) / 3)
    assert "snow" not in dict(found.largest())
    none = judged(logits, np.zeros_like(y)).label_shifts
    assert (none.gain, none.gain_bounds, none.null, none.p_value) == (0, (0, 0), 0, 1)


def test_it_is_printed_where_it_is_more_than_chance():
    logits, y = rows(2500, (0.6, -1.0, 0.0))
    e = judged(logits, y)
    text, page = str(e), html_page(e)
    gain = f"{e.label_shifts.gain:.4g}"
    assert f"adding a constant to the logits of each label would gain {gain} nats" in text
    snow, rain = (s.shift for s in (e.label_shifts.shifts[1], e.label_shifts.shifts[0]))
    assert f"most of it: snow {snow:+.3g}, rain {rain:+.3g}" in text
    assert "class balance" in page
    assert "each label would gain" not in str(judged(*rows(300, (0.0, 0.0, 0.0))))
    numbers = json.loads(json.dumps(e.to_dict()["label_shifts"], default=str))
    assert [n["name"] for n in numbers["labels"]] == list(NAMES)
    assert numbers["gain"] == e.label_shifts.gain


def test_units_splits_and_other_tasks():
    logits, y = rows(500, (0.6, -1.0, 0.0))
    whole = judged(logits, y)
    bits = judged(logits, y, unit="bit")
    assert bits.label_shifts.gain == pytest.approx(whole.label_shifts.gain / math.log(2))
    assert bits.label_shifts.high == pytest.approx(whole.label_shifts.high / math.log(2))
    assert bits.label_shifts.null == pytest.approx(whole.label_shifts.null / math.log(2))
    parts = sum((judged(logits[k::3], y[k::3]).summary for k in range(3)), Summary())
    again = type(whole)(parts)
    assert again.label_shifts == whole.label_shifts
    assert whole.shift is None
    assert evaluate((y[:, 0], expit(logits[:, 0]))).label_shifts is None
    many = np.random.default_rng(0).random((20, 2100))
    assert evaluate(labels=(many < 0.5).astype(int), probs=many, task="multi").label_shifts is None
