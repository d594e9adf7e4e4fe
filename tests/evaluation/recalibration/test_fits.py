"""Fits against 50-digit arithmetic, scipy's minimisers and scikit-learn, and at their edges."""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp
from sklearn.linear_model import LogisticRegression

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.recalibration import fit_shift, fit_temperature, fit_vector

FITS = [fit_temperature, fit_vector, fit_shift]


def rows(rng, n=300, classes=4, sure=2.0):
    """Logits that are `sure` times too sure and lean to some classes; targets; weights."""
    z = rng.normal(size=(n, classes)) * 1.5
    lean = np.linspace(-0.7, 0.7, classes)
    p = np.exp(log_softmax(z + lean, axis=1))
    target = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, classes - 1)
    return sure * z, target, rng.integers(1, 5, size=n) / 4


def loss(z, target, weight, scale=1.0, bias=0.0):
    eta = z * scale + bias
    each = logsumexp(eta, axis=1) - eta[np.arange(len(z)), target]
    return np.average(each, weights=weight)


def test_temperature_is_the_root_that_fifty_digits_find(rng):
    z, target, weight = rows(rng, n=40)
    with mpmath.workdps(50):
        precise = [[mpmath.mpf(v) for v in row] for row in z.tolist()]

        def slope(beta):
            total = mpmath.mpf(0)
            for row, y, w in zip(precise, target.tolist(), weight.tolist(), strict=True):
                e = [mpmath.exp(beta * v) for v in row]
                mean = mpmath.fsum(a * b for a, b in zip(e, row, strict=True)) / mpmath.fsum(e)
                total += w * (mean - row[y])
            return total

        best = mpmath.findroot(slope, 0.5)
    fit = fit_temperature(z, target, weight)
    # 36 bits of it are kept, and Newton stops at 1e-12
    assert fit.parameters["scale"][0] == pytest.approx(float(best), rel=2e-11)
    assert fit.loss == pytest.approx(loss(z, target, weight, float(best)), rel=1e-14)
    assert fit.loss_before == pytest.approx(loss(z, target, weight), rel=1e-14)


@pytest.mark.parametrize("sure", [1e-3, 0.1, 30.0, 1e3])
def test_temperature_is_found_however_far_it_is(rng, sure):
    z, target, weight = rows(rng, sure=sure)
    plain, _, _ = z / sure, target, weight
    fit = fit_temperature(z, target, weight)
    assert fit.converged
    expected = fit_temperature(plain, target, weight).parameters["scale"][0] / sure
    assert fit.parameters["scale"][0] == pytest.approx(expected, rel=1e-10)


def test_temperature_agrees_with_scikit_learn(rng):
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import SGDClassifier

    z, target, _ = rows(rng)
    classifier = SGDClassifier(random_state=0).fit(z, target)
    theirs = CalibratedClassifierCV(FrozenEstimator(classifier), method="temperature")
    theirs.fit(z, target)
    beta = theirs.calibrated_classifiers_[0].calibrators[0].beta_
    fit = fit_temperature(classifier.decision_function(z), target)
    # its minimiser stops at about 1e-5 of log beta
    assert fit.parameters["scale"][0] == pytest.approx(beta, rel=1e-4)
    assert fit.loss <= loss(classifier.decision_function(z), target, None, beta)


def test_temperature_of_probabilities_and_of_their_logits_is_one(rng):
    z, target, weight = rows(rng)
    shifted = z + rng.normal(size=(len(z), 1)) * 50
    a, b = fit_temperature(log_softmax(z, axis=1), target, weight), fit_temperature(shifted, target)
    assert a.loss_before == pytest.approx(loss(z, target, weight), rel=1e-13)
    assert b.loss_before == pytest.approx(loss(z, target, None), rel=1e-12)


@pytest.mark.parametrize("scale", ["common", "class"])
@pytest.mark.parametrize("classes", [2, 4])
def test_vector_is_the_minimum_that_scipy_finds(rng, scale, classes):
    z, target, weight = rows(rng, classes=classes)
    z = log_softmax(z, axis=1)
    size = 1 if scale == "common" else classes

    def objective(x):
        return loss(z, target, weight, x[:size], x[size:])

    theirs = minimize(objective, np.r_[np.ones(size), np.zeros(classes)], method="BFGS",
                      options={"gtol": 1e-9})  # fmt: skip
    fit = fit_vector(z, target, weight, scale=scale)
    assert fit.converged
    assert fit.loss <= theirs.fun + 1e-15
    assert fit.loss == pytest.approx(theirs.fun, rel=1e-9)
    ours = np.array(fit.parameters["bias"])
    assert ours == pytest.approx(theirs.x[size:] - theirs.x[size:].mean(), abs=1e-4)
    assert fit.num_parameters == size + classes - 1
    assert fit.parameters["scale"] == pytest.approx(theirs.x[:size], abs=1e-4)


