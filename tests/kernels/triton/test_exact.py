"""The elementary functions of the kernels against 50 digits, in ulp."""

import numpy as np
import pytest
import torch
import triton
import triton.language as tl
from accuracy.losses_in_50_digits import in_50_digits, mp, ulps

from xent.kernels.triton import _exact

FUNCTIONS = {
    "exp": lambda x: mp.exp(x),
    "log1p": lambda x: mp.log1p(x),
    "tanh": lambda x: mp.tanh(x),
    "tanh_slope": lambda x: mp.sech(x) ** 2,
}


@triton.jit
def apply(x, out, n, NAME: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    value = tl.load(x + i, mask=i < n, other=0.0)
    if NAME == "exp":
        value = _exact.exp_difference(value, tl.zeros_like(value), HALF)
    elif NAME == "log1p":
        value = _exact.log1p(value) if value.dtype == tl.float64 else _exact.log1p_unit(value)
    elif NAME == "tanh":
        value = _exact.tanh(value, HALF)
    else:
        value = _exact.tanh_slope(value, HALF)
    tl.store(out + i, value, mask=i < n)


def computed(name, x, device, half=False):
    x = torch.tensor(x, device=device)
    out = torch.empty_like(x)
    block = triton.next_power_of_2(len(x))
    apply[(1,)](x, out, len(x), NAME=name, HALF=half, BLOCK=block, enable_fp_fusion=True)
    return out.cpu().numpy()


def worst(name, x, device, half=False):
    exact = np.frompyfunc(FUNCTIONS[name], 1, 1)(in_50_digits(x.astype(np.float64)))
    return ulps(computed(name, x, device, half), exact)


@pytest.mark.parametrize(
    ("name", "dtype", "low", "high", "bound"),
    [
        ("exp", np.float32, -103, 71, 1.3),  # denormal results included
        ("exp", np.float64, -700, 0, 1.5),
        ("log1p", np.float32, 0, 1, 1.5),
        ("log1p", np.float64, 0, 50, 1.5),
        ("tanh", np.float32, -12, 12, 2.5),
        ("tanh", np.float64, -25, 25, 4),
        # 2 |x| is exact, its exponential 1.3, two sums of 1 ulp in all, a quotient of up to 2
        ("tanh_slope", np.float32, -40, 40, 6),
    ],
)
def test_errors_in_ulp(rng, device, name, dtype, low, high, bound):
    near_0 = 10.0 ** rng.uniform(-12, 0, 300) * (high if low == 0 else min(high, -low))
    x = np.concatenate([rng.uniform(low, high, 700), near_0 if high > 0 else -near_0])
    assert worst(name, x.astype(dtype), device) <= bound


def test_the_part_of_the_exponent_that_rounding_lost_is_put_back(rng, device):
    # 0.5 or, on a GPU, 2 ulp of ex2, and half an ulp of the product with what was put back
    bound = 1.5 if device.type == "cpu" else 3.0
    assert worst("exp", rng.uniform(-86, 0, 1000).astype(np.float32), device, half=True) <= bound


@pytest.mark.parametrize("half", [False, True])
def test_exp_at_its_ends(device, half):
    x = np.array([-np.inf, -1e30, -150.0, 0.0, np.nan], np.float32)
    result = computed("exp", x, device, half)
    np.testing.assert_array_equal(result, [0, 0, 0, 1, np.nan])


def test_tanh_at_its_ends(device):
    for dtype in (np.float32, np.float64):
        x = np.array([-np.inf, -0.0, 0.0, np.inf, np.nan], dtype)
        np.testing.assert_array_equal(computed("tanh", x, device), [-1, 0, 0, 1, np.nan])
        slope = computed("tanh_slope", x, device)
        np.testing.assert_allclose(slope, [0, 1, 1, 0, np.nan], rtol=5e-7)
