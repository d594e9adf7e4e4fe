"""exp, log, log1p and exp of a difference: worst error in ulp, and the edges.

The bounds are the worst errors found, rounded up to a tenth of an ulp, and are stated in
native/vector_math.hpp. References: float64 for float32, where it adds 1e-8 ulp, and long
double for float64, where it adds 0.001 ulp; 50 digits where long double is no longer.
"""

import mpmath
import numpy as np
import pytest

LONG = np.longdouble
LONG_IS_LONGER = np.finfo(LONG).nmant >= 63
INF, NAN = np.inf, np.nan

# function -> worst error in ulp: float32, float64
BOUNDS = {
    "exp": (1.1, 0.8),
    "exp_difference": (1.3, 0.8),
    "log": (0.9, 0.9),
    "log1p_positive": (0.9, 0.9),
    "log1p_unit": (1.3, 0.9),
}
TYPES = {"float": (np.float32, 0), "double": (np.float64, 1)}


def spread(low, high, dtype, count=1_000_000):
    """Return numbers of `dtype` spread evenly over the bit patterns from low to high."""
    ints = np.int32 if dtype == np.float32 else np.int64
    first, last = (int(np.array(end, dtype).view(ints)) for end in (low, high))
    rng = np.random.default_rng(12)
    ends = np.array([first, last, first + 1, last - 1], ints)
    return np.concatenate([rng.integers(first, last, count, ints), ends]).view(dtype)


def arguments(name, dtype):
    info = np.finfo(dtype)
    tiny, large = info.smallest_subnormal, info.max
    if name == "exp":
        lowest, highest = (-104, 88.7) if dtype == np.float32 else (-746, 709.7)
        uniform = np.random.default_rng(1).uniform(lowest, highest, 1_000_000).astype(dtype)
        small = spread(tiny, 1, dtype, 100_000)
        return np.concatenate([uniform, small, -small])
    if name == "log":
        return np.concatenate([spread(tiny, large, dtype), spread(0.5, 2, dtype)])
    if name == "log1p_positive":
        return np.concatenate([[dtype(0)], spread(tiny, large, dtype), spread(2**-20, 4, dtype)])
    return np.concatenate([[dtype(0)], spread(tiny, 1, dtype), spread(2**-20, 1, dtype)])


def ulps(got, reference):
    """Return the worst error of `got` in units in the last place of the right result."""
    rounded = np.abs(reference).astype(got.dtype)
    worst = np.abs(got.astype(reference.dtype) - reference) / np.spacing(rounded)
    return float(np.max(worst))


def wide(dtype):
    return np.float64 if dtype == np.float32 else LONG


