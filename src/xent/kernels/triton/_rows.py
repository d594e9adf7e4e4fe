# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""What the softmax kernels share: where a row is, what it counts, and its scalars.

A program has ROWS rows of one group: tensors are seen as (group, class, lane), with any
strides. Class axis last: one group, the rows are its lanes. Class axis in the middle,
(N, C, d1, ...): N groups of d1 ... lanes, adjacent in memory. No layout is copied.

One class is set apart, E: the true class where there is one, else the arg max. With m the
maximum (or a number near it) and S the sum of exp(x_k - m) over the *other* classes,

    tau = S exp(m - x_E)    nll = log1p(tau)    p_E = 1 / (1 + tau)    1 - p_E = tau / (1 + tau)

and p_k = exp(x_k - m) * factor for the others. Nothing here subtracts nearly equal numbers.
"""

import triton
import triton.language as tl

from xent.kernels.triton._exact import difference_error, log1p, tanh, tanh_slope

# a bad target and its row in one number, so that the first one is found by one atomic
# minimum: 2^24 row + value, the value clipped to 23 bits and its sign
VALUE_RANGE = tl.constexpr(1 << 24)
# beyond this log(tau) is the loss to the last bit; far below where the odds would overflow
FAR = tl.constexpr(600.0)


@triton.jit
def place(lanes, blocks, ROWS: tl.constexpr, WIDE: tl.constexpr):
    """Return group, lanes, which of them exist, and their numbers among all rows."""
    program = tl.program_id(0)
    if WIDE:
        program = program.to(tl.int64)
    group = program // blocks
    lane = (program % blocks) * ROWS + tl.arange(0, ROWS)
    return group.to(tl.int64), lane, lane < lanes, group.to(tl.int64) * lanes + lane


@triton.jit
def offset_of(group, lane, group_stride, lane_stride):
    return group * group_stride + lane.to(tl.int64) * lane_stride


@triton.jit
def multiple(value, VECTOR: tl.constexpr):
    """The same number, which the compiler now knows to be a multiple of VECTOR.

    It finds that out by itself for 16 only; rows of 1000 are also 16 bytes apart.
    """
    return (value // VECTOR) * VECTOR if VECTOR > 1 else value


@triton.jit
def aligned(group_stride, class_stride, lane_stride, VECTOR: tl.constexpr, ACROSS: tl.constexpr):
    """Return strides, of which all but the one that is 1 are multiples of VECTOR."""
    if ACROSS:
        class_stride = multiple(class_stride, VECTOR)
    else:
        lane_stride = multiple(lane_stride, VECTOR)
    return multiple(group_stride, VECTOR), class_stride, lane_stride


@triton.jit
def one_thread_a_row(values, ROWS: tl.constexpr):
    """Deal a number for each row out to the threads.

    After a reduction all threads that shared a row hold its result, and would all compute its
    scalars: 16 times the float64 work for rows of 10 classes.
    """
    return tl.gather(values, tl.arange(0, ROWS), 0) if ROWS > 1 else values


@triton.jit
def read_weights(sample_weight, rows, inside):
    """Return what each row is multiplied by, and which rows count."""
    kept = inside
    w = tl.full(rows.shape, 1.0, tl.float64)
    if sample_weight is not None:
        w = tl.load(sample_weight + rows, mask=inside, other=0.0).to(tl.float64)
        kept = kept & (w != 0)
    return w, kept


@triton.jit
def read_target(target, faults, rows, kept, num_classes, ignore_index, HAS_IGNORE: tl.constexpr):
    """Return the class of each row (-1 where there is none), which rows count, which are bad.

    The first bad target, their number and the number of classes are left in `faults`; only
    a row that is wrong runs these atomics, and no result depends on them.
    """
    y = tl.load(target + rows, mask=kept, other=0)
    if HAS_IGNORE:
        kept = kept & (y != ignore_index)
    bad = kept & ((y < 0) | (y >= num_classes))
    value = tl.minimum(tl.maximum(y, -VALUE_RANGE // 2), VALUE_RANGE // 2 - 1)
    key = rows * VALUE_RANGE + (value + VALUE_RANGE // 2)
    nowhere = tl.zeros_like(rows)
    tl.atomic_min(faults + nowhere, key, mask=bad)
    tl.atomic_add(faults + 1 + nowhere, nowhere + 1, mask=bad)
    tl.store(faults + 2 + nowhere, nowhere + num_classes, mask=bad)
    return tl.where(kept & ~bad, y, -1).to(tl.int32), kept, bad


@triton.jit
def gradient_factor(weight, kept, rows, gradient_scale, row_scale):
    """Return the product of all that multiplies the gradient of a row; 0 for a skipped one."""
    if gradient_scale is not None:
        weight *= tl.load(gradient_scale).to(tl.float64)
    if row_scale is not None:
        weight *= tl.load(row_scale + rows, mask=kept, other=0.0).to(tl.float64)
    return tl.where(kept, weight, 0.0)


@triton.jit
def load_logits(pointers, mask, HALF: tl.constexpr, POLICY: tl.constexpr):
    """Return logits in the type they are computed in, -inf outside of the mask (None: all)."""
    if mask is None:
        x = tl.load(pointers, eviction_policy=POLICY)
    else:
        x = tl.load(pointers, mask=mask, other=-float("inf"), eviction_policy=POLICY)
    if HALF:
        x = x.to(tl.float32)
    return x


@triton.jit
def number(value, dtype: tl.constexpr):
    """A float64 argument in another type; the interpreter passes it as a Python float."""
    return (tl.full((), 0.0, tl.float64) + value).to(dtype)


@triton.jit
def bound(
    x, softcap, temperature, HALF: tl.constexpr, HAS_SOFTCAP: tl.constexpr,
    HAS_TEMPERATURE: tl.constexpr,
):  # fmt: skip
    """softcap tanh(x / softcap) / temperature."""
    if HAS_SOFTCAP:
        x = number(softcap, x.dtype) * tanh(x * number(1.0 / softcap, x.dtype), HALF)
    if HAS_TEMPERATURE:
        x = x * number(1.0 / temperature, x.dtype)
    return x


@triton.jit
def bound_slope(
    x, softcap, temperature, HALF: tl.constexpr, HAS_SOFTCAP: tl.constexpr,
    HAS_TEMPERATURE: tl.constexpr,
):  # fmt: skip
    """The derivative of `bound`."""
    slope = tl.full(x.shape, 1.0, x.dtype)
    if HAS_SOFTCAP:
        slope = tanh_slope(x * number(1.0 / softcap, x.dtype), HALF)
    if HAS_TEMPERATURE:
        slope = slope * number(1.0 / temperature, x.dtype)
    return slope


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
