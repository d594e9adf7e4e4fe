# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""The numbers of a row, in float64, from what was found by reading it.

One class is set apart, E: the true class where there is one, else the arg max. With m the
maximum (or a number near it) and S the sum of exp(x_k - m) over the *other* classes,

    tau = S exp(m - x_E)    nll = log1p(tau)    p_E = 1 / (1 + tau)    1 - p_E = tau / (1 + tau)

and p_k = exp(x_k - m) * factor for the others. Nothing here subtracts nearly equal numbers.
"""

import triton
import triton.language as tl

from xent.kernels.triton._exact import difference_error, log1p

# beyond this log(tau) is the loss to the last bit; far below where the odds would overflow
FAR = tl.constexpr(600.0)


@triton.jit
def scalars(m, total, x_apart):
    """Return nll, p_E, 1 - p_E and factor, in float64, from m, S and x_E.

    m is -inf only where every other class is impossible (S = 0).
    """
    m64, apart = m.to(tl.float64), x_apart.to(tl.float64)
    d = m64 - apart
    far = d > FAR
    e = tl.exp(tl.where(far, 0.0, d))
    if m.dtype == tl.float64:
        error = difference_error(m64, apart, d)
        e = tl.where(error == error, tl.fma(e, error, e), e)
    tau = total * e
    # a +inf logit has no softmax
    tau = tl.where(apart == float("inf"), float("nan"), tau)
    above = tl.where(far, total - 1.0, tau)
    inverse = 1.0 / (1.0 + above)
    tail = log1p(above)
    nll = tl.where(far, d + tail, tail)
    p = tl.where(far, 0.0, inverse)
    not_p = tl.where(far, total, tau) * inverse
    return nll, p, not_p, e * inverse


@triton.jit
def lse_above(m, total, x_apart, nll):
    """Return lse - m, which is >= 0 where m is the maximum of the others, and lse."""
    m64, apart = m.to(tl.float64), x_apart.to(tl.float64)
    d = m64 - apart
    small = log1p((total - 1.0) + tl.exp(tl.where(d > 0, -d, 0.0)))
    above = tl.where(d > 0, small, nll - d)
    return above, tl.where(d > 0, m64 + small, apart + nll)


@triton.jit
def entropy_of(p, not_p, nll, above, factor, spread):
    """Return the entropy, from lse - m and the sum of exp(x_k - m) (m - x_k) over the others."""
    own = tl.where(p == 0, 0.0, p * nll)
    rest = tl.where(not_p == 0, 0.0, not_p * above)
    return own + rest + factor * spread
