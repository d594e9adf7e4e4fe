# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Elementary functions for Triton kernels, with no subtraction of nearly equal numbers.

The hardware's own exp is ex2.approx(x log2 e): rounding that product costs half an ulp of the
result for each nat of x, on top of the 2 ulp of ex2 itself. `exp_element` and `exp_difference`
do better in one of two ways, for arguments up to 71:

half precision rows   ex2.approx of the rounded product, and the part that was rounded away
                      put back: 5 instructions and one of the special function unit
float32 rows          Cody and Waite's reduction and the polynomial of native/vector_math.hpp
                      (1.1 ulp): 17 instructions, none of the special function unit
float64 rows          the library's exp (1 ulp)

An H200 has 31 instruction slots for each bfloat16 logit that is read and whose gradient is
written at 4.3 TB/s, 62 for a float32 logit (132 processors, 128 lanes, 1.98 GHz); an H100, at
3.0 TB/s, 44 and 89. Counted in the machine code of the two passes of _class_long.py (triton
3.6): 30 for bfloat16 and 70 for float32, of which the exact exponentials are 4 and 42. With a
soft cap it is 81 for bfloat16: there the tanh is the limit, and not the memory.

Sums and the scalars of a row are float64: conversions and additions in it use units that are
idle otherwise.
"""

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)
# the float32 next to log 2, and what is left of log 2
LN2 = tl.constexpr(0.693147182464599609375)
LN2_REST = tl.constexpr(-1.904654299957767878e-9)
# log 2 in two parts, the first with so few bits that n times it is exact
LN2_HIGH = tl.constexpr(0.693145751953125)
LN2_LOW = tl.constexpr(1.42860682030941723e-6)
# adding it rounds to an integer n, and leaves n + 24 + 127 in the low bits: the exponent of
# 2^(n + 24), which is a normal float32 for every n whose 2^n is not 0 in float32
MAGIC = tl.constexpr(12583063.0)
UNLIFT = tl.constexpr(5.9604644775390625e-08)  # 2^-24
LOWEST = tl.constexpr(-104.0)  # exp of less rounds to 0
HIGHEST = tl.constexpr(71.0)


@triton.jit
def number(value, dtype: tl.constexpr):
    """A float64 argument in another type; the interpreter passes it as a Python float."""
    return (tl.full((), 0.0, tl.float64) + value).to(dtype)


@triton.jit
def difference_error(a, b, difference):
    """What rounding lost: a - b = difference + error exactly (Knuth's two-sum)."""
    a_part = difference + b
    b_part = a_part - difference
    return (a - a_part) - (b - b_part)


@triton.jit
def _pair_sum(a, a_lost, b, b_lost):
    total = a + b
    error = difference_error(a, -b, total)
    # an infinite sum has lost nothing
    return total, tl.where(total - total == 0, a_lost + b_lost + error, 0.0)


@triton.jit
def row_sum(terms, lost):
    """Sum over axis 1, in float64; float64 terms carry what each addition loses.

    lost: what was lost in making float64 terms, or None.
    """
    if terms.dtype == tl.float64:
        if lost is None:
            lost = tl.zeros_like(terms)
        total, lost = tl.reduce((terms, lost), 1, _pair_sum)
        return total + lost
    else:
        return tl.sum(terms.to(tl.float64), axis=1)


@triton.jit
def exp_float(x, error):
    """exp(x + error) of float32 x <= 71, where error is a rounding error of x."""
    error = tl.where(x > LOWEST, error, 0.0)
    x = tl.maximum(x, LOWEST, propagate_nan=tl.PropagateNan.ALL)
    x = tl.minimum(x, HIGHEST, propagate_nan=tl.PropagateNan.ALL)
    shifted = tl.fma(x, LOG2_E, MAGIC)
    n = shifted - MAGIC
    r = ((x - n * LN2_HIGH) - n * LN2_LOW) + error
    tail = tl.fma(tl.fma(r, 1.392625083e-3, 8.363232884e-3), r, 4.166655421e-2)
    tail = tl.fma(tl.fma(tail, r, 1.666657667e-1), r, 0.5)
    mantissa = 1.0 + tl.fma(r * r, tail, r)
    scale = (shifted.to(tl.int32, bitcast=True) << 23).to(tl.float32, bitcast=True)
    # the second product rounds, where the result is denormal
    return (mantissa * scale) * UNLIFT


@triton.jit
def exp_hardware(x):
    """exp(x) of float32 x: 2 ulp for ex2 and half an ulp for the last step."""
    x = tl.maximum(x, -200.0, propagate_nan=tl.PropagateNan.ALL)
    power = x * LOG2_E
    rest = tl.fma(power, -LN2_REST, tl.fma(power, -LN2, x))
    e = tl.exp2(power)
    return tl.fma(e, rest, e)


@triton.jit
def exp_element(x, HALF: tl.constexpr):
    """exp(x) in the type of x <= 71. HALF: x came from half precision."""
    if x.dtype == tl.float64:
        return tl.exp(x)
    elif HALF:
        return exp_hardware(x)
    else:
        return exp_float(x, 0.0)


@triton.jit
def exp_difference(x, m, HALF: tl.constexpr):
    """exp(x - m) in the type of x. m is finite, x - m at most 71; x may be -inf or NaN.

    HALF: x came from half precision, so that half an ulp for each nat does not matter.
    """
    d = x - m
    if x.dtype == tl.float64:
        e = tl.exp(d)
        return tl.where(d > -745.0, tl.fma(e, difference_error(x, m, d), e), e)
    elif HALF:
        return exp_hardware(d)
    else:
        return exp_float(d, difference_error(x, m, d))


@triton.jit
def log1p(x):
    """log(1 + x) of float64 x >= 0, with full relative precision."""
    u = 1.0 + x
    return tl.log(u) + (x - (u - 1.0)) / u


@triton.jit
def log1p_unit(e):
    """log(1 + e) for 0 <= e <= 1: float32 without reduction (1.3 ulp)."""
    if e.dtype == tl.float64:
        return log1p(e)
    else:
        s = e / (2.0 + e)
        half_square = 0.5 * e * e
        z = s * s
        tail = tl.fma(tl.fma(z, 2.323025561e-1, 2.170542707e-1), z, 2.859242607e-1)
        tail = tl.fma(tl.fma(tail, z, 3.999970508e-1), z, 6.666666732e-1)
        return e - (half_square - s * (half_square + z * tail))


@triton.jit
def _decay(x, HALF: tl.constexpr):
    """e = exp(-2 |x|) and 1 / (1 + e), of float32 x."""
    e = exp_element(-2.0 * tl.abs(x), HALF)
    # a reciprocal of one instruction; a division has eight
    root = tl.rsqrt(1.0 + e)
    return e, root * root


@triton.jit
def tanh(x, HALF: tl.constexpr):
    """tanh(x), without cancellation near 0."""
    a = tl.abs(x)
    if x.dtype == tl.float64:
        a = tl.minimum(a, 40.0, propagate_nan=tl.PropagateNan.ALL)
        e = tl.exp(-2.0 * a)
        # Kahan's expm1: the error of e cancels that of its logarithm
        log_e = tl.where(e == 1.0, 1.0, tl.log(e))
        t = tl.where(e == 1.0, a, (1.0 - e) * (-2.0 * a) / log_e / (1.0 + e))
    else:
        z = a * a  # Cephes, below 0.625
        series = tl.fma(tl.fma(z, -5.70498872745e-3, 2.06390887954e-2), z, -5.37397155531e-2)
        series = tl.fma(tl.fma(series, z, 1.33314422036e-1), z, -3.33332819422e-1)
        e, inverse = _decay(x, HALF)
        t = tl.where(a < 0.625, tl.fma(series, z * a, a), 1.0 - 2.0 * e * inverse)
    return tl.where(x < 0, -t, t)


@triton.jit
def tanh_slope(x, HALF: tl.constexpr):
    """1 - tanh(x)^2, as 4 e / (1 + e)^2 with e = exp(-2 |x|)."""
    if x.dtype == tl.float64:
        e = tl.exp(-2.0 * tl.abs(x))
        return 4.0 * e / ((1.0 + e) * (1.0 + e))
    else:
        e, inverse = _decay(x, HALF)
        return 4.0 * e * inverse * inverse
