"""D11, D12, D13: what the losses of a run show."""

import math
import warnings

import numpy as np
import pytest

from xent.diagnostics.history import check_losses, initial_loss, look_at_losses
from xent.diagnostics.policy import checks
from xent.diagnostics.value_table import known_values
from xent.diagnostics.warn import listening
from xent.errors import MisuseWarning, XentTypeError, XentValueError


def said(losses, classes, frequencies=None):
    with checks("full"), listening() as heard:
        look_at_losses(np.asarray(losses, float), classes, frequencies)
    return [(kind, warning.code) for kind, warning in heard], heard


def noisy(rng, mean, steps=400, noise=0.005):
    return mean + noise * rng.standard_normal(steps)


# D11 --------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "classes"), [(3.30, 27), (4.9, 27), (0.9, 2), (27.0, 1)])
def test_a_start_near_uniform_is_none_of_our_business(loss, classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        initial_loss(loss, classes)


def test_a_start_that_is_too_large():
    with pytest.warns(MisuseWarning, match=r"D11: .*loss of 27 nats.* ln 27 = 3\.296"):
        initial_loss(27.0, 27)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_an_ordinary_initialisation_is_below_the_bound(rng, classes):
    # logits of a variance of one, as a layer of torch starts, at the most
    z = rng.normal(size=(2000, classes))
    y = rng.integers(classes, size=2000)
    nll = np.log(np.exp(z).sum(axis=1)) - z[np.arange(2000), y]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        initial_loss(float(nll.mean()), classes)


# D12 --------------------------------------------------------------------------


def test_worse_than_uniform_guessing(rng):
    found, heard = said(noisy(rng, math.log(10) + 0.02), 10)
    assert ("warning", "D12") in found
    assert "worse than uniform guessing among 10 classes (2.303)" in str(heard[0][1])


def test_no_better_than_the_class_frequencies(rng):
    found, heard = said(noisy(rng, 1.49), 10, frequencies=1.5)
    assert found == [("warning", "D12")]
    assert "costs 1.5: the skill is 0.00" in str(heard[0][1])


def test_the_first_steps_are_not_judged(rng):
    start = np.full(100, 50.0)
    assert said(np.r_[start, noisy(rng, 0.8, 300)], 10, frequencies=2.3)[0] == []
    assert said(start, 10, frequencies=2.3)[0] == []
    assert said(start[:5], 10)[0] == []


@pytest.mark.parametrize("seed", range(20))
def test_a_run_that_learns_is_let_alone(seed):
    rng = np.random.default_rng(seed)
    steps = np.arange(1000)
    losses = 2.3 * np.exp(-steps / 400) + 0.2 + 0.1 * rng.standard_normal(1000)
    assert said(losses, 10, frequencies=2.3)[0] == []


# D13 --------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("name", ["ln(1 + {}/e)", "ln {}"])
def test_a_plateau_on_a_value_with_a_cause(rng, classes, name):
    name = name.format(classes - 1 if "e)" in name else classes)
    value = next(known.value for known in known_values(classes) if known.name == name)
    found, heard = said(noisy(rng, value, noise=0.001), classes)
    assert ("note", "D13") in found
    text = str(next(w for _, w in heard if w.code == "D13"))
    assert f"for 200 steps, and {name} is {value:.4g}: " in text


def test_no_plateau_while_the_loss_falls(rng):
    floor = math.log(1 + 9 / math.e)  # crossed in the middle of the latest 200 steps
    falling = np.linspace(floor + 0.03, floor - 0.01, 400) + 0.001 * rng.standard_normal(400)
    assert said(falling, 10)[0] == []


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_losses_that_are_no_numbers_are_not_looked_at(rng, bad):
    losses = noisy(rng, math.log(10))
    losses[-3] = bad
    assert said(losses, 10)[0] == []


def test_what_losses_may_be():
    assert check_losses([1, 2.5]).tolist() == [1, 2.5]
    assert check_losses(()).size == 0
    with pytest.raises(XentTypeError, match="losses must be numbers"):
        check_losses(object())
    with pytest.raises(XentValueError, match=r"one number for each step, got .*shape \(1, 2\)"):
        check_losses(np.ones((1, 2)))
