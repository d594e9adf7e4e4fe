# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Rows of class targets that are walked in blocks: read twice, the second time from the L2.

The first pass sums exp(x - r) with one reference r for the whole row, the maximum of its
last block, so that it needs no running maximum and no rescaling: lanes add up by
themselves, with no exchange between them and no error of a rescaling. Where r was so far
from the maximum that the sum left the safe range, the row is walked again with its maximum.
The last block is the only one that may end early: the others are read without a mask.

The second pass writes the gradient, from the end of the row to its beginning: what was read
last is the most likely to be in the cache still. It refers to r + log(S) instead of r, which
lies just above the maximum.
"""

import triton
import triton.language as tl

from xent.kernels.triton._blocks import (
    GROUP,
    Logits,
    add_block,
    add_lanes,
    block_mask,
    bound,
    class_stride,
    limited,
    load_logits,
    read_block,
    without,
    write_block,
)
from xent.kernels.triton._class_rows import any_ahead, count_rows, finish_rows, hush
from xent.kernels.triton._exact import LOG2_E, exp_difference
from xent.kernels.triton._rows import (
    Rows,
    aligned,
    multiple,
    offset_of,
    place,
    read_target,
    read_weights,
)

# a sum between these had terms that were neither cut off at exp(71) nor denormal
HIGH, LOW = tl.constexpr(2.0**100), tl.constexpr(2.0**-60)


@triton.jit
def read_class(seen, y, HALF: tl.constexpr):
    """Return the logit of each row's class as bounded, 0 where it has none."""
    found = seen.kept & (y >= 0)
    at_y = y.to(tl.int64)
    x = load_logits(seen.first + at_y * seen.stride, found, HALF, "")
    x = bound(x, seen.softcap, seen.temperature, HALF)
    if seen.allowed is not None:
        chosen = tl.load(seen.allowed + at_y * seen.allowed_stride, mask=found, other=0)
        x = tl.where(chosen != 0, x, -float("inf"))
    return tl.where(found, x, 0.0)


@triton.jit
def add_terms(
    sums, lost, spread, spread_lost, x, cols, y, shift, HALF: tl.constexpr,
    ADJACENT: tl.constexpr, SPREAD: tl.constexpr,
):  # fmt: skip
    """Add exp(x_j - shift), and that times shift - x_j, over j != y."""
    x = without(x, cols, y)
    e = exp_difference(x, shift[:, None], HALF)
    sums, lost = add_block(sums, lost, e, ADJACENT)
    if SPREAD:
        distance = limited(shift[:, None] - x)
        spread, spread_lost = add_block(spread, spread_lost, e * distance, ADJACENT)
    return sums, lost, spread, spread_lost


@triton.jit
def sum_others(
    seen, y, shift, end, last, whole, full, BLOCK_C: tl.constexpr, HALF: tl.constexpr,
    ACROSS: tl.constexpr, STAGES: tl.constexpr, ADJACENT: tl.constexpr, SPREAD: tl.constexpr,
):  # fmt: skip
    """Return both sums over the row: of its last block `end`, as it was read, and the others."""
    EXACT: tl.constexpr = shift.dtype == tl.float64
    LANES: tl.constexpr = BLOCK_C if EXACT else BLOCK_C // GROUP
    sums = tl.zeros((shift.shape[0], LANES), tl.float64)
    lost, spread, spread_lost = sums, sums, sums
    sums, lost, spread, spread_lost = add_terms(
        sums, lost, spread, spread_lost, end, last + tl.arange(0, BLOCK_C), y, shift, HALF,
        ADJACENT, SPREAD,
    )  # fmt: skip
    for start in tl.range(0, full, BLOCK_C, num_stages=STAGES):
        cols = start + tl.arange(0, BLOCK_C)
        _, x, _ = read_block(seen, cols, whole, HALF, ACROSS, "evict_last")
        sums, lost, spread, spread_lost = add_terms(
            sums, lost, spread, spread_lost, x, cols, y, shift, HALF, ADJACENT, SPREAD
        )  # fmt: skip
    return add_lanes(sums, lost, EXACT), add_lanes(spread, spread_lost, EXACT)