def test_vector_of_two_classes_is_logistic_regression_on_the_logit(rng):
    z, target, weight = rows(rng, classes=2)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky")
    theirs.fit(z[:, 1:] - z[:, :1], target, sample_weight=weight)
    fit = fit_vector(z, target, weight)
    b0, b1 = fit.parameters["bias"]
    assert fit.parameters["scale"][0] == pytest.approx(theirs.coef_[0, 0], rel=1e-8)
    assert b1 - b0 == pytest.approx(theirs.intercept_[0], rel=1e-8)


def test_the_gradient_vanishes_to_the_last_digits(rng):
    z, target, weight = rows(rng, n=3000, classes=7)
    fit = fit_vector(z, target, weight)
    bias = np.array(fit.parameters["bias"])
    p = np.exp(log_softmax(fit.parameters["scale"][0] * log_softmax(z, axis=1) + bias, axis=1))
    mean = np.average(p, axis=0, weights=weight)
    frequency = np.bincount(target, weight) / weight.sum()
    # parameters keep 36 bits: 1.5e-11 of values near 1, times a probability below 1
    assert mean == pytest.approx(frequency, abs=2e-11)


def test_shift_gives_each_class_its_frequency_and_is_what_ipf_finds(rng):
    z, target, weight = rows(rng, classes=5)
    q = np.exp(log_softmax(z, axis=1))
    frequency = np.bincount(target, weight) / weight.sum()
    v = np.ones(5)
    for _ in range(20_000):  # iterative proportional fitting, to its end
        a = q * v / (q * v).sum(axis=1, keepdims=True)
        mean = np.average(a, axis=0, weights=weight)
        if np.abs(mean / frequency - 1).max() < 1e-14:
            break
        v *= frequency / mean
    fit = fit_shift(z, target, weight)
    bias = np.array(fit.parameters["bias"])
    assert bias == pytest.approx(np.log(v) - np.log(v).mean(), abs=1e-10)
    assert fit.parameters["scale"] == (1.0,)
    assert fit.num_parameters == 4
    assert fit.loss == pytest.approx(-np.average(np.log(a[np.arange(len(a)), target]),
                                                 weights=weight), rel=1e-13)  # fmt: skip


@pytest.mark.parametrize("fit", FITS)
def test_a_weight_is_a_repetition_and_no_order_is_seen(rng, fit):
    z, target, weight = rows(rng)
    whole = fit(z, target, weight)
    times = (weight * 4).astype(int)
    repeated = fit(np.repeat(z, times, axis=0), np.repeat(target, times))
    order = rng.permutation(len(z))
    turned = fit(z[order], target[order], weight[order])
    for other in (repeated, turned):
        assert other.parameters["bias"] == pytest.approx(whole.parameters["bias"], abs=1e-10)
        assert other.parameters["scale"] == pytest.approx(whole.parameters["scale"], rel=1e-10)
        assert other.loss == pytest.approx(whole.loss, rel=1e-14)
    # parameters keep the bits that no order of sums decides
    assert turned.parameters == whole.parameters
    # repeated rows are no more rows: the weights tell
    n = weight.sum() ** 2 / (weight**2).sum()
    assert whole.optimism == pytest.approx(whole.num_parameters / (2 * n))


@pytest.mark.parametrize("fit", FITS)
def test_many_rows_start_from_some_and_end_at_the_same(rng, fit, monkeypatch):
    from xent.evaluation.recalibration import fits

    z, target, weight = rows(rng, n=4000)
    cold = fit(z, target, weight)
    monkeypatch.setattr(fits, "WARM_SCORES", 1000)
    assert fit(z, target, weight).parameters["bias"] == pytest.approx(
        cold.parameters["bias"], abs=1e-10
    )


def test_optimism_is_what_a_calibrated_model_seems_to_gain(rng):
    gains = []
    n, classes = 400, 4
    for _ in range(200):
        z, target, _ = rows(rng, n=n, classes=classes, sure=1.0)
        lean = np.linspace(-0.7, 0.7, classes)
        fit = fit_vector(z + lean, target)  # the law that the targets were drawn from
        gains.append(fit.gain)
    # twice n times the gain is chi-squared with p degrees: mean p, variance 2 p
    p = classes
    spread = math.sqrt(2 * p) / (2 * n) / math.sqrt(len(gains))
    assert np.mean(gains) == pytest.approx(fit.optimism, abs=4 * spread + 0.1 * fit.optimism)


