"""Half-precision numbers are read exactly and written to the nearest, ties to even."""

import numpy as np
import pytest

ALL = np.arange(65536, dtype=np.uint16)


def bits(x):
    return np.ascontiguousarray(x, np.float32).view(np.uint32)


def bfloat16_as_float(pattern):
    return (pattern.astype(np.uint32) << 16).view(np.float32)


def is_nan(pattern, exponent, mantissa):
    return ((pattern & exponent) == exponent) & ((pattern & mantissa) != 0)


def test_every_half_is_read_as_numpy_reads_it(probe):
    got = probe("load_half", ALL, dtype=np.float32)
    right = ALL.view(np.float16).astype(np.float32)
    nan = np.isnan(right)
    np.testing.assert_array_equal(np.isnan(got), nan)
    np.testing.assert_array_equal(bits(got[~nan]), bits(right[~nan]))


def test_every_bfloat16_is_the_upper_half_of_a_float(probe):
    got = probe("load_bfloat16", ALL, dtype=np.float32)
    np.testing.assert_array_equal(bits(got), ALL.astype(np.uint32) << 16)


@pytest.mark.parametrize("name, exponent, mantissa", [
    ("half", 0x7C00, 0x03FF),
    ("bfloat16", 0x7F80, 0x007F),
])  # fmt: skip
def test_every_pattern_survives_the_way_there_and_back(probe, name, exponent, mantissa):
    there = probe(f"load_{name}", ALL, dtype=np.float32)
    back = probe(f"store_{name}", there, dtype=np.uint16)
    nan = is_nan(ALL, exponent, mantissa)
    np.testing.assert_array_equal(back[~nan], ALL[~nan])
    assert is_nan(back[nan], exponent, mantissa).all()
    np.testing.assert_array_equal(back[nan] >> 15, ALL[nan] >> 15)


def around(values):
    """Return values, the ties between them, and the floats next to each."""
    values = values[np.isfinite(values)].astype(np.float64)
    values = np.unique(values)
    ties = (values[1:] + values[:-1]) / 2
    exact = np.concatenate([values, ties]).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate([exact, np.nextafter(exact, np.inf), np.nextafter(exact, -np.inf)])


def floats():
    """Return a dense sample of all floats: infinities, NaN and denormals included."""
    rng = np.random.default_rng(3)
    pattern = rng.integers(0, 2**32, 2_000_000, np.uint64).astype(np.uint32)
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 65519.996, 65520.0, -65520.0, 1e30, 3.4028235e38]
    return np.concatenate([pattern.view(np.float32), np.array(edges, np.float32)])


def test_floats_round_to_the_half_that_numpy_chooses(probe):
    x = np.concatenate([floats(), around(ALL.view(np.float16))])
    got = probe("store_half", x, dtype=np.uint16).view(np.float16)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        right = x.astype(np.float16)
    nan = np.isnan(x)
    assert nan.any()
    assert np.isnan(got[nan]).all()
    np.testing.assert_array_equal(got[~nan].view(np.uint16), right[~nan].view(np.uint16))


def test_floats_round_to_the_nearest_bfloat16(probe):
    neighbours = bfloat16_as_float(ALL)
    x = np.concatenate([floats(), around(neighbours)])
    infinite = x[np.isinf(x)]
    assert infinite.size
    np.testing.assert_array_equal(
        probe("store_bfloat16", infinite, dtype=np.uint16), bits(infinite) >> 16
    )
    x = x[np.isfinite(x)]
    # the two bfloat16 around x in magnitude; the one above may be infinity, which stands for
    # 2^128, the number that a longer exponent would have there
    below = (bits(x) >> 16).astype(np.uint16)
    magnitude = np.abs(x.astype(np.float64))
    low = np.abs(bfloat16_as_float(below).astype(np.float64))
    high = np.abs(bfloat16_as_float(below + np.uint16(1)).astype(np.float64))
    high[np.isinf(high)] = 2.0**128
    up = magnitude - low > high - magnitude
    tie = magnitude - low == high - magnitude
    right = np.where(up | (tie & (below % 2 == 1)), below + 1, below).astype(np.uint16)
    np.testing.assert_array_equal(probe("store_bfloat16", x, dtype=np.uint16), right)


def test_nan_stays_nan_whatever_its_payload(probe):
    payloads = np.array([0x7F800001, 0x7FBFFFFF, 0x7FC00000, 0x7FFFFFFF, 0xFF800001], np.uint32)
    x = payloads.view(np.float32)
    assert np.isnan(probe("store_half", x, dtype=np.uint16).view(np.float16)).all()
    assert np.isnan(bfloat16_as_float(probe("store_bfloat16", x, dtype=np.uint16))).all()
