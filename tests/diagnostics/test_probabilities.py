import numpy as np
import pytest
from numpy.testing import assert_array_less

from xent.diagnostics.probabilities import (
    check_log_probabilities,
    check_probabilities,
    raise_not_probabilities,
)
from xent.diagnostics.tolerance import tolerance
from xent.errors import XentValueError

FLOATS = [np.float16, np.float32, np.float64]
SHAPES = [(1, 1), (3, 2), (2, 3, 5), (4, 1000), (2, 50257)]


def log_softmax(x):
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def said(check, p, **options):
    with pytest.raises(XentValueError) as caught:
        check(np.asarray(p), **options)
    return caught.value


# What is right ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("axis", [0, -1])
def test_softmax_outputs_of_any_length_and_precision(rng, shape, axis, dtype):
    log_p = log_softmax(rng.normal(size=shape) * 3)
    check_probabilities(np.moveaxis(np.exp(log_p).astype(dtype), -1, axis), axis=axis)
    check_log_probabilities(np.moveaxis(log_p.astype(dtype), -1, axis), axis=axis)


def bfloat16(x):
    """Round to bfloat16 and back, as float32."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("num_classes", [2, 10, 1000, 50257])
@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0])
def test_tolerances_leave_room_for_rounding(rng, num_classes, scale):
    log_p = log_softmax(rng.normal(size=(64, num_classes)) * scale)
    p = np.exp(log_p)
    for name, rounded in [
        ("float64", p),
        ("float32", p.astype(np.float32)),
        ("float16", p.astype(np.float16)),
        ("bfloat16", bfloat16(p)),
    ]:
        off = np.abs(rounded.sum(axis=-1, dtype=np.float64) - 1)
        assert_array_less(off * 2, tolerance(name))
        # the same in log space, where the allowance grows with |log p|, ln C at most
    for name, rounded in [("float16", log_p.astype(np.float16)), ("bfloat16", bfloat16(log_p))]:
        off = np.abs(np.log(np.exp(rounded.astype(np.float64)).sum(axis=-1)))
        scale_of_log = max(1.0, min(float(-log_p.min()), float(np.log(num_classes))))
        assert_array_less(off, tolerance(name) * scale_of_log)


@pytest.mark.parametrize("p", [[], [1.0], [0.0, 1.0], [1, 0], [True, False]], ids=str)
def test_edges_of_the_simplex(p):
    check_probabilities(np.array(p))


def test_impossible_classes_have_a_log_probability():
    check_log_probabilities(np.array([0.0, -np.inf]))
    check_log_probabilities(np.array([[np.log(0.5), np.log(0.5), -np.inf]]))


def test_single_labels_are_not_summed():
    check_probabilities(np.array([0.9, 0.9, 0.0]), axis=None)


def test_the_bfloat16_of_ml_dtypes(rng):
    bfloat = pytest.importorskip("ml_dtypes").bfloat16
    log_p = log_softmax(rng.normal(size=(8, 1000)))
    check_probabilities(np.exp(log_p).astype(bfloat))
    check_log_probabilities(log_p.astype(bfloat))
    error = said(check_probabilities, np.array([[0.5, 0.75]]).astype(bfloat))
    assert "p[0] sums to 1.25" in str(error)
    assert "look like logits" in str(said(check_probabilities, np.array([2.5, -1]).astype(bfloat)))


# D07 --------------------------------------------------------------------------


def test_logits():
    error = said(check_probabilities, [[0.5, 0.5], [3.0, -1.0]])
    assert "2 of 4 entries are not; first: p[1, 0] = 3.0, least -1.0, greatest 3.0" in str(error)
    assert "These look like logits: take their softmax" in str(error)
    assert (error.code, error.index, error.value) == ("D07", (1, 0), 3.0)


def test_logits_of_single_labels():
    error = said(check_probabilities, [0.5, 3.0, -1.0], axis=None, name="probs")
    assert "2 of 3 entries are not; first: probs[1] = 3.0" in str(error)
    assert "These look like logits: take their sigmoid" in str(error)
    error = said(check_probabilities, [-0.5, -3.0], axis=None)
    assert "These look like log-probabilities or logits" in str(error)


def test_weights_that_were_not_normalised():
    error = said(check_probabilities, [0.5, 2.5])
    assert "logits, or weights that were not normalised" in str(error)


def test_rows_that_do_not_sum_to_one():
    error = said(check_probabilities, [[0.5, 0.5], [0.5, 0.3], [0.1, 0.2]])
    assert "2 of 3 rows do not; first: p[1] sums to 0.8." in str(error)
    assert "pass normalize=True" in str(error)
    assert (error.code, error.index, error.value) == ("D07", 1, 0.8)


def test_the_axis_that_does():
    p = np.array([[0.5, 0.2, 0.7], [0.5, 0.8, 0.3]])
    assert "Along axis 0 every sum is one: pass axis=0." in str(said(check_probabilities, p))
    check_probabilities(p, axis=0)


@pytest.mark.parametrize("p", [[60.5, 39.5], [[60.5, 39.5], [10.0, 90.0]]], ids=str)
def test_percentages(p):
    p = np.array(p) + 0.0
    assert "sum to 100, as percentages do: divide by 100" in str(said(check_probabilities, p))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_values_are_counted_by_row(bad):
    p = np.full((5, 2), 0.5)
    p[3] = bad
    p[4, 1] = bad
    error = said(check_probabilities, p)
    assert f"2 of 5 rows hold NaN or infinite values; first: p[3, 0] = {bad}" in str(error)
    assert (error.code, error.index) == ("D07", (3, 0))


def test_a_suggestion_replaces_the_fix():
    for p in ([[2.0, -1.0]], [[0.5, 0.4]]):
        error = said(raise_not_probabilities, p, suggestion="Call another function.")
        assert str(error).endswith("Call another function.")


def test_a_row_at_the_edge_of_the_tolerance_still_raises():
    # a fused pass in another order of summation may stop where this one would not
    error = said(raise_not_probabilities, [[0.5, 0.5], [0.5, 0.5 + 1e-9]])
    assert "1 of 2 rows do not; first: p[1] sums to" in str(error)


@pytest.mark.parametrize(("dtype", "allowed"), [(np.float64, 1e-8), (np.float32, 1e-4)])
def test_the_tolerance_is_where_it_is_said_to_be(dtype, allowed):
    check_probabilities(np.array([0.5, 0.5 + 0.5 * allowed], dtype))
    with pytest.raises(XentValueError, match="D07"):
        check_probabilities(np.array([0.5, 0.5 + 2 * allowed], dtype))


# D10 --------------------------------------------------------------------------


def test_log_probabilities_for_probabilities(rng):
    log_p = log_softmax(rng.normal(size=(3, 4)))
    error = said(check_probabilities, log_p)
    assert "the exponentials of every row sum to one" in str(error)
    assert 'These are log-probabilities: take their exp, or pass given="log_probs"' in str(error)
    assert error.code == "D10"


@pytest.mark.parametrize(
    ("log_p", "message", "value"),
    [
        ([0.5, 0.5], "2 of 2 entries are; first: log_p[0] = 0.5. These look like prob", 0.5),
        ([3.0, -1.0], "1 of 2 entries are; first: log_p[0] = 3.0. These look like logits", 3.0),
        ([[0.0, -np.inf], [-1.0, -1.0]], "1 of 2 rows do not; first: those of log_p[1]", None),
        ([-np.inf, -np.inf], "those of log_p sum to 0.0", 0.0),
    ],
)
def test_log_probabilities_that_are_none(log_p, message, value):
    error = said(check_log_probabilities, log_p)
    assert message in str(error)
    assert error.code == "D10"
    assert value is None or error.value == value


def test_missing_log_probabilities():
    error = said(check_log_probabilities, [[0.0, -np.inf], [np.nan, 0.0]])
    assert "1 of 2 rows hold NaN" in str(error)
    assert error.index == (1, 0)


def test_a_sharp_row_does_not_widen_the_tolerance():
    # |log p| of 1e6 times the dtype's tolerance would let anything through
    said(check_log_probabilities, np.array([-0.01, -1e6], np.float32))


# D29 --------------------------------------------------------------------------


@pytest.mark.parametrize("p", [[3, 0, 7], [3.0, 0.0, 7.0], [[1, 1], [0, 2]]], ids=str)
def test_counts(p):
    error = said(check_probabilities, p, name="weights")
    assert error.code == "D29"
    assert "Are these counts? Call entropy_from_counts" in str(error)
    assert "weights[" in str(error)
