"""tanh and its slope: worst error in ulp, what a rounding error of x adds, and the edges.

The bounds are a little above the worst errors of 80,000 arguments, and are stated in
native/tanh.hpp. The reference has 50 digits.
"""

import mpmath
import numpy as np
import pytest

INF, NAN = np.inf, np.nan
BOUNDS = {"tanh": (2.4, 2.7), "tanh_slope": (3.8, 4.0)}
LOWEST = {np.float32: 52, np.float64: 373}  # where the slope becomes denormal, and 0


def sech_squared(x):
    return 1 / mpmath.cosh(x) ** 2


RIGHT = {"tanh": mpmath.tanh, "tanh_slope": sech_squared}


def arguments(dtype, count=2000):
    rng = np.random.default_rng(3)
    parts = [
        rng.uniform(-1, 1, count),
        rng.uniform(-20, 20, count),
        rng.uniform(-LOWEST[dtype], LOWEST[dtype], count),
        rng.choice([-1, 1], count) * 10 ** rng.uniform(-40, 0, count),
    ]
    return np.concatenate(parts).astype(dtype)


def worst(got, x, error, right):
    info = np.finfo(got.dtype)
    largest = 0.0
    with mpmath.workdps(50):
        for g, v, lost in zip(got.tolist(), x.tolist(), error.tolist(), strict=True):
            exact = right(mpmath.mpf(v) + mpmath.mpf(lost))
            exponent = max(int(mpmath.frexp(exact)[1]) - 1, info.minexp) if exact else info.minexp
            ulp = mpmath.ldexp(1, exponent - info.nmant)
            largest = max(largest, float(abs(mpmath.mpf(g) - exact) / ulp))
    return largest


@pytest.mark.parametrize("kind, dtype", [("float", np.float32), ("double", np.float64)])
@pytest.mark.parametrize("name", BOUNDS)
def test_worst_error(probe, name, kind, dtype):
    x = arguments(dtype)
    bound = BOUNDS[name][dtype == np.float64]
    none = np.zeros_like(x)
    found = worst(probe(f"{name}_{kind}", x, none), x, none, RIGHT[name])
    assert found <= bound
    # half an ulp of x, which a slope far out would feel as many ulp
    lost = (np.spacing(x) / 2 * np.random.default_rng(4).uniform(-1, 1, x.size)).astype(dtype)
    found = worst(probe(f"{name}_{kind}", x, lost), x, lost, RIGHT[name])
    assert found <= bound


@pytest.mark.parametrize("kind, dtype", [("float", np.float32), ("double", np.float64)])
def test_edges(probe, kind, dtype):
    huge, tiny = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    x = np.array([0, -0.0, tiny, -tiny, huge, -huge, INF, -INF, NAN], dtype)
    none = np.zeros_like(x)
    tanh = np.array([0, -0.0, tiny, -tiny, 1, -1, 1, -1, NAN], dtype)
    slope = np.array([1, 1, 1, 1, 0, 0, 0, 0, NAN], dtype)
    np.testing.assert_array_equal(probe(f"tanh_{kind}", x, none), tanh)
    np.testing.assert_array_equal(probe(f"tanh_slope_{kind}", x, none), slope)
