"""The numbers of chapter 8: each against its formula, torch, or 50-digit arithmetic."""

import math

import mpmath
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from xent.errors import XentValueError
from xent.learn.pictures.pitfalls import (
    baselines,
    class_weights,
    double_softmax,
    float32_cliff,
    mean_of_means,
    overconfidence,
    smoothing_floor,
)

# Softmax twice ----------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_the_band_of_softmax_twice(classes):
    floor = math.log1p((classes - 1) / math.e)
    twice = double_softmax.compute(classes, [np.inf, 0.0, -np.inf]).twice
    assert_allclose(twice, [floor, math.log(classes), floor + 1], rtol=1e-14)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_softmax_twice_divides_the_first_gradient_by_the_number_of_classes(classes):
    start = double_softmax.compute(classes, [0.0])
    assert_allclose(start.once_slope / start.twice_slope, classes, rtol=1e-12)


@pytest.mark.parametrize("sure", [-4.0, 0.0, 0.5, 3.0, 9.0])
def test_both_losses_and_gradients_are_torchs(sure):
    logits = torch.zeros(1, 10, dtype=torch.float64)
    logits[0, 0 if sure >= 0 else 1] = abs(sure)
    logits.requires_grad_()
    found = double_softmax.compute(10, [sure])
    target = torch.tensor([0])
    once = torch.nn.functional.cross_entropy(logits, target)
    (slope,) = torch.autograd.grad(once, logits)
    assert_allclose([found.once[0], found.once_slope[0]], [once.item(), slope.norm()], rtol=1e-12)
    twice = torch.nn.functional.cross_entropy(logits.softmax(-1), target)
    (slope,) = torch.autograd.grad(twice, logits)
    assert_allclose(
        [found.twice[0], found.twice_slope[0]], [twice.item(), slope.norm()], rtol=1e-12
    )


# Float32 ----------------------------------------------------------------------

Z = np.linspace(-120, 60, 7201)


@pytest.mark.parametrize("label", [0, 1])
def test_numpy_follows_torch(label):
    torchs = float32_cliff.compute(Z, label, use_torch=True)
    ours = float32_cliff.compute(Z, label, use_torch=False)
    assert torchs.computed_by.startswith("torch 2")
    assert ours.computed_by == "NumPy"
    assert ours.rounded.dtype == ours.rounded_slope.dtype == np.float32
    # both round p once, or a unit apart; near p = 1 that unit is as large as 1 - p, so the
    # values there may differ by the logarithm of two
    with np.errstate(divide="ignore"):
        p = 1 / (1 + np.exp(-Z))
        wobble = 2 * np.finfo(np.float32).eps * p / np.maximum(1 - p, 2.0**-24)
    close = wobble < 1e-2
    assert_allclose(ours.rounded[close], torchs.rounded[close], rtol=2e-2, atol=1e-6)
    assert_array_equal(ours.rounded == 100, torchs.rounded == 100)
    assert_allclose(ours.rounded_slope, torchs.rounded_slope, atol=1e-6)


def test_the_cliff_is_where_it_is_told():
    at = float32_cliff.compute([16.0, 17.0, 20.0], 0)
    assert_array_equal(at.rounded[1:], [100, 100])
    assert at.rounded_slope[0] > 0.99
    assert_array_equal(at.rounded_slope[1:], [0, 0])
    assert_allclose(at.exact, [16, 17, 20], rtol=1e-6)
    assert_allclose(at.exact_slope, 1, rtol=1e-6)


def test_for_the_other_label_it_fades():
    at = float32_cliff.compute([-10.0, -30.0, -50.0, -90.0], 1)
    assert_allclose(at.rounded_slope, [-0.99995, -0.0935762, -1.92875e-10, 0], rtol=1e-4, atol=0)
    assert_allclose(at.exact_slope, -1, rtol=1e-4)


@pytest.mark.parametrize("label", [0, 1])
def test_ours_in_50_digit_arithmetic(label):
    z = np.array([-100.0, -20.0, -1.0, 0.0, 3.0, 17.0, 60.0])
    found = float32_cliff.compute(z, label)
    with mpmath.workdps(50):
        loss = [float(mpmath.log(1 + mpmath.exp(x)) - label * mpmath.mpf(x)) for x in z]
        slope = [float(1 / (1 + mpmath.exp(-mpmath.mpf(x))) - label) for x in z]
    # 4 ulp, and one step of the subnormal numbers that exp(-100) lies among
    allowed = {"rtol": 4 * 2.0**-23, "atol": 2.0**-149}
    assert_allclose(found.exact, loss, **allowed)
    assert_allclose(found.exact_slope, slope, **allowed)


# Means ------------------------------------------------------------------------


def test_900_rows_and_100():
    parts = mean_of_means.compute((900, 2.0), (100, 6.0))
    assert (parts.mean, parts.mean_of_means) == (2.4, 4.0)
    assert_allclose(parts.weights_of_a_row, [5 / 9, 5])


def test_parts_of_one_size_have_one_mean():
    parts = mean_of_means.compute((64, 1.25), (64, 3.0))
    assert parts.mean == parts.mean_of_means == 2.125
    assert parts.weights_of_a_row == (1.0, 1.0)


# Class weights ----------------------------------------------------------------


