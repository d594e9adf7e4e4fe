"""Where scikit-learn is right, its number: the cases of its own tests, and random ones."""

import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from xent.errors import XentTypeError, XentValueError
from xent.sklearn import d2_log_loss_score, log_loss

SPAM = ["ham", "spam", "spam", "ham"]
SPAM_PROBS = [[0.3, 0.7], [0.6, 0.4], [0.4, 0.6], [0.7, 0.3]]
THREE = [1, 0, 2]
THREE_PROBS = [[0.2, 0.7, 0.1], [0.6, 0.2, 0.2], [0.6, 0.1, 0.3]]


def same(y_true, y_proba, **options):
    """Assert that both libraries give one number; within the rounding of their sums."""
    found = log_loss(y_true, y_proba, **options)
    right = sklearn.metrics.log_loss(y_true, y_proba, **options)
    assert found == pytest.approx(right, rel=1e-12)
    return found


# cases of sklearn/metrics/tests/test_classification.py --------------------------------------


def test_words_as_labels_of_two_classes():
    truth = ["no", "no", "no", "yes", "yes", "yes"]
    probs = np.array(
        [[0.5, 0.5], [0.1, 0.9], [0.01, 0.99], [0.9, 0.1], [0.75, 0.25], [0.001, 0.999]]
    )
    likelihood = scipy.stats.bernoulli.logpmf(np.array(truth) == "yes", probs[:, 1])
    assert same(truth, probs) == pytest.approx(-likelihood.mean())


def test_three_classes_and_their_sum():
    assert same(THREE, THREE_PROBS) == pytest.approx(0.6904911, abs=1e-7)
    twice = same(2 * THREE, 2 * THREE_PROBS, normalize=False)
    assert twice == pytest.approx(6 * 0.6904911, abs=1e-6)


def test_words_in_a_list():
    assert same(SPAM, SPAM_PROBS) == pytest.approx(0.7469410, abs=1e-7)
    assert same(np.array(SPAM, dtype=object), SPAM_PROBS) == log_loss(SPAM, SPAM_PROBS)


def test_as_many_classes_as_columns():
    with pytest.raises(XentValueError, match="y_proba has 2 columns, got 3 labels: 0, 1, 2"):
        log_loss([1, 0, 2], [[0.3, 0.7], [0.6, 0.4], [0.4, 0.6]])


def test_a_label_without_a_column():
    probs = [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.1, 0.1, 0.8]]
    with pytest.raises(XentValueError, match=r"got 'b' in row 1 .*; the labels are a, c, d") as e:
        log_loss(["a", "b", "c"], probs, labels=["a", "c", "d"])
    assert (e.value.code, e.value.index, e.value.value) == ("D01", 1, "b")


def test_one_label_needs_labels():
    with pytest.raises(XentValueError, match=r"got only the label 2; pass labels"):
        log_loss([2, 2], [[0.2, 0.8], [0.6, 0.4]])
    assert same([2, 2], [[0.1, 0.9], [0.1, 0.9]], labels=[1, 2]) == -math.log(0.9)


