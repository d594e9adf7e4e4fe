"""The sampled rules: that they fire, and how often they do so for nothing."""

import timeit

import numpy as np
import pytest

from xent.diagnostics import logits as module
from xent.diagnostics.logits import double_softmax_floor, look_at_logits, note_half_precision
from xent.diagnostics.policy import checks
from xent.diagnostics.sampling import FIRST_CALLS, THEN_EVERY, due, sample_rows, sample_values
from xent.diagnostics.warn import listening

TRIALS = 4000
SOFTMAX, SIGMOID = "softmax_cross_entropy", "sigmoid_cross_entropy"


def softmax(x):
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def heard_from(*batches, loss=SOFTMAX, axis=-1, level="fast"):
    with checks(level), listening() as heard:
        for batch in batches:
            look_at_logits(batch, axis, loss=loss)
    return [(kind, said.code) for kind, said in heard]


# D04 --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("num_classes", "axis"), [(2, -1), (10, -1), (10, 1), (5000, -1)])
def test_probabilities_are_recognised(rng, num_classes, axis, dtype):
    probs = softmax(rng.normal(size=(40, 3, num_classes)) * 2).astype(dtype)
    assert heard_from(np.moveaxis(probs, -1, axis), axis=axis) == [("warning", "D04")]


def test_the_message_has_the_floor_the_factor_and_the_fix(rng):
    with listening() as heard:
        look_at_logits(softmax(rng.normal(size=(4096, 10))), -1, loss=SOFTMAX)
    text = str(heard[0][1])
    assert text.startswith("D04: the 64 sampled rows of logits are non-negative and sum to one")
    assert "With 10 classes the loss cannot go below 1.461" in text
    assert "the first gradients are about 10 times too small" in text
    assert "Remove the softmax, or call categorical_cross_entropy" in text


def test_the_first_gradient_is_as_much_too_small_as_the_message_says(rng):
    # at equal outputs the softmax has the derivative (I - 11'/K)/K, which scales by 1/K
    probs = softmax(rng.normal(size=10) * 1e-3)
    grad = softmax(probs)
    grad[3] -= 1
    through = probs * (grad - probs @ grad)
    direct = probs.copy()
    direct[3] -= 1
    assert np.linalg.norm(direct) / np.linalg.norm(through) == pytest.approx(10, rel=0.02)


def test_one_row_or_three_are_no_evidence_and_four_over_calls_are(rng):
    rows = softmax(rng.normal(size=(4, 5)))
    assert not heard_from(rows[:3])
    module.forget()
    assert heard_from(*rows) == [("warning", "D04")]


def test_the_same_row_again_is_no_evidence(rng):
    row = softmax(rng.normal(size=(1, 5)))
    assert not heard_from(*[row] * 20)
    module.forget()
    assert not heard_from(np.full((64, 4), 0.25))  # a last layer that starts at zero


def test_a_row_of_logits_clears_what_came_before(rng):
    rows = softmax(rng.normal(size=(6, 5)))
    assert not heard_from(rows[:3], rng.normal(size=(3, 5)), rows[3:])


def test_one_odd_row_in_the_sample_is_enough_to_stay_silent(rng):
    rows = softmax(rng.normal(size=(64, 5)))
    rows[40, 2] += 0.01
    assert not heard_from(rows)


@pytest.mark.parametrize("num_classes", [2, 3, 10])
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize("kind", ["normal", "small", "relu", "uniform", "sigmoid"])
def test_false_alarms_on_four_rows(rng, kind, num_classes, dtype):
    # rule of three: none in 4000 is below 0.075 % with 95 % confidence
    normal = rng.normal(size=(TRIALS, 4, num_classes))
    batches = {
        "normal": normal,
        "small": normal * 0.1 + 1 / num_classes,
        "relu": np.maximum(normal, 0),
        "uniform": rng.uniform(size=normal.shape),
        "sigmoid": sigmoid(normal),
    }[kind].astype(dtype)
    alarms = 0
    with checks("full"):
        for batch in batches:
            with listening() as heard:
                module.look(batch, -1, loss=SOFTMAX, evidence=module.Evidence())
            alarms += len(heard)
    # float16 sums are known to 2e-3 only, and two classes of "small" logits sum to about one
    if kind == "small" and num_classes == 2 and dtype is np.float16:
        assert alarms <= 3
    else:
        assert alarms == 0


@pytest.mark.parametrize("shape", [(0, 3), (0, 1), (3,), ()])
def test_what_has_no_rows_is_left_alone(shape):
    assert not heard_from(np.ones(shape))


def test_a_softmax_of_one_class_is_told_with_the_loss_for_it(rng):
    x = rng.normal(size=(4, 1))
    assert heard_from(x) == [("warning", "D17")]
    assert heard_from(x.T, axis=0) == [("warning", "D17")]
    assert not heard_from(x, loss=SIGMOID)
    for loss, fix in [
        (SOFTMAX, "sigmoid_cross_entropy"),
        ("cross_entropy", "binary_cross_entropy_with_logits"),
    ]:
        with listening() as heard:
            look_at_logits(x, -1, loss=loss)
        assert fix in str(heard[0][1])


def test_missing_values_are_left_alone():
    assert not heard_from(np.full((8, 3), np.nan), np.full((8, 3), np.inf), level="full")
    assert not heard_from(np.full((800,), np.nan), loss=SIGMOID)