# where no finite fit is best ---------------------------------------------------------------


def test_separated_rows_have_no_best_temperature():
    z = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]])
    fit = fit_temperature(z, np.array([0, 1, 0]))
    assert fit.separated
    assert fit.parameters["scale"] == (math.inf,)
    assert fit.loss == 0
    assert "without end" in fit.note
    tied = fit_temperature(np.vstack([z, [[1.0, 1.0]]]), np.array([0, 1, 0, 1]))
    assert tied.separated
    assert tied.loss == pytest.approx(math.log(2) / 4)


def test_one_row_on_the_wrong_side_makes_the_temperature_finite():
    z = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0], [0.001, 0.0]])
    fit = fit_temperature(z, np.array([0, 1, 0, 1]))
    assert not fit.separated
    assert math.isfinite(fit.parameters["scale"][0])
    assert fit.note == ""


def test_rows_that_only_a_bias_separates_are_separated():
    # class 1 from a logit of 1 on: no temperature does it, scale and bias do
    logit = np.array([-1.0, 0.5, 0.9, 1.1, 2.0])
    z, target = np.stack([np.zeros(5), logit], axis=1), np.array([0, 0, 0, 1, 1])
    assert not fit_temperature(z, target).separated
    fit = fit_vector(z, target)
    assert fit.separated
    assert fit.loss < 1e-4
    assert "without end" in fit.note
    target[0] = 1
    assert not fit_vector(z, target).separated


def test_three_classes_are_separated_along_a_cycle_or_not(rng):
    # truths on top after the biases (0, 1, 2), and then one that closes a cycle above 0
    b = np.array([0.0, 1.0, 2.0])
    z = rng.normal(size=(40, 3))
    target = (z + b).argmax(axis=1)
    assert fit_vector(z, target).separated
    assert fit_vector(z, target, scale="class").separated
    top = np.sort(z + b, axis=1)
    closest = int(np.argmin(top[:, 2] - top[:, 1]))
    target[closest] = np.argsort(z[closest] + b)[0]
    assert not fit_vector(z, target).separated


def test_a_cycle_of_three_classes_is_not_separated_though_each_pair_is():
    # b_0 - b_1 >= 1 and b_1 - b_2 >= 1 need b_0 - b_2 >= 2, and the last row has it <= 1.5
    z = np.array([[0.0, 1.0, 1.4], [-1.2, 0.0, 1.0], [-1.5, -1.2, 0.0]])
    fit = fit_vector(z, np.array([0, 1, 2]))
    assert not fit.separated
    assert fit.converged
    z[2, 0] = -2.1
    assert fit_vector(z, np.array([0, 1, 2])).separated


def test_scores_against_the_truth_have_scale_0(rng):
    z, target, weight = rows(rng)
    fit = fit_temperature(-z, target, weight)
    assert fit.parameters["scale"] == (0.0,)
    assert fit.loss == pytest.approx(math.log(4))
    assert "nothing of the truth" in fit.note
    vector = fit_vector(-z, target, weight)
    frequency = np.bincount(target, weight) / weight.sum()
    assert vector.parameters["scale"] == (0.0,)
    assert vector.loss == pytest.approx(-(frequency * np.log(frequency)).sum(), rel=1e-13)


def test_constant_predictions_are_said_to_be_so():
    target = np.array([0, 0, 0, 1])
    equal = fit_temperature(np.zeros((4, 2)), target)
    assert equal.parameters["scale"] == (1.0,)
    assert "equal scores" in equal.note
    constant = fit_vector(np.tile([1.0, 0.0], (4, 1)), target)
    assert "cannot be told" in constant.note
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert constant.loss == pytest.approx(entropy, rel=1e-13)


def test_a_class_never_true_falls_to_0(rng):
    z, target, weight = rows(rng, classes=3)
    wider = np.insert(z, 1, 0.5, axis=1)
    moved = target + (target >= 1)
    fit, narrow = fit_vector(wider, moved, weight), fit_vector(z, target, weight)
    assert fit.parameters["bias"][1] == -math.inf
    # what is left of the row is the row without the class
    assert fit.loss == pytest.approx(narrow.loss, rel=1e-13)
    assert fit.num_parameters == narrow.num_parameters
    assert "1 class never true" in fit.note
    assert fit_shift(wider, moved, weight).loss == pytest.approx(
        fit_shift(z, target, weight).loss, rel=1e-13
    )


