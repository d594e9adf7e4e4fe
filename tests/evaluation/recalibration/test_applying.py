"""A recalibration applied to rows: what it says of those that it was fitted to."""

import numpy as np
import pytest

import xent
from xent.evaluation.numbers import number
from xent.evaluation.recalibration.applying import apply_to
from xent.evaluation.recalibration.text import render, render_improvement

OF_THE_FIT = "these are the rows that it was fitted to"


def rows(seed, n=300):
    """Two classes with a truth that is less sure than the forecasts; some rows are impossible."""
    rng = np.random.default_rng(seed)
    z = 2 * rng.normal(size=n)
    target = (rng.random(n) < 1 / (1 + np.exp(-z / 2))).astype(int)
    p = 1 / (1 + np.exp(-z))
    p[:3] = 1.0 - target[:3]
    return {"y": target, "p": p, "w": rng.random(n)}


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic", "shift"])
@pytest.mark.parametrize("weight", [None, "w"])
def test_rows_of_the_fit_are_told_from_others(method, weight):
    fitted, other = rows(0), rows(1)
    found = xent.recalibrate(fitted, method=method, weight=weight)
    order = np.random.default_rng(2).permutation(300)
    for same in (fitted, {name: values[order] for name, values in fitted.items()}):
        gained = apply_to(found, same, weight=weight)
        assert gained.of_the_fit
        assert gained.to_dict()["of_the_fit"]
        assert OF_THE_FIT in render_improvement(gained, "rows")
    half = {name: values[: len(values) // 2] for name, values in fitted.items()}
    for different in (other, half):
        gained = apply_to(found, different, weight=weight)
        assert not gained.of_the_fit
        assert OF_THE_FIT not in render_improvement(gained, "rows")


def test_what_a_curve_gains_on_its_own_rows_is_not_believed():
    found = xent.recalibrate(rows(0), method="isotonic")
    gain = found.training.log_loss_before - found.training.log_loss
    assert f"gain {number(gain)}, and any curve fits its own rows too well" in render(found)
    assert "too well" not in render(xent.recalibrate(rows(0)))


def test_rows_of_unknown_truth_whose_class_names_are_one_number(rng):
    target, probs = rng.integers(3, size=60), rng.dirichlet([1, 1, 1], size=60)
    names = np.array(["01", "1", "2"])
    columns = {f"p_{name}": probs[:, j] for j, name in enumerate(names)}
    r = xent.recalibrate({"label": names[target], **columns})
    written = []
    assert apply_to(r, columns, write=written.append) is None
    after = np.stack([np.concatenate([b[c] for b in written]) for c in columns], axis=1)
    assert (after == r.apply(probs)).all()