def test_as_many_rows():
    with pytest.raises(XentValueError, match="as many rows as each other, got 2 and 3"):
        log_loss([2, 2], [[0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])


def test_a_class_that_is_never_true():
    probs = [[0.7, 0.1, 0.2], [0.2, 0.7, 0.1], [0.1, 0.7, 0.2]]
    assert same([1, 2, 2], probs, labels=[1, 2, 3]) == pytest.approx(-math.log(0.7))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_certain_and_right_in_any_dtype(dtype):
    truth, probs = np.array([0, 1], dtype=dtype), np.array([0, 1], dtype=dtype)
    assert log_loss(truth, probs) == 0


@pytest.mark.parametrize(
    "truth, probs",
    [
        ([0, 1, 0], [0, 1, 0]),
        ([0, 1, 0], [[1, 0], [0, 1], [1, 0]]),
        ([0, 1, 2], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_perfect_predictions_cost_exactly_nothing(truth, probs):
    assert log_loss(truth, probs) == 0
    assert sklearn.metrics.log_loss(truth, probs) == pytest.approx(0)


def test_the_older_name_of_the_probabilities():
    assert log_loss(SPAM, y_pred=SPAM_PROBS) == log_loss(SPAM, SPAM_PROBS)
    with pytest.raises(XentValueError, match="got both"):
        log_loss(SPAM, SPAM_PROBS, y_pred=SPAM_PROBS)
    with pytest.raises(XentTypeError, match="got None"):
        log_loss(SPAM)


def test_d2_is_the_share_of_the_frequencies_loss():
    truth = [0, 0, 0, 1, 1, 1]
    probs = [[0.5, 0.5], [0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.35, 0.65], [0.01, 0.99]]
    weight = [2, 1, 3, 4, 3, 1]
    words = ["no", "no", "no", "yes", "yes", "yes"]
    for options in ({}, {"sample_weight": weight}):
        share = np.average([0, 0, 0, 1, 1, 1], weights=options.get("sample_weight")) * np.ones(6)
        right = 1 - log_loss(truth, probs, **options) / log_loss(truth, share, **options)
        assert d2_log_loss_score(truth, probs, **options) == pytest.approx(right, rel=1e-12)
        assert d2_log_loss_score(words, probs, **options) == d2_log_loss_score(
            truth, probs, **options
        )
        assert d2_log_loss_score(truth, probs, **options) == pytest.approx(
            sklearn.metrics.d2_log_loss_score(truth, probs, **options), rel=1e-12
        )


def test_d2_of_the_frequencies_is_nothing_and_of_worse_is_negative():
    truth = [0, 0, 0, 1, 1, 1]
    assert d2_log_loss_score(truth, [[0.5, 0.5]] * 6) == 0
    assert d2_log_loss_score(truth, [0.9, 0.9, 0.9, 0.1, 0.1, 0.1]) < 0
    assert 0.5 < d2_log_loss_score(truth, [0.1, 0.2, 0.1, 0.9, 0.8, 0.9]) < 1
    assert d2_log_loss_score([0, 1, 1, 1], [[0.25, 0.75]] * 4) == pytest.approx(0, abs=1e-15)


def test_d2_with_a_class_that_is_never_true():
    weight, probs = [1.4, 0.6, 0.7, 0.3], [[0.5, 0.1, 0.4]] * 4
    options = {"sample_weight": weight, "labels": [0, 1, 2]}
    found = d2_log_loss_score([2, 0, 2, 0], probs, **options)
    right = sklearn.metrics.d2_log_loss_score([2, 0, 2, 0], probs, **options)
    assert found == pytest.approx(right, rel=1e-12)


def test_d2_of_one_row_is_not_defined():
    from sklearn.exceptions import UndefinedMetricWarning

    with pytest.warns(UndefinedMetricWarning, match="fewer than two rows"):
        assert math.isnan(d2_log_loss_score([1], [[0.5, 0.5]], labels=[0, 1]))


@pytest.mark.parametrize("score", [log_loss, d2_log_loss_score])
@pytest.mark.parametrize(
    "truth, probs, options, says",
    [
        ([0, 1, 2], [[0.2, 0.8], [0.5, 0.5], [0.4, 0.6]], {}, "2 columns, got 3 labels"),
        ([0, 1, 2], [[0.5, 0.5]] * 3, {"labels": [0, 1, 2]}, "name the 2 columns .*got 3 labels"),
        ([0, 1, 2], [[0.5, 0.5, 0.0], [0.6, 0.3, 0.1]], {}, "as many rows"),
        ([1, 1, 1], [[0.5, 0.5]] * 3, {}, "only the label 1"),
        ([1, 1, 1], [[0.5, 0.5]] * 3, {"labels": [1]}, "at least two classes"),
        ([1, 0], [[0.5, 0.5]] * 2, {"labels": [1, 1]}, "different, got 1 twice"),
        ([], [], {}, "must have rows"),
        ([0, 1], [0.5, math.nan], {}, r"got nan in row 1|got nan in y_proba\[1, 0\]"),
        ([0, 1], [[0.5, 0.5], [-0.5, 1.5]], {}, r"in \[0, 1\], got -0.5 in y_proba\[1, 0\]"),
        ([0.5, 1], [0.5, 0.5], {}, "class labels, got 0.5 in row 0"),
        (["a", None], [0.5, 0.5], {}, "a label in each row, got None in row 1"),
        ([0, 1], [0.5, 0.5], {"sample_weight": [1]}, "sample_weight"),
        ([0, 1], [[[0.5]], [[0.5]]], {}, "one or two dimensions"),
    ],
)
def test_what_both_libraries_refuse(score, truth, probs, options, says):
    with pytest.raises(XentValueError, match=says):
        score(truth, probs, **options)
    with pytest.raises((ValueError, TypeError)):
        sklearn.metrics.log_loss(truth, probs, **options)


# inputs of other kinds ----------------------------------------------------------------------


def test_every_kind_of_label():
    probs, right = [0.3, 0.7], pytest.approx(-math.log(0.7), rel=1e-15)
    for truth in ([0, 1], [False, True], [-1, 1], [5, 70], [0.0, 1.0], ["a", "b"]):
        assert same(truth, probs) == right
    assert same([5, 10**12], probs) == right  # too far apart for a table


def test_true_and_false_are_the_names_of_columns():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"True": [0.9, 0.2], "False": [0.1, 0.8]})
    expected = log_loss([1, 0], [0.9, 0.2])
    assert log_loss([True, False], frame) == pytest.approx(expected, rel=1e-15)
    assert log_loss([True, False], frame[["False", "True"]]) == pytest.approx(expected, rel=1e-15)


def test_columns_named_after_one_number_are_two_classes():
    pd = pytest.importorskip("pandas")
    probs = pd.DataFrame({"01": [0.9, 0.4], "1": [0.1, 0.6]})
    right = -(np.log(0.9) + np.log(0.6)) / 2
    assert log_loss(["01", "1"], probs) == pytest.approx(right, rel=1e-15)
    assert log_loss([0, 1], probs, labels=[0, 1]) == pytest.approx(right, rel=1e-15)
    with pytest.raises(XentValueError, match=r"y_true must be text.*got '01' and '1'"):
        log_loss([0, 1], probs)


def test_columns_of_arrow_have_names():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"1": [0.9, 0.2], "0": [0.1, 0.8]})
    assert log_loss([1, 0], table) == pytest.approx(log_loss([1, 0], [0.9, 0.2]), rel=1e-15)


