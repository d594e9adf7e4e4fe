"""Where scikit-learn is wrong: each difference in the docstring, with both libraries run."""

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics

from xent.errors import MisuseWarning, XentValueError
from xent.sklearn import d2_log_loss_score, log_loss


def theirs(*arguments, **options):
    """scikit-learn's number, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sklearn.metrics.log_loss(*arguments, **options)


@pytest.mark.parametrize(
    "dtype, clipped", [(np.float64, 36.04), (np.float32, 15.94), (np.float16, 6.93)]
)
def test_the_impossible_costs_inf_and_not_what_the_dtype_says(dtype, clipped):
    probs = np.array([[1, 0], [1, 0]], dtype=dtype)
    with pytest.warns(MisuseWarning, match=r"D27: 1 of 2 rows .* first: row 1"):
        assert log_loss([0, 1], probs, labels=[0, 1]) == math.inf
    assert 2 * theirs([0, 1], probs, labels=[0, 1]) == pytest.approx(clipped, rel=1e-2)
    # asked for by name, a clip does not depend on the dtype
    assert log_loss([0, 1], probs, zero="clip:1e-15") == pytest.approx(-math.log(1e-15) / 2)
    # and the old number is there to compare with, the cost of being right included
    assert log_loss([0, 1], probs, zero="sklearn") == pytest.approx(theirs([0, 1], probs), rel=1e-3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("normalize", [True, False])
def test_the_clip_of_scikit_learn_by_name(dtype, normalize):
    rng = np.random.default_rng(0)
    weight = rng.random(200)
    p = (rng.random(200) * (rng.random(200) < 0.8)).astype(dtype)
    truth = rng.integers(0, 2, 200)
    options = {"sample_weight": weight, "normalize": normalize}
    # their sums are in the dtype
    tolerance = 20 * float(np.finfo(dtype).eps)
    found = log_loss(truth, p, zero="sklearn", **options)
    assert found == pytest.approx(theirs(truth, p, **options), rel=tolerance)
    found = log_loss(truth, np.stack([1 - p, p], 1), zero="sklearn", **options)
    assert found == pytest.approx(theirs(truth, np.stack([1 - p, p], 1), **options), rel=tolerance)


def test_one_dimension_keeps_its_tail():
    p = np.array([1e-20, 1e-20])
    assert log_loss([1, 1], p, labels=[0, 1]) == pytest.approx(-math.log(1e-20))  # 46.05
    assert theirs([1, 1], p, labels=[0, 1]) == pytest.approx(36.04, rel=1e-3)
    # right and sure costs what it costs, not the epsilon
    assert log_loss([0, 0], p, labels=[0, 1]) == 1e-20
    assert theirs([0, 0], p, labels=[0, 1]) == pytest.approx(2.2e-16, rel=0.01)


def test_half_and_single_are_scored_in_double():
    p = np.full(1000, 0.1, np.float16)
    truth = np.arange(1000) % 2
    right = (-math.log(float(p[0])) - math.log1p(-float(p[0]))) / 2
    assert log_loss(truth, p) == pytest.approx(right, rel=1e-15)
    assert abs(theirs(truth, p) / right - 1) > 1e-5


def test_labels_are_the_order_of_the_columns():
    # scikit-learn issue 30910: every prediction is right and sure, and costs 36
    truth, probs = ["eggs", "spam", "ham"], np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1.0]])
    labels = ["spam", "eggs", "ham"]
    assert log_loss(truth, probs, labels=labels) == 0
    with pytest.warns(UserWarning, match="ordered lexicographically"):
        assert sklearn.metrics.log_loss(truth, probs, labels=labels) > 20
    # in the sorted order there is nothing to disagree about
    ordered = probs[:, [1, 2, 0]]
    assert log_loss(truth, ordered, labels=["eggs", "ham", "spam"]) == 0
    assert theirs(truth, ordered, labels=["eggs", "ham", "spam"]) == pytest.approx(0)
    # the second label is what one column is about
    assert log_loss([0, 1], [0.9, 0.2], labels=[1, 0]) == pytest.approx(
        -(math.log(0.9) + math.log(0.8)) / 2
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_rows_that_are_no_distribution(dtype):
    probs = np.array([[0.2, 0.7], [0.6, 0.3], [0.4, 0.7], [0.8, 0.3]], dtype=dtype)
    truth = [0, 1, 1, 0]
    with pytest.raises(
        XentValueError, match=r"must sum to 1 in each row, got .* in row 0 .*4 of 4"
    ):
        log_loss(truth, probs)
    with pytest.warns(UserWarning, match="do not sum to one"):
        assert sklearn.metrics.log_loss(truth, probs) > 0
    # as it is for float32 rows that were turned into float64: no reason to warn
    softened = (np.float32([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]]) / np.float32(1.000001)).astype(float)
    assert log_loss([0, 1], softened, labels=[0, 1, 2]) > 0
    with pytest.warns(UserWarning, match="do not sum to one"):
        sklearn.metrics.log_loss([0, 1], softened, labels=[0, 1, 2])


def test_a_negative_weight():
    truth, probs, weight = [0, 1], [[0.3, 0.7], [0.2, 0.8]], [-1, 2]
    with pytest.raises(XentValueError, match=r"not negative.*sample_weight\[0\] = -1"):
        log_loss(truth, probs, sample_weight=weight)
    assert theirs(truth, probs, sample_weight=weight) < 0


def test_weights_of_nothing():
    with pytest.raises(XentValueError, match="positive in some row"):
        log_loss([0, 1], [0.5, 0.5], sample_weight=[0, 0])


def test_an_impossible_row_without_weight_costs_nothing():
    assert log_loss([0, 1, 1], [0.5, 0.5, 0.0], sample_weight=[1, 1, 0]) == math.log(2)


def test_several_labels_a_row():
    truth = np.array([[1, 1, 0], [0, 1, 0]])
    probs = np.array([[0.3, 0.7, 0.2], [0.2, 0.8, 0.1]])
    with pytest.raises(XentValueError, match=r"one 1 in each row, got 2 in row 0 .*multi"):
        log_loss(truth, probs)
    # the logarithms of the labels that are true, and nothing of those that are not
    total = -(math.log(0.3) + math.log(0.7) + math.log(0.8)) / 2
    assert theirs(truth, probs) == pytest.approx(total)


def test_one_class_and_d2():
    from sklearn.exceptions import UndefinedMetricWarning

    truth, probs = [1, 1], [[0.4, 0.6], [0.3, 0.7]]
    with pytest.warns(UndefinedMetricWarning, match="all weight on one class"):
        assert math.isnan(d2_log_loss_score(truth, probs, labels=[0, 1]))
    assert sklearn.metrics.d2_log_loss_score(truth, probs, labels=[0, 1]) < -1e14


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "score, without, with_", [(log_loss, math.log(2), math.inf), (d2_log_loss_score, 0, -math.inf)]
)
def test_an_impossible_row_of_no_weight_is_not_there(dtype, order, score, without, with_):
    probs = np.array([[0, 1], [0, 1], [0.5, 0.5], [0, 1], [0.5, 0.5]], dtype=dtype, order=order)
    truth = [0, 0, 1, 0, 0]
    found = score(truth, probs, sample_weight=[0, 0, 1, 0, 1])
    assert found == pytest.approx(without, abs=1e-15)
    with pytest.warns(MisuseWarning, match=r"D27: 2 of 5 rows .* first: row 1"):
        assert score(truth, probs, sample_weight=[0, 1, 1, 2, 1]) == with_


def test_an_impossible_row_and_d2():
    with pytest.warns(MisuseWarning, match="D27"):
        assert d2_log_loss_score([0, 1, 0], [0.0, 0.0, 0.1]) == -math.inf
    assert sklearn.metrics.d2_log_loss_score([0, 1, 0], [0.0, 0.0, 0.1]) > -50


def test_categories_are_labels():
    pandas = pytest.importorskip("pandas")
    kinds = pandas.Categorical(["b", "a", "b"], categories=["c", "a", "b"])
    probs = [[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.2, 0.5, 0.3]]
    # sorted, as the columns of a classifier are
    right = log_loss(["b", "a", "b"], probs, labels=["a", "b", "c"])
    assert log_loss(kinds, probs) == log_loss(pandas.Series(kinds), probs) == right
    with pytest.raises(ValueError, match="different number of classes"):
        sklearn.metrics.log_loss(kinds, probs)


def test_named_columns_are_matched_to_classes():
    pandas = pytest.importorskip("pandas")
    truth = ["dog", "cat", "dog"]
    table = pandas.DataFrame({"p_dog": [0.9, 0.2, 0.8], "p_cat": [0.1, 0.8, 0.2]})
    right = log_loss(truth, table[["p_cat", "p_dog"]].to_numpy())
    assert log_loss(truth, table) == right
    assert theirs(truth, table) != pytest.approx(right)
    assert log_loss(truth, table, labels=["dog", "cat"]) == right
    with pytest.raises(XentValueError, match="D25: labels must be in the order of the columns"):
        log_loss(truth, table, labels=["cat", "dog"])
    # a class that is never true has a column by its name
    assert log_loss(["dog", "dog", "dog"], table) > 0
    with pytest.raises(XentValueError, match="a column for, got 'cow'"):
        log_loss(["dog", "cow", "cat"], table)
    # columns that nobody named, and names of something else, are read by position
    assert log_loss(truth, pandas.DataFrame(table.to_numpy()[:, ::-1])) == right
    assert log_loss(truth, pandas.DataFrame(table.to_numpy()[:, ::-1], columns=["x", "y"])) == right
