"""Reliability: bins and the isotonic curve, with intervals and the band of calibration."""

import json

import numpy as np
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit
from states import GRID, NUM_CELLS, cells_of

from xent.evaluation.calibration.reliability import reliability


def rows(n, slope=1.0, seed=0):
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 1.5, size=n)
    return logit, rng.random(n) < expit(slope * logit)


def test_bins_hold_all_rows_about_equally():
    logit, y = rows(5000)
    r = reliability(*cells_of(logit, y), GRID, name="rain")
    assert r.name == "rain"
    assert len(r.bins) == 20
    assert sum(b.count for b in r.bins) == 5000
    # half of the heaviest cell more or less on either side
    heaviest = sum(cells_of(logit, y)).max()
    assert all(abs(b.count - 250) <= heaviest for b in r.bins)
    for b in r.bins:
        inside = (expit(logit) >= b.least) & (expit(logit) < b.most)
        assert inside.sum() == b.count
        assert_allclose(b.frequency, y[inside].mean(), rtol=1e-14)
        # half a cell of the logit is 0.03
        assert_allclose(b.forecast, expit(logit[inside]).mean(), rtol=0.02)


def test_intervals_are_clopper_and_pearsons():
    r = reliability(*cells_of(*rows(1000)), GRID)
    for b in r.bins:
        test = stats.binomtest(round(b.frequency * b.count), int(b.count))
        assert_allclose((b.low, b.high), test.proportion_ci(method="exact"), rtol=1e-7)


def test_a_calibrated_model_is_within_its_band():
    inside, widths = [], []
    for seed in range(100):
        logit, y = rows(2000, seed=seed)
        r = reliability(*cells_of(logit, y), GRID, replicates=200)
        inside += [b.null_low <= b.frequency <= b.null_high for b in r.bins]
        for b in r.bins:
            p = expit(logit[(expit(logit) >= b.least) & (expit(logit) < b.most)])
            deviation = np.sqrt((p * (1 - p)).sum()) / len(p)
            widths.append((b.null_high - b.null_low) / (2 * stats.norm.ppf(0.975) * deviation))
    # 2,000 bins: 95 % is known to half a point; a band of whole counts holds a little more
    assert len(inside) == 2000
    assert 0.935 < np.mean(inside) < 0.975
    # the outcomes of a bin are nearly normal; 200 draws know a quantile to about a tenth
    assert abs(np.mean(widths) - 1) < 0.03


def test_an_overconfident_model_leaves_the_band():
    r = reliability(*cells_of(*rows(5000, slope=0.5)), GRID)
    outside = [not b.null_low <= b.frequency <= b.null_high for b in r.bins]
    assert outside[0]
    assert outside[-1]
    assert sum(outside) > 10
    assert r.bins[-1].high < r.bins[-1].forecast < r.bins[-1].null_high
    high = (r.curve.forecast > 0.8) & (r.curve.forecast < 0.95)
    assert (r.curve.frequency[high] < r.curve.null_low[high]).all()


def test_the_curve_is_isotonic_and_its_band_too():
    r = reliability(*cells_of(*rows(2000)), GRID)
    curve = r.curve
    assert curve.weight.sum() == 2000
    for line in (curve.forecast, curve.frequency, curve.null_low, curve.null_high):
        assert line.shape == curve.weight.shape
        assert (np.diff(line) >= 0).all()
    # pointwise: a few points may be outside
    assert np.mean((curve.null_low <= curve.frequency) & (curve.frequency <= curve.null_high)) > 0.8


def test_the_histogram_holds_all_rows():
    logit, y = rows(3000)
    r = reliability(*cells_of(logit, y), GRID)
    assert r.counts.sum() == 3000
    # each row is where the probability of its cell is
    cell = np.clip(np.searchsorted(GRID.edges, np.exp(logit), side="right") - 1, 0, NUM_CELLS - 1)
    of_cells = GRID.probabilities[cell]
    assert r.counts.tolist() == np.histogram(of_cells, r.edges)[0].tolist()
    # and half a cell at most from its own
    assert (np.abs(of_cells - expit(logit)) < 0.25 * np.log(2) / 16).all()


def test_few_rows_make_few_bins():
    r = reliability(*cells_of(*rows(35)), GRID)
    assert len(r.bins) == 3
    assert len(reliability(*cells_of(*rows(1)), GRID).bins) == 1
    constant = reliability(*cells_of(np.zeros(500), np.arange(500) < 200), GRID)
    assert [b.frequency for b in constant.bins] == [0.4]


def test_no_rows_make_no_bins():
    r = reliability(np.zeros(NUM_CELLS), np.zeros(NUM_CELLS), GRID)
    assert r.bins == []
    assert len(r.curve.forecast) == 0


def test_weights_count_as_rows_do():
    logit, y = rows(500)
    once = reliability(*cells_of(logit, y), GRID)
    twice = reliability(*cells_of(logit, y, np.full(500, 2.0)), GRID, scale=0.5)
    assert_allclose([b.low for b in twice.bins], [b.low for b in once.bins])
    assert [b.count for b in twice.bins] == [2 * b.count for b in once.bins]


def test_it_is_json():
    found = json.loads(json.dumps(reliability(*cells_of(*rows(100)), GRID).to_dict()))
    assert len(found["curve"]["forecast"]) == len(found["curve"]["null_low"])