@pytest.mark.parametrize("label", [np.inf, 1e300, 0.5])
def test_numbers_that_are_no_labels(label):
    with pytest.raises(XentValueError, match=r"must hold class labels, got .* in row 1 \(1 such"):
        log_loss([0, label], [[0.5, 0.5]] * 2)


def test_rows_without_a_label():
    pd = pytest.importorskip("pandas")
    for truth in ([0, np.nan], [0, None], pd.Series([True, None], dtype="boolean")):
        with pytest.raises(XentValueError, match=r"must have a label in each row, got .* in row 1"):
            log_loss(truth, [[0.5, 0.5]] * 2)


def test_the_largest_labels_keep_their_order():
    truth = np.array([2**64 - 1, 5], np.uint64)
    assert log_loss(truth, [0.9, 0.2]) == log_loss([1, 0], [0.9, 0.2])


def test_a_column_of_labels_and_a_column_of_probabilities():
    assert log_loss([[0], [1]], [[0.3], [0.7]]) == log_loss([0, 1], [0.3, 0.7])


def test_rows_with_a_single_one():
    truth = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    assert same(truth, THREE_PROBS) == log_loss(THREE, THREE_PROBS)
    import scipy.sparse

    assert log_loss(scipy.sparse.csr_matrix(truth), THREE_PROBS) == log_loss(THREE, THREE_PROBS)


