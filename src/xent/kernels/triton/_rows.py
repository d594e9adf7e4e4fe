# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""The rows of a program: where they are, what they count, and what is written of them.

A program has ROWS rows of one group: tensors are seen as (group, class, lane), with any
strides. Class axis last: one group, the rows are its lanes. Class axis in the middle,
(N, C, d1, ...): N groups of d1 ... lanes, adjacent in memory. No layout is copied.
"""

from typing import Any, NamedTuple

import triton
import triton.language as tl

# a bad target and its row in one number, so that the first one is found by one atomic
# minimum: 2^24 row + value, the value clipped to 23 bits and its sign
VALUE_RANGE = tl.constexpr(1 << 24)


class Rows(NamedTuple):
    """The rows of a program, [ROWS] each."""

    number: Any  # among all rows
    inside: Any  # the row exists
    kept: Any  # and counts
    bad: Any  # and its target is no class


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
def one_thread_a_row(values):
    """Deal a number for each row out to the threads.

    After a reduction all threads that shared a row hold its result, and would all compute its
    scalars: 16 times the float64 work for rows of 10 classes.
    """
    ROWS: tl.constexpr = values.shape[0]
    return tl.gather(values, tl.arange(0, ROWS), 0) if ROWS > 1 else values


@triton.jit
def read_weights(sample_weight, row, inside):
    """Return what each row is multiplied by, and which rows count; row: numbers among all."""
    kept = inside
    w = tl.full(row.shape, 1.0, tl.float64)
    if sample_weight is not None:
        w = tl.load(sample_weight + row, mask=inside, other=0.0).to(tl.float64)
        kept = kept & (w != 0)
    return w, kept


@triton.jit
def times_class_weight(weight, class_weight, y):
    """Multiply what a row counts by the weight of its class y, where it has one."""
    if class_weight is not None:
        weight *= tl.load(class_weight + y, mask=y >= 0, other=1.0).to(tl.float64)
    return weight


@triton.jit
def read_target(target, faults, row, kept, num_classes, ignore_index, HAS_IGNORE: tl.constexpr):
    """Return the class of each row (-1 where there is none), which rows count, which are bad.

    The first bad target, their number and the number of classes are left in `faults`; only
    a row that is wrong runs these atomics, and no result depends on them.
    """
    y = tl.load(target + row, mask=kept, other=0)
    if HAS_IGNORE:
        kept = kept & (y != ignore_index)
    bad = kept & ((y < 0) | (y >= num_classes))
    value = tl.minimum(tl.maximum(y, -VALUE_RANGE // 2), VALUE_RANGE // 2 - 1)
    key = row * VALUE_RANGE + (value + VALUE_RANGE // 2)
    nowhere = tl.zeros_like(row)
    tl.atomic_min(faults + nowhere, key, mask=bad)
    tl.atomic_add(faults + 1 + nowhere, nowhere + 1, mask=bad)
    tl.store(faults + 2 + nowhere, nowhere + num_classes, mask=bad)
    return tl.where(kept & ~bad, y, -1).to(tl.int32), kept, bad


@triton.jit
def gradient_factor(weight, rows, gradient_scale, row_scale):
    """Return the product of all that multiplies the gradient of a row; 0 for a skipped one."""
    if gradient_scale is not None:
        weight *= tl.load(gradient_scale).to(tl.float64)
    if row_scale is not None:
        weight *= tl.load(row_scale + rows.number, mask=rows.kept, other=0.0).to(tl.float64)
    return tl.where(rows.kept, weight, 0.0)


@triton.jit
def write_row(out, value, rows):
    """Write a number for each row: 0 for one that does not count, NaN for a bad target."""
    value = tl.where(rows.bad, float("nan"), tl.where(rows.kept, value, 0.0))
    tl.store(out + rows.number, value.to(out.dtype.element_ty), mask=rows.inside)


@triton.jit
def write_statistics(
    plain, lse, entropy, hit,  # where to; None where nobody asks
    rows, loss, log_sum, uncertainty, right,
):  # fmt: skip
    """Write what is asked of each row: loss, log-sum-exp, entropy, and whether it is right."""
    if plain is not None:
        write_row(plain, loss, rows)
    if lse is not None:
        write_row(lse, log_sum, rows)
    if entropy is not None:
        write_row(entropy, uncertainty, rows)
    if hit is not None:
        # a row of NaN is right about nothing
        right = rows.kept & ~rows.bad & right & (loss == loss)
        tl.store(hit + rows.number, right.to(tl.int8), mask=rows.inside)


@triton.jit
def write_cost(nll, weight, rows, cost, counted, sample, log_sum, z_loss, HAS_Z: tl.constexpr):
    """Write what each row adds to the loss, a z-loss included, and to the weight of a mean."""
    if HAS_Z:
        cost += sample * (z_loss * log_sum * log_sum)
    write_row(nll, cost, rows)
    counted = tl.where(rows.kept, counted, 0.0)
    tl.store(weight + rows.number, counted.to(weight.dtype.element_ty), mask=rows.inside)