def test_floor():
    for num_classes, floor in [(2, 0.3133), (10, 1.4612), (1000, 5.9095)]:
        sure = np.eye(num_classes)[0]
        assert double_softmax_floor(num_classes) == pytest.approx(-np.log(softmax(sure)[0]))
        assert double_softmax_floor(num_classes) == pytest.approx(floor, abs=5e-5)


# D05, D18 ---------------------------------------------------------------------


def test_log_probabilities_are_noted_at_full_only(rng):
    log_probs = np.log(softmax(rng.normal(size=(8, 5))))
    assert heard_from(log_probs, level="full") == [("note", "D05")]
    assert not heard_from(log_probs)
    assert not heard_from(log_probs[:3], level="full")
    assert not heard_from(log_probs + 0.01, level="full")


@pytest.mark.parametrize(("dtype", "step"), [(np.float16, "0.00781"), (np.float32, None)])
def test_half_precision_is_noted(dtype, step):
    with checks("full"), listening() as heard:
        note_half_precision(np.zeros(3, dtype))
    assert [said.code for _, said in heard] == (["D18"] if step else [])
    if step:
        assert f"steps of {step}" in str(heard[0][1])
        assert np.spacing(np.float16(8)) == pytest.approx(float(step), rel=1e-3)


# D06 --------------------------------------------------------------------------


def test_sigmoids_are_recognised(rng):
    with listening() as heard:
        look_at_logits(sigmoid(rng.normal(size=(300, 4))), None, loss=SIGMOID)
    ((kind, said),) = heard
    assert (kind, said.code) == ("warning", "D06")
    assert "the 1,024 sampled logits are all in [0, 1]" in str(said)
    assert "0.6931 at least, and one that is true 0.3133" in str(said)


def test_small_batches_add_up(rng):
    batches = sigmoid(rng.normal(size=(8, 32, 1)))
    assert not heard_from(*batches[:7], loss=SIGMOID)
    assert heard_from(batches[7], loss=SIGMOID) == [("warning", "D06")]


def test_a_negative_value_clears_what_came_before(rng):
    batches = sigmoid(rng.normal(size=(8, 32, 1)))
    assert not heard_from(*batches[:7], -batches[0], batches[7], loss=SIGMOID)


def test_relus_are_recognised(rng):
    with listening() as heard:
        look_at_logits(np.maximum(rng.normal(size=(300, 4)), 0), None, loss=SIGMOID)
    ((_, said),) = heard
    assert said.code == "D06"
    assert 0.4 < said.value < 0.6
    assert "as after a ReLU" in str(said)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(300) % 2.0,  # hard decisions, as baselines have them
        np.zeros(300),
        np.full(300, 0.5),
        np.linspace(0, 3, 300),  # not negative, and nearly never 0
        np.linspace(0, 1, 255),  # too few
    ],
)
def test_what_is_no_sigmoid(values):
    assert not heard_from(values, loss=SIGMOID)


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0, 10.0])
def test_false_alarms_on_real_logits(rng, scale):
    with listening() as heard:
        for _ in range(TRIALS // 4):
            values = rng.normal(size=(64, 4)) * scale
            module.look(values, None, loss=SIGMOID, evidence=module.Evidence())
    assert not heard


# Sampling ---------------------------------------------------------------------


def test_calls_1_to_20_and_then_every_1000th():
    taken = [call for call in range(1, 3001) if due("loss")]
    assert taken == [*range(1, FIRST_CALLS + 1), THEN_EVERY, 2 * THEN_EVERY, 3 * THEN_EVERY]


def test_full_takes_every_call_and_off_none():
    with checks("full"):
        assert all(due("a") for _ in range(50))
    with checks("off"):
        assert not any(due("b") for _ in range(50))


def test_samples_are_spread_and_small(rng):
    array = np.arange(1000 * 3).reshape(10, 3, 100)
    rows = sample_rows(array, 1)
    assert rows.shape == (64, 3)
    assert rows[0].tolist() == array[0, :, 0].tolist()
    assert rows[-1].tolist() == array[-1, :, -1].tolist()
    assert sample_rows(array[0], 0).shape == (64, 3)
    assert sample_rows(array[0, :, 0], 0).tolist() == [array[0, :, 0].tolist()]
    assert sample_values(array, 10).tolist() == np.linspace(0, 2999, 10).astype(int).tolist()


def test_a_sample_is_a_copy():
    array = np.ones((2, 3))
    sample_values(array, 100)[:] = 0
    assert array.all()


def test_a_call_that_does_not_look_costs_next_to_nothing():
    logits = np.full((64, 10), -1.0)
    for _ in range(FIRST_CALLS):
        look_at_logits(logits, -1, loss=SOFTMAX)
    call = lambda: look_at_logits(logits, -1, loss=SOFTMAX)  # noqa: E731
    # the least of many short rounds, between two looks: 0.17 µs here
    seconds = min(timeit.repeat(call, number=20, repeat=40)) / 20
    assert seconds < 1e-6


def test_a_look_at_real_logits_reads_one_row():
    class Counted(np.ndarray):
        def sum(self, *args, **kwargs):
            read.append(self.size)
            return super().sum(*args, **kwargs)

    read = []
    logits = np.full((512, 100), -1.0).view(Counted)
    with listening():
        # np.asarray would drop the subclass
        module._look_for_distributions(logits, -1, SOFTMAX, module.Evidence(), 1e-8)
    assert read == [100]
