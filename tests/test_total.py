"""`Total`: sums that merge, and a mean that is taken once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xent
from xent import Total, merge
from xent.errors import XentTypeError

# multiples of 1/4 add exactly, so equality below is exact
quarters = st.integers(0, 2**40).map(lambda n: n / 4)
totals = st.builds(Total, quarters, quarters, st.integers(1, 2**40))


@given(totals, totals, totals)
def test_merging_is_a_commutative_monoid(a, b, c):
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Total() == Total() + a == a
    assert merge([a, b, c]) == sum([a, b, c], Total())


def test_the_mean_of_a_merged_total_is_no_mean_of_means():
    assert merge([Total(1800.0, 900.0, 900), Total(600.0, 100.0, 100)]).mean() == 2.4


def test_the_mean_of_nothing_is_nan():
    assert math.isnan(Total().mean())


def test_another_denominator_may_be_given():
    assert Total(6.0, 2.0, 2).mean(over=12) == 0.5


def test_units_convert_and_do_not_mix():
    in_bits = Total(math.log(2), 1.0, 1).to("bit")
    assert in_bits.sum == pytest.approx(1.0, rel=1e-15)
    assert in_bits.to("nat").sum == pytest.approx(math.log(2), rel=1e-15)
    with pytest.raises(xent.errors.MergeError, match=r"D30: .*'nat' and 'bit'.*\.to\('nat'\)"):
        Total(1.0, 1.0, 1) + in_bits
    assert Total() + in_bits == in_bits + Total() == in_bits


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match=r"unit must be one of .*'nat'.* got 'dit'"):
        Total(unit="dit")


def test_only_totals_are_added():
    with pytest.raises(TypeError):
        Total() + 1


def test_merging_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one total"):
        merge([])


@pytest.mark.parametrize("cut", [0, 1, 30, 64])
def test_parts_of_any_size_give_the_mean_of_the_whole(rng, cut):
    # multiples of 1/4 as squared errors: all sums are exact
    prediction, target = rng.integers(-8, 8, (2, 64)) / 1.0
    whole = xent.half_squared_error(prediction, target)
    parts = [
        xent.half_squared_error(prediction[a], target[a], reduction="total")
        for a in (slice(cut), slice(cut, None))
    ]
    assert merge(parts).mean() == whole
    assert merge(parts).count == 64


def test_a_torch_sum_keeps_its_type_and_its_gradient():
    torch = pytest.importorskip("torch")
    x = torch.tensor(3.0, requires_grad=True)
    (Total(x, 2.0, 2) + Total(x * x, 4.0, 4)).mean().backward()
    assert x.grad == pytest.approx((1 + 2 * 3) / 6)


def test_numpy_scalars_are_kept():
    assert isinstance((Total(np.float64(1), 1, 1) + Total(np.float64(2), 1, 1)).sum, np.float64)


@pytest.mark.parametrize("part", [0.5, 1, np.float32(0.5), np.ones(2)])
def test_means_are_not_merged(part):
    total = Total(2.0, 1.0, 1)
    with pytest.raises(XentTypeError, match=r'first at parts\[1\].*reduction="total"'):
        merge([total, part])
    with pytest.raises(XentTypeError, match="parts must be a list of totals, got"):
        merge(part if np.ndim(part) == 0 else total)


def test_the_built_in_sum_adds_totals():
    parts = [Total(1800.0, 900.0, 900), Total(600.0, 100.0, 100)]
    assert sum(parts) == parts[0] + parts[1]
    assert sum([], Total()) == Total()
    with pytest.raises(TypeError):
        1 + parts[0]
    with pytest.raises(TypeError):
        0.0 + parts[0]
