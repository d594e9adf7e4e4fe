"""Exact sums: the sum of doubles is right to the last bit, whatever they are."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.evaluation.exact import ONE, exact, from_text, ratio, rounded, to_text
from xent.kernels.cpu.log_loss import LogLoss

losses = st.floats(0, allow_nan=False, allow_infinity=False)
sums = st.integers(-(2**2200), 2**2200)


def kernel_sum(values, **batches):
    """The sum of losses as the kernel adds them, from log-probabilities."""
    kernel = LogLoss("log_probs", 0, tolerance=0.0)
    kernel.add([-np.array(values, dtype=np.float64)])
    return kernel.sums()["nll"]


@given(st.lists(losses, max_size=200))
def test_the_kernel_adds_without_rounding(values):
    assert Fraction(kernel_sum(values), ONE) == sum(map(Fraction, values))


@pytest.mark.parametrize(
    "value", [5e-324, 2.0**-1022, 2.0**-120, 2.0**-33, 1.0, 4096.0, 4097.0, 1e300]
)
def test_ten_thousand_equal_terms_at_every_scale(value):
    # more terms than the lanes and the limbs hold before they are moved up
    assert kernel_sum([value] * 10_000) == 10_000 * exact(value)


def test_small_terms_survive_large_ones():
    assert kernel_sum([1e300, 5e-324]) == exact(1e300) + 1


@given(sums)
def test_a_sum_is_text_and_back(total):
    assert from_text(to_text(total)) == total


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_a_sum_and_back(value):
    assert rounded(exact(value)) == value


def test_a_ratio_is_rounded_once():
    # 1/3 of a sum that no double holds
    total = exact(1e16) + exact(1.0)
    assert ratio(total, 3 * ONE) == float(Fraction(10**16 + 1, 3))
    assert np.isnan(ratio(0, 0))
    assert ratio(10**400 * ONE, ONE) == np.inf