FUNCTIONS = {
    "exp": (np.exp, mpmath.exp),
    "log": (np.log, mpmath.log),
    "log1p_positive": (np.log1p, mpmath.log1p),
    "log1p_unit": (np.log1p, mpmath.log1p),
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_worst_error(probe, name, kind):
    dtype, column = TYPES[kind]
    x = arguments(name, dtype)
    if dtype == np.float64 and not LONG_IS_LONGER:
        pytest.skip("long double is no longer than double; the test of 50 digits holds")
    with np.errstate(under="ignore"):
        reference = FUNCTIONS[name][0](x.astype(wide(dtype)))
    assert ulps(probe(f"{name}_{kind}", x), reference) <= BOUNDS[name][column]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_double_against_50_digits(probe, name):
    x = np.random.default_rng(5).choice(arguments(name, np.float64), 2000)
    got = probe(f"{name}_double", x)
    with mpmath.workdps(50):
        for value, result in zip(x.tolist(), got.tolist(), strict=True):
            right = FUNCTIONS[name][1](mpmath.mpf(value))
            ulp = float(np.spacing(abs(float(right))))
            assert abs(mpmath.mpf(result) - right) <= BOUNDS[name][1] * ulp, value


@pytest.mark.parametrize("kind", TYPES)
def test_worst_error_of_exp_of_a_difference(probe, kind):
    # the rounding error of x - m is part of the argument: a plain exp(x - m) fails this
    dtype, column = TYPES[kind]
    if dtype == np.float64 and not LONG_IS_LONGER:
        pytest.skip("needs a long double longer than double")
    rng = np.random.default_rng(8)
    depth = 104 if dtype == np.float32 else 746
    m = np.concatenate([rng.normal(0, scale, 200_000) for scale in (1e-3, 1, 30, 1e4)])
    x = m - rng.uniform(0, depth, m.size) ** rng.choice([1, 0.1, 0.5], m.size)
    x, m = x.astype(dtype), m.astype(dtype)
    x, m = np.minimum(x, m), np.maximum(x, m)
    difference = x - m
    back = difference + m
    lost = (x - back) + ((back - difference) - m)  # two-sum of x and -m
    lost = lost.astype(wide(dtype))
    with np.errstate(under="ignore"):
        reference = np.exp(difference.astype(wide(dtype))) * (1 + lost)
        plain = np.exp(difference)
    assert (
        ulps(probe(f"exp_difference_{kind}", x, m), reference) <= BOUNDS["exp_difference"][column]
    )
    assert ulps(plain, reference) > 2 * BOUNDS["exp_difference"][column]


@pytest.mark.parametrize("kind", TYPES)
def test_edges(probe, kind):
    dtype, _ = TYPES[kind]
    huge, tiny = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal

    def check(name, pairs):
        x, y = np.array(pairs, dtype).T
        np.testing.assert_array_equal(probe(f"{name}_{kind}", x), y)

    check("exp", [(0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (huge, INF), (-huge, 0), (NAN, NAN)])
    check(
        "log", [(1, 0), (0, -INF), (-0.0, -INF), (INF, INF), (-tiny, NAN), (-INF, NAN), (NAN, NAN)]
    )
    check("log1p_positive", [(0, 0), (tiny, tiny), (INF, INF), (NAN, NAN)])
    check("log1p_unit", [(0, 0), (tiny, tiny), (NAN, NAN)])
    x = np.array([-INF, 3, NAN, -huge], dtype)
    m = np.array([0, 3, 1, huge], dtype)
    y = np.array([0, 1, NAN, 0], dtype)
    np.testing.assert_array_equal(probe(f"exp_difference_{kind}", x, m), y)


@pytest.mark.parametrize("name", ["exp", "log", "log1p_positive", "log1p_unit", "exp_difference"])
@pytest.mark.parametrize("kind", TYPES)
def test_a_nan_of_any_bits_stays_nan(probe, kind, name):
    # loops that put an exponent together from bits must not add to those of a NaN
    dtype, _ = TYPES[kind]
    ints = np.uint32 if dtype == np.float32 else np.uint64
    quiet = np.array(NAN, dtype).view(ints)
    random = np.random.default_rng(3).integers(2**22, size=5000)
    positive = quiet | np.concatenate([np.arange(5000), random]).astype(ints)
    x = np.concatenate([positive, positive | ints(1 << (8 * quiet.itemsize - 1))]).view(dtype)
    assert np.isnan(x).all()
    arrays = (x, np.ones_like(x)) if name == "exp_difference" else (x,)
    assert np.isnan(probe(f"{name}_{kind}", *arrays)).all()


@pytest.mark.parametrize("kind", TYPES)
def test_exp_at_both_ends_of_the_range(probe, kind):
    # the neighbours of where it overflows, and of where it rounds to zero
    dtype, _ = TYPES[kind]
    info = np.finfo(dtype)
    overflow = dtype(np.log(wide(dtype)(info.max)))
    vanish = dtype(np.log(wide(dtype)(info.smallest_subnormal) / 2))
    ends = np.array([overflow, vanish], dtype)
    steps = np.arange(-3, 4)
    ints = np.int32 if dtype == np.float32 else np.int64
    x = (ends.view(ints)[:, None] + steps.astype(ints)).view(dtype).ravel()
    if dtype == np.float64 and not LONG_IS_LONGER:
        pytest.skip("needs a long double longer than double")
    with np.errstate(over="ignore", under="ignore"):
        right = np.exp(x.astype(wide(dtype)))
        rounded = right.astype(dtype)
        got = probe(f"exp_{kind}", x)
    assert np.array_equal(np.isinf(got), np.isinf(rounded))
    finite = np.isfinite(rounded)
    assert ulps(got[finite], right[finite]) <= 1
