"""What is no distribution is refused: with the rule, the place, the count and the fix."""

import numpy as np
import pytest

from xent.errors import XentTypeError, XentValueError
from xent.information import (
    binary_entropy,
    conditional_entropy,
    cross_entropy,
    entropy,
    js_divergence,
    kl_divergence,
    mutual_information,
    perplexity,
    self_information,
)

UNIFORM = np.full((6, 4), 0.25)


def refused(call, code, *texts, kind=XentValueError):
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.code == code
    for text in texts:
        assert text in str(caught.value)
    return caught.value


def broken(row, values, dtype=np.float64):
    p = UNIFORM.astype(dtype)
    p[row] = values
    return p


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("measure", [entropy, kl_divergence, cross_entropy, js_divergence])
@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.3, 0.3, 0.3, 0.3], "sums to 1.2"),
        ([np.nan, 0.5, 0.5, 0.0], "NaN"),
        ([2.0, -1.0, 0.0, 0.0], "logits"),
        ([0.5, 0.5, 0.1, -0.1], "-0.1"),
        ([0.0, 0.0, 0.0, 0.0], "sums to 0"),
        ([np.inf, 0.0, 0.0, 0.0], "infinite"),
    ],
)
def test_rows_that_are_no_distribution(measure, values, text, dtype):
    p = broken(4, values, dtype)
    arrays = (p,) if measure is entropy else (p, UNIFORM.astype(dtype))
    error = refused(lambda: measure(*arrays), "D07", "p[4", text)
    assert np.ravel(error.index)[0] == 4
    if measure is not entropy:
        refused(lambda: measure(*reversed(arrays)), "D07", "q[4", text)


def test_negative_entries_are_found_in_every_layout():
    # a row that sums to one, with its neighbours in order
    for shape, axis in [((50, 300), -1), ((300, 50), 0), ((2, 5, 70), 1), ((40, 5), -1)]:
        p = np.full(shape, 1 / shape[axis])
        row = np.moveaxis(p, axis, -1)[-1]
        row.reshape(-1, shape[axis])
        target = np.moveaxis(p, axis, -1)[(-1,) * (len(shape) - 1)]
        target[0] += 0.5
        target[1] -= 0.5
        refused(lambda p=p, axis=axis: entropy(p, axis=axis), "D07", "1 of")


def test_rounding_is_allowed_and_no_more():
    entropy(broken(0, [0.25, 0.25, 0.25, 0.25 + 5e-9]))
    refused(lambda: entropy(broken(0, [0.25, 0.25, 0.25, 0.25 + 5e-8])), "D07")
    entropy(broken(0, [0.25, 0.25, 0.25, 0.25 + 5e-5], np.float32))
    refused(lambda: entropy(broken(0, [0.25, 0.25, 0.25, 0.25 + 5e-4], np.float32)), "D07")
    half = np.full((2, 4), 0.25, np.float16)
    half[0, 0] += np.float16(1e-3)
    entropy(half)
    # rounding below zero counts as zero
    assert entropy([1.0, -1e-17]) == 0


def test_counts():
    refused(lambda: entropy([3, 5, 2]), "D29", "entropy_from_counts", "normalize=True")
    refused(lambda: entropy([3.0, 5.0, 2.0]), "D29", "entropy_from_counts")
    refused(lambda: kl_divergence([0.5, 0.5], [3, 5]), "D29", "q")


def test_log_probabilities_for_probabilities_and_the_reverse():
    refused(lambda: entropy(np.log(UNIFORM)), "D10", 'given="log_probs"')
    refused(lambda: entropy(UNIFORM, given="log_probs"), "D10", 'given="probs"')
    refused(lambda: entropy(np.log(UNIFORM) + 1e-3, given="log_probs"), "D10", "sum to")
    refused(lambda: entropy([3.0, -2.0, 0.1], given="log_probs"), "D10", 'given="logits"')


def test_log_probabilities_of_float32_keep_their_tolerance(rng):
    z = rng.normal(size=(20, 50_000)).astype(np.float32)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    entropy(log_p, given="log_probs")


def test_logits_and_class_indices_for_the_measure_name_the_loss():
    logits, target = np.array([[2.0, -1.0, 0.5]]), np.array([0])
    refused(lambda: cross_entropy(target, logits), "D15", "softmax_cross_entropy", "class indices")
    refused(lambda: cross_entropy(logits, target), "D15", "softmax_cross_entropy", "class indices")
    refused(
        lambda: cross_entropy([[1, 0, 0]], logits), "D07", "softmax_cross_entropy", 'given="logits"'
    )


def test_shapes_are_not_broadcast():
    p = np.full((4, 1), 1.0)
    refused(lambda: kl_divergence(p, np.full((4, 5), 0.2)), "D15", "(4, 1)", "(4, 5)")
    refused(lambda: cross_entropy([0.5, 0.5], [0.2] * 5), "D15")
    refused(lambda: js_divergence(np.full((2, 3, 5), 0.2), np.full((3, 5), 0.2)), "D15")


