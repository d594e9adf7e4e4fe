"""XentDisplay keeps scikit-learn's convention, and draws what the evaluation says."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from xent.errors import MisuseWarning, XentTypeError, XentValueError
from xent.sklearn import XentDisplay, log_loss

X, Y = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
P = RNG.random(400)
HAPPENED = (RNG.random(400) < P).astype(int)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    return LogisticRegression(C=0.05, max_iter=1000).fit(X[::2], Y[::2])


def test_from_predictions_draws_both_figures():
    display = XentDisplay.from_predictions(HAPPENED, P, name="made up")
    waterfall, reliability = display.ax_
    assert display.figure_ is waterfall.figure is reliability.figure
    assert display.evaluation.log_loss == log_loss(HAPPENED, P)
    assert waterfall.get_title() == f"made up: log loss {log_loss(HAPPENED, P):.4f} nats"
    assert [t.get_text() for t in waterfall.get_yticklabels()][-1] == "log loss"
    assert reliability.get_lines()
    assert repr(display).startswith("<XentDisplay made up: log loss 0.")


@pytest.mark.parametrize("kind", ["reliability", "waterfall"])
def test_one_figure_on_axes_that_are_given(kind):
    _, ax = plt.subplots()
    display = XentDisplay.from_predictions(HAPPENED, P, kind=kind, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.plot(kind=kind) is display
    assert display.ax_ is not ax


def test_from_estimator_names_the_classes(model):
    display = XentDisplay.from_estimator(model, X[1::2], Y[1::2], kind="waterfall")
    assert display.name == "LogisticRegression"
    right = log_loss(Y[1::2], model.predict_proba(X[1::2]))
    assert display.evaluation.log_loss == pytest.approx(right, rel=1e-15)
    assert display.evaluation.summary.classes == ("0", "1", "2")
    other = XentDisplay.from_estimator(model, X[1::2], Y[1::2], kind="waterfall", name="mine")
    assert other.name == "mine"


def test_labels_that_are_no_positions(model):
    shifted = clone(model).fit(X[::2], Y[::2] + 1)
    words = clone(model).fit(X[::2], np.array(["a", "b", "c"])[Y[::2]])
    right = XentDisplay.from_estimator(model, X, Y, kind="waterfall").evaluation.log_loss
    for fitted, truth in ((shifted, Y + 1), (words, np.array(["a", "b", "c"])[Y])):
        display = XentDisplay.from_estimator(fitted, X, truth, kind="reliability")
        assert display.evaluation.log_loss == pytest.approx(right, rel=1e-6)
    assert display.evaluation.summary.classes == ("a", "b", "c")
    # a class of a fold that does not happen is a class
    display = XentDisplay.from_estimator(words, X[:80], np.array(["a", "b", "c"])[Y[:80]])
    assert display.evaluation.classes[2].count == 0


@pytest.mark.parametrize("names", [["01", "1"], ["-0", "0"], ["False", "True"], ["10", "9"]])
def test_labels_that_are_text(names):
    truth = np.array(names)[HAPPENED]
    display = XentDisplay.from_predictions(truth, P, kind="waterfall")
    assert display.evaluation.log_loss == log_loss(truth, P)
    counts = np.bincount(HAPPENED)
    assert [(c.name, c.count) for c in display.evaluation.classes] == list(
        zip(names, counts, strict=True)
    )


@pytest.mark.filterwarnings("ignore:D31")  # the clip makes nearly all of these losses
def test_an_infinite_loss_is_drawn_of_the_other_rows_or_where_it_is_bounded():
    y, p = [0, 1, 0, 1], [0.0, 0.0, 0.3, 0.8]
    display = XentDisplay.from_predictions(y, p, kind="waterfall")
    assert np.isinf(display.evaluation.log_loss)
    assert display.ax_.get_title() == "log loss inf nats\n1 impossible row left out"
    with pytest.raises(XentValueError, match=r"got 2 impossible rows; to bound .* say zero='clip"):
        XentDisplay.from_predictions([1, 0], [0.0, 1.0])
    assert np.isinf(XentDisplay.from_predictions(y, p, kind="reliability").evaluation.log_loss)
    display = XentDisplay.from_predictions(y, p, zero="clip:1e-6")
    assert display.evaluation.log_loss == log_loss(y, p, zero="clip:1e-6")
    forest = RandomForestClassifier(3, random_state=0).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    truth = [1, 0]
    display = XentDisplay.from_estimator(forest, [[0.0], [2.0]], truth, zero="clip:1e-6")
    expected = log_loss(truth, forest.predict_proba([[0.0], [2.0]]), zero="clip:1e-6")
    assert display.evaluation.log_loss == pytest.approx(expected, rel=1e-15)


def test_labels_larger_than_positions_may_be():
    truth = np.array([5, 2**64 - 1], np.uint64)
    found = XentDisplay.from_predictions(truth, [0.2, 0.7], kind="reliability").evaluation
    assert found.log_loss == log_loss([0, 1], [0.2, 0.7])
    assert found.summary.classes == ("5", str(2**64 - 1))


def test_permuted_columns_are_warned_of_where_there_are_many_classes():
    y = np.arange(2000) % 70
    with pytest.warns(MisuseWarning, match="D25: the columns look permuted"):
        display = XentDisplay.from_predictions(y, 0.9 * np.eye(70)[y * 3 % 70] + 0.1 / 70)
    assert [hint.code for hint in display.evaluation.hints] == ["D25"]


def test_weights_and_groups():
    weight = np.where(HAPPENED, 3.0, 1.0)
    display = XentDisplay.from_predictions(HAPPENED, P, sample_weight=weight, kind="waterfall")
    assert display.evaluation.log_loss == log_loss(HAPPENED, P, sample_weight=weight)
    probs = RNG.dirichlet(np.ones(3), 300)
    truth = (probs.cumsum(axis=1) > RNG.random((300, 1))).argmax(axis=1)
    of_one = XentDisplay.from_predictions(truth, probs, kind="reliability", group="1")
    assert "1" in of_one.ax_.get_xlabel() + of_one.ax_.get_ylabel()


def test_what_it_refuses(model):
    with pytest.raises(XentValueError, match="kind must be one of"):
        XentDisplay.from_predictions(HAPPENED, P, kind="roc")
    with pytest.raises(XentValueError, match="two axes"):
        XentDisplay.from_predictions(HAPPENED, P, ax=plt.gca())
    with pytest.raises(NotFittedError):
        XentDisplay.from_estimator(clone(model), X, Y)
    with pytest.raises(XentTypeError, match="predict_proba"):
        XentDisplay.from_estimator(LinearSVC().fit(X, Y), X, Y)