@pytest.mark.parametrize("fit", FITS)
def test_a_probability_of_0_stays_0_and_an_impossible_row_is_counted(rng, fit):
    z, target, weight = rows(rng)
    z = z.copy()
    z[:50, 0] = -np.inf
    possible = ~((target == 0) & (np.arange(len(z)) < 50))
    assert not possible.all()
    found = fit(z, target, weight)
    left = fit(z[possible], target[possible], weight[possible])
    assert found.num_impossible == (~possible).sum()
    assert found.parameters == left.parameters
    assert found.loss == left.loss
    finite = loss(z[possible], target[possible], weight[possible])
    assert found.loss_before == pytest.approx(finite, rel=1e-13)
    assert found.loss < found.loss_before


def test_probabilities_of_0_that_keep_classes_apart():
    # class 2 is only seen beside nothing else: no row bounds its bias
    with np.errstate(divide="ignore"):
        z = np.log(np.array([[0.6, 0.4, 0.0]] * 3 + [[0.3, 0.3, 0.4]]))
    fit = fit_shift(z, np.array([0, 1, 0, 2]))
    assert "2 groups" in fit.note
    # the last row is told apart for nothing; the others are the pair alone
    pair = fit_shift(z[:3, :2], np.array([0, 1, 0]))
    assert fit.loss == pytest.approx(0.75 * pair.loss, rel=1e-13)


def test_one_class_that_is_always_true():
    z = np.array([[1.0, 0.0], [2.0, 0.0]])
    assert fit_shift(z, np.array([0, 0])).loss == 0
    assert fit_vector(z, np.array([0, 0])).loss == 0


# bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(
    ("z", "target", "weight", "message"),
    [
        (np.zeros(3), [0, 0, 0], None, r"log_probs must have shape \(N, K\), got \(3,\)"),
        (np.zeros((2, 2)), [0, 1, 0], None, r"one class for each of 2 rows, got shape \(3,\)"),
        (np.zeros((2, 2)), [0, 2], None, r"in \[0, 2\), got 2 in row 1 \(1 such row\)"),
        (np.zeros((2, 2)), [0, 1], [1.0, -1.0], r"weight must be finite and >= 0, got -1.0 in row"),
        (np.zeros((2, 2)), [0, 1], [1.0], r"weight must have shape \(2,\), got \(1,\)"),
        (np.zeros((2, 2)), [0, 1], [0.0, 0.0], "possible truth and a positive weight"),
        (np.array([[0, np.nan]]), [0], None, r"numbers below \+inf, got .*nan.* in row 0"),
        (np.array([[np.inf, 0]]), [0], None, r"numbers below \+inf"),
        (np.array([[-np.inf, -np.inf]]), [0], None, "got none among 1"),
        (np.zeros((0, 2)), np.zeros(0, int), None, "got none among 0"),
    ],
)
def test_bad_rows_are_refused(fit, z, target, weight, message):
    with pytest.raises(XentValueError, match=message):
        fit(z, np.asarray(target), None if weight is None else np.asarray(weight))


def test_targets_of_names_are_refused():
    with pytest.raises(XentTypeError, match="positions of classes"):
        fit_temperature(np.zeros((1, 2)), np.array(["cat"]))


def test_too_many_classes_for_a_bias_each():
    with pytest.raises(XentValueError, match="at most 2048 classes, got 2049"):
        fit_vector(np.zeros((1, 2049)), np.array([0]))


@pytest.mark.parametrize("size", [150.0, 200.0, 1e3, 1e5, 1e15])
@pytest.mark.parametrize("fit", [fit_temperature, fit_vector])
def test_scores_however_wide_have_the_same_fit(fit, size):
    """From scale 1 Newton's method stood where no softmax has a slope, and said that none is."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(200, 3))
        for target in ((z + rng.gumbel(size=z.shape)).argmax(axis=1), rng.integers(0, 3, 200)):
            plain, wide = fit(z, target), fit(z * size, target)
            assert wide.converged
            assert wide.loss == pytest.approx(plain.loss, abs=1e-9)
            assert_allclose(
                np.array(wide.parameters["scale"]) * size,
                plain.parameters["scale"],
                rtol=1e-5,
                atol=1e-5,
            )
            assert_allclose(wide.parameters["bias"], plain.parameters["bias"], rtol=1e-6, atol=1e-6)