@triton.jit
def refer_to_sum(m, total, shift):
    """Refer to shift + log(S), rounded down, instead of shift: return m, S and shift.

    Then S is 1 and something, and every exponential of the second pass at most 1.
    """
    shift64 = shift.to(tl.float64)
    log_total = tl.log(total)
    moved = shift64 + log_total
    moved = (moved - (tl.abs(moved) + 1.0) * (2.0**-22)).to(shift.dtype)
    # NaN and a row without other classes stay as they are
    finite = tl.abs(log_total) < float("inf")
    m = tl.where(finite, moved, m)
    total = tl.where(finite, total * tl.exp(shift64 - moved.to(tl.float64)), total)
    return m, total, tl.where(finite, moved, shift)


@triton.jit
def write_class_block(
    gradient, stride, seen, cols, raw, x, chosen, y, at_y, by, shift, silent, mask,
    HALF: tl.constexpr,
):  # fmt: skip
    """Write `at_y` at each row's class, and exp(x_j - shift) `by` at the others."""
    shift = shift[:, None]
    # in a gradient of 16 bits the rounding of the exponent does not show
    NARROW: tl.constexpr = gradient.dtype.element_ty.primitive_bitwidth == 16
    e = tl.exp2((x - shift) * LOG2_E) if NARROW else exp_difference(x, shift, HALF)
    g = tl.where(cols[None, :] == y[:, None], at_y[:, None], e * by[:, None])
    g, raw = hush(g, raw, silent)
    write_block(gradient, stride, seen, cols, raw, chosen, g, mask, HALF, "evict_first")


