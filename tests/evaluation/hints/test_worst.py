"""Few rows with most of the loss: where a hint must speak, and where it must not."""

import re
from contextlib import nullcontext

import numpy as np
import pytest
from evaluation.hints.models import calibrated, codes, hints, only

from xent.errors import MisuseWarning
from xent.evaluation import evaluate
from xent.report.page.parts import surprise_of


def test_few_rows_make_most_of_the_loss():
    y = np.arange(5000) % 2
    p = np.where(y == 1, 0.99, 0.01)
    p[[10, 20, 30]] = np.where(y[[10, 20, 30]] == 1, 1e-30, 1 - 1e-15)
    p[100:140] = np.where(y[100:140] == 1, 0.01, 0.99)
    found = hints((y, p))
    loss = np.sort(-np.log(np.where(y == 1, p, 1 - p)))
    part = loss[-50:].sum() / loss.sum()
    only(found, "D19", "note", f"rows that cost most (50) make {part:.0%} of the loss", "rows 10 (")
    # more rows than are kept: bounded by their cells
    many = hints((np.tile(y, 4), np.tile(p, 4)))
    only(many, "D19", "note", "most (200) make at least ")
    least = float(many[0].found.split("least ")[1].split("%")[0]) / 100
    assert part - 0.12 < least <= part + 0.005


def test_losses_of_one_size_are_not_concentrated():
    y = np.arange(5000) % 2
    assert codes((y, np.where(y == 1, 0.8, 0.2))) == []
    q, y = calibrated(3, 5.0, rows=5000)
    assert codes((y, q)) == []
    assert "D19" not in codes((y, q), weight=np.where(y == 0, 50.0, 1.0))


def test_rare_events_carry_the_loss_of_calibrated_predictions():
    rng = np.random.default_rng(0)
    p = np.clip(0.002 * np.exp(rng.normal(size=40_000)), 0, 0.5)
    y = (rng.random(40_000) < p).astype(int)
    loss = np.sort(-np.log(np.where(y == 1, p, 1 - p)))
    assert loss[-400:].sum() > 0.8 * loss.sum()
    assert codes((y, p)) == []
    assert codes((y, p), weight=rng.choice([0.5, 1.0, 4.0], 40_000)) == []
    # the same with 80 wrong labels where the predictions are sure
    y[np.argsort(p)[:80]] = 1
    found = hints((y, p))
    only(found, "D19", "note", "wrong labels")
    rows, allowed = re.search(
        r"; (\d+) rows cost .* would have (\S+) such", found[0].found
    ).groups()
    assert int(rows) >= 80 > 4 * float(allowed)


def test_labels_that_are_wrong_together():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, (5000, 3))
    p = np.where(y == 1, 0.99, 0.01)
    p[:30] = 1 - np.where(y[:30] == 1, 1 - 1e-6, 1e-6)
    only(hints(labels=y, probs=p, task="multi"), "D19", "note", "30 rows cost 41.4 nats or more")


@pytest.mark.parametrize("scale", [2.0**-72, 2.0**-40, 2.0**20, 2.0**37, 2.0**43, 2.0**100])
def test_the_scale_of_weights_says_nothing_of_the_worst_rows(scale):
    p, y = np.random.default_rng(2).random((2, 5000))
    y = (y < p).astype(int)
    weight = 2.0 ** (y + 1)
    fits = 2.0**-64 <= (weight * scale).min() <= (weight * scale).max() <= 2.0**40
    # cells of losses alone, and beside cells of forecasts
    for rows in ({"log_probs": np.log(np.where(y == 1, p, 1 - p))}, {"target": y, "probs": p}):
        alike = evaluate(**rows, weight=weight)
        with nullcontext() if fits else pytest.warns(MisuseWarning, match="the share of the worst"):
            found = evaluate(**rows, weight=weight * scale)
        assert "D19" not in [h.code for h in (*alike.hints, *found.hints)]
        shown = surprise_of(found)
        assert (shown is not None) == fits
        assert not shown or shown == surprise_of(alike)