@pytest.mark.parametrize("weight", [1.0, 10.0])
def test_the_two_means_are_torchs_of_indices_and_of_one_hot_targets(weight):
    found = class_weights.compute(5, weight, 0.9, 0.3)
    target = torch.tensor([0] * 95 + [1] * 5)
    own = 0.9 - 0.6 * target.double()
    probs = torch.stack([torch.where(target == 0, own, 1 - own)] * 2, dim=1)
    probs[:, 1] = 1 - probs[:, 0]
    weights = torch.tensor([1.0, weight], dtype=torch.float64)
    loss = torch.nn.functional.cross_entropy
    hot = torch.nn.functional.one_hot(target, 2).double()
    assert_allclose(found.by_weights, loss(probs.log(), target, weight=weights), rtol=1e-14)
    assert_allclose(found.by_rows, loss(probs.log(), hot, weight=weights), rtol=1e-14)
    assert_allclose(found.plain, loss(probs.log(), target), rtol=1e-14)


def test_guessing_costs_ln_2_only_where_the_weights_divide():
    found = class_weights.compute(20, 7.0, 0.9, 0.3)
    assert_allclose(found.uniform.mean(), math.log(2), rtol=1e-15)
    by_rows = found.uniform.mean(over=found.uniform.count)
    assert_allclose(by_rows, math.log(2) * (80 + 20 * 7) / 100, rtol=1e-15)
    assert_allclose(found.share, 140 / 220)


# Label smoothing --------------------------------------------------------------


@pytest.mark.parametrize(("smoothing", "classes"), [(0.1, 10), (0.3, 2), (0.05, 1000)])
def test_the_floor_is_the_least_smoothed_loss_and_torch_has_it(smoothing, classes):
    found = smoothing_floor.compute(smoothing, classes, [0.0])
    at_best = smoothing_floor.compute(smoothing, classes, [found.best_lead])
    assert_allclose(at_best.loss[0], found.floor, rtol=1e-13)
    beside = smoothing_floor.compute(
        smoothing, classes, [found.best_lead - 1e-3, found.best_lead + 1e-3]
    )
    assert (beside.loss > found.floor).all()
    logits = torch.zeros(1, classes, dtype=torch.float64)
    logits[0, 0] = found.best_lead
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([0]), label_smoothing=smoothing)
    assert_allclose(loss, found.floor, rtol=1e-13)
    assert_allclose(logits.softmax(-1)[0, 0], found.best_prob, rtol=1e-13)


def test_the_two_conventions_for_ten_classes():
    found = smoothing_floor.compute(0.1, 10, [0.0])
    assert_allclose([found.floor, found.other_floor], [0.5003, 0.5448], atol=5e-5)


def test_no_smoothing_has_no_floor():
    found = smoothing_floor.compute(0.0, 10, [5.0])
    assert found.floor == 0
    assert found.best_lead == math.inf
    assert_array_equal(found.loss, found.plain)


# Is 0.69 good? ----------------------------------------------------------------


def test_a_coins_loss_is_bad_where_nine_of_ten_are_one_class():
    even, uneven = baselines.judge(0.69, [500, 500]), baselines.judge(0.69, [900, 100])
    assert_allclose([even.uniform, even.frequencies], math.log(2))
    assert_allclose(uneven.frequencies, -0.9 * math.log(0.9) - 0.1 * math.log(0.1))
    assert 0 < even.skill < 0.01
    assert uneven.skill < -1
    assert_allclose(uneven.probability, math.exp(-0.69))


def test_labels_of_one_class_leave_nothing_to_say():
    judged = baselines.judge(0.1, [10, 0])
    assert judged.frequencies == 0
    assert math.isnan(judged.skill)


@pytest.mark.parametrize("text", ["900, 100", "900 100", "900;100", "900，100", "900、100 "])
def test_counts_are_read_as_people_type_them(text):
    assert baselines.counts_of(text) == [900, 100]


@pytest.mark.parametrize(
    ("text", "problem", "value"),
    [
        ("", "how_many", 0),
        ("5", "how_many", 1),
        ("1 " * 1001, "how_many", 1001),
        ("3, x", "no_count", "x"),
        ("3, -1", "no_count", "-1"),
        ("0.5 0.5", "no_count", "0.5"),
        ("0, 0", "all_zero", "0, 0"),
    ],
)
def test_what_cannot_be_counts_is_named(text, problem, value):
    with pytest.raises(XentValueError, match=problem) as told:
        baselines.counts_of(text)
    assert told.value.value == value


# Loss up, accuracy up ---------------------------------------------------------


def test_the_loss_rises_while_the_accuracy_rises():
    run = overconfidence.train()
    best, last = run.best, len(run.steps) - 1
    assert (run.steps[0], run.steps[last]) == (0, 3000)
    assert_allclose(run.held_out[0], math.log(2), rtol=1e-15)
    assert run.held_out[last] > 1.8 * run.held_out[best]
    # it is no chance of the rows held out, and nobody needs a magnifying glass
    gained, error = run.gained(last)
    assert gained == pytest.approx(run.accuracy[last] - run.accuracy[best])
    assert gained > max(0.04, 5 * error)
    # and it does not come and go: what is best is near the end
    assert run.accuracy.max() - run.accuracy[last] < error
    assert (np.diff(run.training) < 0).all()


def test_the_run_is_what_torch_computes_from_its_logits():
    run = overconfidence.train()
    for index in (run.best, len(run.steps) - 1):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            torch.tensor(run.logits[index]), torch.tensor(run.labels)
        )
        assert_allclose(run.held_out[index], loss, rtol=1e-13)


def test_a_temperature_takes_the_loss_back_and_leaves_the_accuracy():
    run = overconfidence.train()
    last = len(run.steps) - 1
    temperature = overconfidence.best_temperature(run, last)
    assert temperature > 2
    cooled = overconfidence.at_temperature(run, last, temperature)
    assert cooled < run.held_out[last] / 1.5
    assert_allclose(overconfidence.at_temperature(run, last, 1.0), run.held_out[last])