@triton.jit
def class_long_kernel(
    logits,  # (group, class, lane)
    target,  # [rows] int64
    class_weight,  # [C] or None
    sample_weight,  # [rows] or None
    class_mask,  # (group, class, lane) uint8 or None
    row_scale,  # [rows] or None
    gradient_scale,  # [1] or None
    nll,  # [rows] out
    weight,  # [rows] out
    gradient,  # (group, class, lane) out, or None; may be the logits; may be narrower
    plain,  # [rows] out, or None: before any weight
    lse,  # [rows] out, or None
    entropy,  # [rows] out, or None
    hit,  # [rows] uint8 out, or None
    faults,  # [3] int64
    lanes,
    blocks,
    num_classes,
    x_group,
    x_class,
    x_lane,  # strides
    mask_group,
    mask_class,
    mask_lane,
    grad_group,
    grad_class,
    grad_lane,
    ignore_index,
    z_loss: tl.float64,
    softcap: tl.float64,
    temperature: tl.float64,
    ROWS: tl.constexpr,
    BLOCK_C: tl.constexpr,
    HALF: tl.constexpr,
    WIDE: tl.constexpr,
    VECTOR: tl.constexpr,  # strides and what is adjacent are multiples of it
    ACROSS: tl.constexpr,  # lanes are adjacent, not classes
    HAS_IGNORE: tl.constexpr,
    HAS_Z: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_TEMPERATURE: tl.constexpr,
    ADJACENT: tl.constexpr,  # classes that a thread loads at once
    STAGES: tl.constexpr,  # blocks that are on their way while one is computed
):
    x_group, x_class, x_lane = aligned(x_group, x_class, x_lane, VECTOR, ACROSS)
    grad_group, grad_class, grad_lane = aligned(grad_group, grad_class, grad_lane, VECTOR, ACROSS)
    if ACROSS:
        lanes = multiple(lanes, VECTOR)
    else:
        num_classes = multiple(num_classes, VECTOR)
    group, lane, inside, row = place(lanes, blocks, ROWS, WIDE)
    sample, kept = read_weights(sample_weight, row, inside)
    y, kept, bad = read_target(target, faults, row, kept, num_classes, ignore_index, HAS_IGNORE)
    counted, kept, y = count_rows(sample, class_weight, y, kept, HAS_Z, hit is not None)
    silent = None
    if class_weight is not None and not HAS_Z and hit is not None:
        silent = kept & (counted == 0)
    rows = Rows(row, inside, kept, bad)

    allowed = None
    if class_mask is not None:
        allowed = class_mask + offset_of(group, lane, mask_group, mask_lane)
    seen = Logits(
        logits + offset_of(group, lane, x_group, x_lane), class_stride(x_class, WIDE),
        allowed, class_stride(mask_class, WIDE), kept,
        softcap if HAS_SOFTCAP else None, temperature if HAS_TEMPERATURE else None,
    )  # fmt: skip
    # read before anything is written: the gradient may be where the logits are
    x_y = read_class(seen, y, HALF)

    # whole blocks, of which a skipped row has none, and the last one
    last = (num_classes - 1) // BLOCK_C * BLOCK_C
    full = tl.where(tl.max(kept.to(tl.int32), axis=0) > 0, last, 0)
    whole = None if ROWS == 1 else (inside if ACROSS else kept)[:, None]
    end_cols = last + tl.arange(0, BLOCK_C)
    at_end = block_mask(end_cols, num_classes, inside, kept, ACROSS)
    _, end, _ = read_block(seen, end_cols, at_end, HALF, ACROSS, "evict_last")
    m = tl.max(without(end, end_cols, y), axis=1)
    beaten = any_ahead(end, end_cols, x_y, y)
    # float64 rows have no digits to spare for another reference than their maximum
    EXACT: tl.constexpr = x_y.dtype == tl.float64
    if EXACT or entropy is not None or hit is not None:
        for start in tl.range(0, full, BLOCK_C, num_stages=STAGES):
            cols = start + tl.arange(0, BLOCK_C)
            _, x, _ = read_block(seen, cols, whole, HALF, ACROSS, "evict_last")
            m = tl.maximum(m, tl.max(without(x, cols, y), axis=1))
            beaten |= any_ahead(x, cols, x_y, y)

    shift = tl.where(m == -float("inf"), 0.0, m)
    total, spread = sum_others(
        seen, y, shift, end, last, whole, full, BLOCK_C, HALF, ACROSS, STAGES, ADJACENT,
        entropy is not None,
    )  # fmt: skip
    unsafe = kept & ~((total < HIGH) & (total > LOW))
    if tl.max(unsafe.to(tl.int32), axis=0) > 0:
        highest = m
        for start in tl.range(0, full, BLOCK_C):
            cols = start + tl.arange(0, BLOCK_C)
            _, x, _ = read_block(seen, cols, whole, HALF, ACROSS, "evict_last")
            highest = tl.maximum(highest, tl.max(without(x, cols, y), axis=1))
        # the neighbours of such a row keep their reference, and with it every bit of their sums
        m = tl.where(unsafe, highest, m)
        shift = tl.where(m == -float("inf"), 0.0, m)
        total, _spread = sum_others(
            seen, y, shift, end, last, whole, full, BLOCK_C, HALF, ACROSS, 1, ADJACENT, False
        )  # fmt: skip
    if entropy is None and not EXACT:
        m, total, shift = refer_to_sum(m, total, shift)

    at_y, by = finish_rows(
        nll, weight, plain, lse, entropy, hit, m, total, x_y, spread, beaten == 0, rows, counted,
        sample, gradient_scale, row_scale, z_loss, HAS_Z,
    )  # fmt: skip
    if gradient is not None:
        at_y, by = at_y.to(x_y.dtype), by.to(x_y.dtype)
        first = gradient + offset_of(group, lane, grad_group, grad_lane)
        stride = class_stride(grad_class, WIDE)
        written = None if ROWS == 1 else inside[:, None]
        for turn in tl.range(0, full // BLOCK_C, num_stages=STAGES):
            cols = full - (turn + 1) * BLOCK_C + tl.arange(0, BLOCK_C)
            raw, x, chosen = read_block(seen, cols, whole, HALF, ACROSS, "evict_first")
            write_class_block(
                first, stride, seen, cols, raw, x, chosen, y, at_y, by, shift, silent, written,
                HALF,
            )  # fmt: skip
        raw, x, chosen = read_block(seen, end_cols, at_end, HALF, ACROSS, "evict_first")
        exists = (end_cols[None, :] < num_classes) & inside[:, None]
        write_class_block(
            first, stride, seen, end_cols, raw, x, chosen, y, at_y, by, shift, silent, exists, HALF
        )  # fmt: skip
        for start in tl.range(full, last, BLOCK_C):
            cols = start + tl.arange(0, BLOCK_C)
            nothing = tl.zeros((ROWS, BLOCK_C), gradient.dtype.element_ty)
            tl.store(first[:, None] + cols[None, :] * stride, nothing, mask=written)