def test_columns_and_rows_in_memory_are_read_alike():
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 50)
    truth = np.arange(50) % 3
    right = same(truth, probs)
    assert log_loss(truth, np.asfortranarray(probs)) == pytest.approx(right, rel=1e-15)
    assert log_loss(truth, np.repeat(probs, 2, axis=0)[::2]) == right
    assert log_loss(truth[::-1], probs[::-1]) == right  # sums are exact


def test_tensors():
    torch = pytest.importorskip("torch")
    probs = torch.tensor(SPAM_PROBS, dtype=torch.float64, requires_grad=True)
    assert log_loss(torch.tensor([0, 1, 1, 0]), probs) == log_loss(SPAM, SPAM_PROBS)


def test_words_and_numbers_do_not_mix():
    with pytest.raises(XentTypeError, match="both be numbers or both be text"):
        log_loss([0, 1], [0.5, 0.5], labels=["0", "1"])
    with pytest.raises(XentTypeError, match="one kind, numbers or text, got int, str"):
        log_loss(np.array([0, "b"], dtype=object), [0.5, 0.5])
    with pytest.raises(XentTypeError, match="y_proba must hold numbers, got dtype <U1"):
        log_loss([0, 1], ["a", "b"])
    with pytest.raises(XentTypeError, match="several outputs"):
        log_loss([0, 1], [np.eye(2), np.eye(2)])


@given(
    rows=st.integers(2, 40),
    classes=st.integers(2, 6),
    seed=st.integers(0, 2**32 - 1),
    weighted=st.booleans(),
    normalize=st.booleans(),
)
def test_random_predictions(rows, classes, seed, weighted, normalize):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(classes), rows)
    truth = rng.integers(0, classes, rows)
    weight = rng.integers(0, 3, rows) + rng.random() if weighted else None
    names = np.array([f"c{j}" for j in range(classes)])
    same(names[truth], probs, labels=names, sample_weight=weight, normalize=normalize)


def test_weights_are_repetitions():
    probs = np.random.default_rng(1).dirichlet(np.ones(3), 30)
    truth, times = np.arange(30) % 3, np.arange(30) % 4
    repeated = log_loss(np.repeat(truth, times), np.repeat(probs, times, axis=0))
    # each product of weight and loss is rounded once
    assert log_loss(truth, probs, sample_weight=times) == pytest.approx(repeated, rel=1e-15)


def test_it_is_the_log_loss_of_evaluate():
    import xent

    probs = np.random.default_rng(2).dirichlet(np.ones(4), 1000)
    truth = np.arange(1000) % 4
    right = xent.evaluate((truth, probs)).log_loss
    assert log_loss(truth, probs) == pytest.approx(right, rel=1e-15)
    # other kernels read single precision, columns and one dimension
    assert log_loss(truth, np.asfortranarray(probs)) == right
    single = probs.astype(np.float32)
    assert log_loss(truth, single) == xent.evaluate((truth, single)).log_loss
    assert log_loss(truth % 2, probs[:, 0]) == xent.evaluate((truth % 2, probs[:, 0])).log_loss
    assert d2_log_loss_score(truth, probs) == pytest.approx(xent.evaluate((truth, probs)).skill)


def test_the_order_of_weighted_rows_cannot_be_seen_in_d2():
    rng = np.random.default_rng(7)
    truth, probs = rng.integers(0, 3, 500), rng.dirichlet(np.ones(3), 500)
    weight = rng.lognormal(sigma=8, size=500)  # sums of doubles would depend on the order
    scores = set()
    for _ in range(20):
        order = rng.permutation(500)
        scores.add(d2_log_loss_score(truth[order], probs[order], sample_weight=weight[order]))
    assert len(scores) == 1


@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_bfloat16(library):
    module = pytest.importorskip(library)
    # a quarter and three quarters are bfloat16 too
    probs = [[0.25, 0.75], [0.75, 0.25], [0.5, 0.5]]
    make = module.tensor if library == "torch" else module.asarray
    assert log_loss([1, 0, 1], make(probs, dtype=module.bfloat16)) == log_loss([1, 0, 1], probs)
