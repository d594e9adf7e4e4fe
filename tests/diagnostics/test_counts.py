import numpy as np
import pytest

from xent.diagnostics.counts import looks_like_counts, raise_counts, undersampled
from xent.diagnostics.labels import check_label_order, order_differs
from xent.diagnostics.warn import listening
from xent.errors import XentValueError


def said(function, *args):
    with listening() as heard:
        function(*args)
    return [warning for _, warning in heard]


@pytest.mark.parametrize("p", [[3, 0, 7], [3.0, 1.0], [[0, 2], [1, 0]]], ids=str)
def test_counts_are_recognised(p):
    assert looks_like_counts(p)


@pytest.mark.parametrize(
    "p", [[], [0, 1], [1.0, 0.0], [0.5, 2.0], [-1, 3], [np.nan, 2.0], [np.inf], [True]], ids=str
)
def test_and_nothing_else_is(p):
    assert not looks_like_counts(p)


def test_a_fraction_at_the_end_of_a_long_array_is_seen():
    assert not looks_like_counts(np.append(np.full(10_000, 2.0), 0.5))


def test_the_first_above_one_is_named():
    with pytest.raises(XentValueError, match=r"up to 7 \(first above one: p\[1, 0\] = 3\)") as e:
        raise_counts(np.array([[1.0, 0.0], [3.0, 7.0]]))
    assert (e.value.code, e.value.index, e.value.value) == ("D29", (1, 0), 3.0)


# D28 --------------------------------------------------------------------------


def test_few_counts_get_their_bias_as_the_correction_has_it():
    (warning,) = said(undersampled, np.ones(100, int))
    assert "100 observations of 100 different outcomes are few (100 outcomes" in str(warning)
    assert "too low by about 0.495 nats" in str(warning)
    assert (warning.code, warning.value) == ("D28", -0.495)


def test_the_worst_row_is_named():
    counts = np.array([[50, 50, 0], [3, 3, 0], [2, 1, 1]])
    (warning,) = said(undersampled, counts)
    assert "4 observations of 3 different outcomes in row 2 are few (2 outcomes" in str(warning)
    assert warning.index == 2


def test_the_bias_that_is_told_is_the_bias_there_is(rng):
    # uniform over 10, 60 observations: the next term of the series is (K^2 - 1)/(12 n^2)
    counts = rng.multinomial(60, np.full(10, 0.1), size=4000)
    share = counts / 60
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(axis=1)
    bias = entropy.mean() - np.log(10)
    error = entropy.std() / np.sqrt(len(entropy))
    assert abs(bias + 9 / 120) < 99 / (12 * 60**2) + 4 * error
    (warning,) = said(undersampled, counts[0])
    assert warning.value == pytest.approx(-9 / 120)


@pytest.mark.parametrize("counts", [[100, 100], [50, 50, 0, 0], [0, 0], []], ids=str)
def test_enough_counts_are_not_told(counts):
    assert not said(undersampled, np.array(counts, int))


# D26 --------------------------------------------------------------------------


def test_numbers_as_text():
    (warning,) = said(check_label_order, [str(i) for i in range(12)])
    assert warning.code == "D26"
    assert "'10' comes where '2' is meant (column 2)" in str(warning)
    assert (warning.index, warning.value) == (2, "10")


@pytest.mark.parametrize(
    "classes",
    [["0", "1", "2"], ["cat", "10", "2"], list(range(12)), ["01", "02", "10"], [], ["1.5", "10"]],
    ids=str,
)
def test_names_that_sort_as_meant(classes):
    assert not order_differs(classes)
    assert not said(check_label_order, classes)