def test_options():
    refused(lambda: entropy([1.0], unit="bits"), "D30", "unit must be one of")
    refused(lambda: entropy([1.0], given="log"), None, "given must be one of")
    refused(lambda: entropy([1.0], given=("probs", "probs")), None, "given must be one of")
    refused(lambda: kl_divergence([1.0], [1.0], given=("probs",)), None, "pair")
    refused(lambda: perplexity([1.0], given="x"), None, "given")
    refused(lambda: entropy([1.0], axis=1), "D14", "axis must be in [-1, 1)")
    refused(lambda: entropy([1.0], axis=0.0), "D14", "integer", kind=XentTypeError)
    refused(lambda: entropy(0.5), "D14", "binary_entropy")
    refused(lambda: entropy(np.zeros((3, 0))), "D02", "at least one class")


def test_types():
    for bad in (["a", "b"], [1j, 0], [[0.5], [0.5, 0.5]], np.array([None, 0.5])):
        refused(lambda bad=bad: entropy(bad), None, "p must", kind=XentTypeError)
    masked = np.ma.array([0.5, 0.5], mask=[True, False])
    refused(lambda: entropy(masked), None, "masked", kind=XentTypeError)


def test_single_probabilities():
    refused(lambda: self_information([0.5, 1.5]), "D07", "p[1] = 1.5", "1 of 2")
    refused(lambda: self_information(-0.5), "D07", "p = -0.5", 'given="log_probs"')
    refused(lambda: self_information(0.5, given="log_probs"), "D10", "<= 0")
    refused(lambda: binary_entropy([0.5, np.nan]), "D07", "p[1] = nan")


def test_weights_that_cannot_be_normalized():
    refused(lambda: entropy([[1.0, 2.0], [0.0, 0.0]], normalize=True), "D07", "row of zeros")
    refused(lambda: entropy([1.0, -2.0], normalize=True), "D07", "p[1] = -2")
    refused(lambda: entropy([1.0, np.nan], normalize=True), "D07", "p[1] = nan")


@pytest.mark.parametrize("measure", [mutual_information, conditional_entropy])
def test_joint_tables(measure):
    refused(lambda: measure([0.5, 0.5]), "D14", "axis for each of two variables")
    refused(lambda: measure([[0.5, 0.5], [0.5, 0.5]]), "D07", "multiply row x by p(x)")
    refused(lambda: measure([[3, 1], [2, 2]]), "D29")
    refused(lambda: measure([[0.5, 0.6], [0.0, 0.0]]), "D07")


def test_joint_axes_differ():
    table = [[0.5, 0.0], [0.0, 0.5]]
    refused(lambda: mutual_information(table, axes=(0, -2)), "D14", "two axes")
    refused(lambda: conditional_entropy(table, axis=0, given_axis=0), "D14", "two axes")


@pytest.mark.parametrize("measure", [cross_entropy, kl_divergence, js_divergence])
def test_a_single_number_is_no_distribution(measure):
    p = [0.7, 0.2, 0.1]
    refused(lambda: measure(1, p), "D15", "look like class indices", "softmax_cross_entropy")
    refused(lambda: measure(p, 0.5), "D15", "got (3,) and ()")
    refused(lambda: measure(0.5, 0.5), "D14", "single number")


@pytest.mark.parametrize("measure", [mutual_information, conditional_entropy])
def test_a_joint_table_is_told_of_as_it_came(measure):
    table = np.full((2, 3, 4), 1 / 12)
    table[1, 2, 3] = -0.5
    error = refused(lambda: measure(table), "D07", "first: joint[1, 2, 3] = -0.5")
    assert error.index == (1, 2, 3)
    axes = {mutual_information: {"axes": (0, 1)}, conditional_entropy: {"given_axis": 0, "axis": 1}}
    moved = np.moveaxis(table, (1, 2), (0, 1))
    error = refused(lambda: measure(moved, **axes[measure]), "D07", "first: joint[2, 3, 1] = -0.5")
    assert error.index == (2, 3, 1)
    refused(lambda: measure([[3, 1], [1, 3]]), "D29", "joint[0, 0] = 3")


def test_a_joint_table_sums_to_one_as_a_whole():
    both = "joint must sum to one over both variables, but"
    error = refused(
        lambda: mutual_information([[[0.5, 0.5], [0, 0]], [[0.5, 0.1], [0.1, 0.1]]]),
        "D07",
        f"{both} 1 of 2 tables do not; first: joint[1] sums to 0.8. Divide each table by its sum",
    )
    assert error.index == 1
    refused(lambda: mutual_information([[0.5, 0.5], [0.2, 0.8]]), "D07", "p(y | x)", f"{both} 1 of")


def test_tables_of_pandas_that_may_lack_entries():
    pandas = pytest.importorskip("pandas")
    p = np.array([[0.5, 0.25, 0.25], [0.125, 0.375, 0.5]])
    table = pandas.DataFrame(p).astype("Float64")
    np.testing.assert_array_equal(entropy(table), entropy(p))
    counts = pandas.DataFrame([[3, 1], [0, 2]]).astype("Int64")
    refused(lambda: entropy(counts), "D29")
