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

from xent.kernels.triton._exact import LOG2_E, difference_error, exp_difference, row_sum
from xent.kernels.triton._rows import (
    aligned,
    bound,
    bound_slope,
    gradient_factor,
    load_logits,
    lse_above,
    multiple,
    offset_of,
    one_thread_a_row,
    place,
    read_target,
    read_weights,
    scalars,
)

GROUP = tl.constexpr(8)  # exponentials that are added in float32: 16 bytes of half precision
# a sum between these had terms that were neither cut off at exp(71) nor denormal
HIGH, LOW = tl.constexpr(2.0**100), tl.constexpr(2.0**-60)


@triton.jit
def read_block(
    first, allowed, start, mask, kept, num_classes, x_class, mask_class, softcap, temperature,
    BLOCK_C: tl.constexpr, HALF: tl.constexpr, WIDE: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr, HAS_TEMPERATURE: tl.constexpr, POLICY: tl.constexpr,
):  # fmt: skip
    """Return a block's classes, its logits as stored and as bounded.

    mask: what may be read; None where that is all. Outside of it a logit is -inf, as are
    those of a class that is not allowed and, where there are several rows, of a skipped one.
    """
    cols = start + tl.arange(0, BLOCK_C)
    here = cols.to(tl.int64) if WIDE else cols
    pointers = first[:, None] + here[None, :] * x_class
    raw = load_logits(pointers, mask, HALF, POLICY)
    if mask is not None and first.shape[0] > 1:
        # a skipped row is -inf, whatever it holds, and its exponentials are 0
        raw = tl.where(kept[:, None], raw, -float("inf"))
    x = bound(raw, softcap, temperature, HALF, HAS_SOFTCAP, HAS_TEMPERATURE)
    if allowed is not None:
        chosen = allowed[:, None] + here[None, :] * mask_class
        chosen = tl.load(chosen) if mask is None else tl.load(chosen, mask=mask, other=0)
        x = tl.where(chosen != 0, x, -float("inf"))
    if mask is not None and HAS_SOFTCAP:
        # it has made finite numbers of what is outside of the rows, and of skipped ones
        x = tl.where(mask & kept[:, None], x, -float("inf"))
    return cols, raw, x


@triton.jit
def add_block(total, lost, e, ADJACENT: tl.constexpr):
    """Add a block to the sums of the lanes; the lanes of float64 rows carry what is lost.

    A lane is 8 classes that one thread has read, so that nothing is exchanged: ADJACENT ones
    of each of 8 / ADJACENT parts of the block.
    """
    if e.dtype == tl.float64:
        added = total + e
        error = difference_error(total, -e, added)
        return added, lost + tl.where(added - added == 0, error, 0.0)
    else:
        PARTS: tl.constexpr = GROUP // ADJACENT
        lanes: tl.constexpr = e.shape[1] // GROUP
        e = tl.reshape(e, (e.shape[0], PARTS, lanes, ADJACENT))
        return total + tl.sum(tl.sum(e, axis=3), axis=1).to(tl.float64), lost


@triton.jit
def add_lanes(sums, lost, EXACT: tl.constexpr):
    if EXACT:
        return row_sum(sums, lost)
    else:
        return tl.sum(sums, axis=1)


@triton.jit
def add_terms(
    sums, lost, spread, spread_lost, x, cols, y, shift, HALF: tl.constexpr,
    ADJACENT: tl.constexpr, SPREAD: tl.constexpr,
):  # fmt: skip
    """Add exp(x_j - shift), and that times shift - x_j, over j != y."""
    x = tl.where(cols[None, :] == y[:, None], -float("inf"), x)
    e = exp_difference(x, shift[:, None], HALF)
    sums, lost = add_block(sums, lost, e, ADJACENT)
    if SPREAD:
        distance = tl.minimum(shift[:, None] - x, 1000.0, propagate_nan=tl.PropagateNan.ALL)
        spread, spread_lost = add_block(spread, spread_lost, e * distance, ADJACENT)
    return sums, lost, spread, spread_lost


@triton.jit
def sum_exponentials(
    end, first, allowed, y, whole, kept, shift, full, num_classes, x_class, mask_class, softcap,
    temperature, ROWS: tl.constexpr, BLOCK_C: tl.constexpr, HALF: tl.constexpr,
    WIDE: tl.constexpr, HAS_SOFTCAP: tl.constexpr, HAS_TEMPERATURE: tl.constexpr,
    STAGES: tl.constexpr, ADJACENT: tl.constexpr, SPREAD: tl.constexpr,
):  # fmt: skip
    """Return both sums over the row: of its last block `end`, as it was read, and the others."""
    EXACT: tl.constexpr = shift.dtype == tl.float64
    LANES: tl.constexpr = BLOCK_C if EXACT else BLOCK_C // GROUP
    sums = tl.zeros((ROWS, LANES), tl.float64)
    lost, spread, spread_lost = sums, sums, sums
    last = (num_classes - 1) // BLOCK_C * BLOCK_C
    sums, lost, spread, spread_lost = add_terms(
        sums,
        lost,
        spread,
        spread_lost,
        end,
        last + tl.arange(0, BLOCK_C),
        y,
        shift,
        HALF,
        ADJACENT,
        SPREAD,
    )
    for start in tl.range(0, full, BLOCK_C, num_stages=STAGES):
        cols, _, x = read_block(
            first, allowed, start, whole, kept, num_classes, x_class, mask_class, softcap,
            temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_last",
        )  # fmt: skip
        sums, lost, spread, spread_lost = add_terms(
            sums,
            lost,
            spread,
            spread_lost,
            x,
            cols,
            y,
            shift,
            HALF,
            ADJACENT,
            SPREAD,
        )
    return add_lanes(sums, lost, EXACT), add_lanes(spread, spread_lost, EXACT)


@triton.jit
def write_block(
    g_row, allowed, cols, raw, x, y, grad_y, by, shift, mask, grad_class, mask_class, softcap,
    temperature, HALF: tl.constexpr, WIDE: tl.constexpr, HAS_SOFTCAP: tl.constexpr,
    HAS_TEMPERATURE: tl.constexpr,
):  # fmt: skip
    shift = shift[:, None]
    # in a gradient of 16 bits the rounding of the exponent does not show
    NARROW: tl.constexpr = g_row.dtype.element_ty.primitive_bitwidth == 16
    e = tl.exp2((x - shift) * LOG2_E) if NARROW else exp_difference(x, shift, HALF)
    g = tl.where(cols[None, :] == y[:, None], grad_y, e * by)
    if HAS_SOFTCAP or HAS_TEMPERATURE:
        g *= bound_slope(raw, softcap, temperature, HALF, HAS_SOFTCAP, HAS_TEMPERATURE)
    here = cols.to(tl.int64) if WIDE else cols
    if allowed is not None:
        chosen = allowed[:, None] + here[None, :] * mask_class
        chosen = tl.load(chosen) if mask is None else tl.load(chosen, mask=mask, other=0)
        g = tl.where(chosen != 0, g, 0.0)
    pointers = g_row[:, None] + here[None, :] * grad_class
    g = g.to(g_row.dtype.element_ty)
    tl.store(pointers, g, mask=mask, eviction_policy="evict_first")


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
    group, lane, inside, rows = place(lanes, blocks, ROWS, WIDE)
    sample, kept = read_weights(sample_weight, rows, inside)
    y, kept, bad = read_target(target, faults, rows, kept, num_classes, ignore_index, HAS_IGNORE)
    w = sample
    if class_weight is not None:
        w *= tl.load(class_weight + y, mask=y >= 0, other=1.0).to(tl.float64)
        if not HAS_Z:
            kept = kept & (w != 0)
            y = tl.where(kept, y, -1)

    first = logits + offset_of(group, lane, x_group, x_lane)
    allowed = None
    if class_mask is not None:
        allowed = class_mask + offset_of(group, lane, mask_group, mask_lane)

    # read before anything is written: the gradient may be where the logits are
    found = kept & (y >= 0)
    at_y = y.to(tl.int64)
    x_y = load_logits(first + at_y * x_class, found, HALF, "")
    x_y = bound(x_y, softcap, temperature, HALF, HAS_SOFTCAP, HAS_TEMPERATURE)
    if class_mask is not None:
        chosen = tl.load(allowed + at_y * mask_class, mask=found, other=0)
        x_y = tl.where(chosen != 0, x_y, -float("inf"))
    x_y = tl.where(found, x_y, 0.0)

    # whole blocks, of which a skipped row has none, and the last one
    last = (num_classes - 1) // BLOCK_C * BLOCK_C
    full = tl.where(tl.max(kept.to(tl.int32), axis=0) > 0, last, 0)
    whole = None if ROWS == 1 else (inside if ACROSS else kept)[:, None]
    filled = (last + tl.arange(0, BLOCK_C))[None, :] < num_classes
    at_end = filled & (inside if ACROSS else kept)[:, None]
    cols, _, end = read_block(
        first, allowed, last, at_end, kept, num_classes, x_class, mask_class, softcap,
        temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_last",
    )  # fmt: skip
    m = tl.max(tl.where(cols[None, :] == y[:, None], -float("inf"), end), axis=1)
    above = (end == x_y[:, None]) & (cols[None, :] < y[:, None])
    beaten = tl.max(((end > x_y[:, None]) | above).to(tl.int32), axis=1)
    # float64 rows have no digits to spare for another reference than their maximum
    EXACT: tl.constexpr = x_y.dtype == tl.float64
    if EXACT or entropy is not None or hit is not None:
        for start in tl.range(0, full, BLOCK_C, num_stages=STAGES):
            cols, _, x = read_block(
                first, allowed, start, whole, kept, num_classes, x_class, mask_class, softcap,
                temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_last",
            )  # fmt: skip
            others = tl.where(cols[None, :] == y[:, None], -float("inf"), x)
            m = tl.maximum(m, tl.max(others, axis=1))
            above = (x == x_y[:, None]) & (cols[None, :] < y[:, None])
            beaten |= tl.max(((x > x_y[:, None]) | above).to(tl.int32), axis=1)

    shift = tl.where(m == -float("inf"), 0.0, m)
    total, spread = sum_exponentials(
        end, first, allowed, y, whole, kept, shift, full, num_classes, x_class, mask_class,
        softcap, temperature, ROWS, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, STAGES,
        ADJACENT, entropy is not None,
    )  # fmt: skip
    unsafe = kept & ~((total < HIGH) & (total > LOW))
    if tl.max(unsafe.to(tl.int32), axis=0) > 0:
        highest = m
        for start in tl.range(0, full, BLOCK_C):
            cols, _, x = read_block(
                first, allowed, start, whole, kept, num_classes, x_class, mask_class, softcap,
                temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_last",
            )  # fmt: skip
            x = tl.where(cols[None, :] == y[:, None], -float("inf"), x)
            highest = tl.maximum(highest, tl.max(x, axis=1))
        # the neighbours of such a row keep their reference, and with it every bit of their sums
        m = tl.where(unsafe, highest, m)
        shift = tl.where(m == -float("inf"), 0.0, m)
        total, _spread = sum_exponentials(
            end, first, allowed, y, whole, kept, shift, full, num_classes, x_class, mask_class,
            softcap, temperature, ROWS, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, 1,
            ADJACENT, False,
        )  # fmt: skip

    if entropy is None and not EXACT:
        # refer to log(S) instead, rounded down: then S is 1 and something, and every
        # exponential of the second pass at most 1
        shift64 = shift.to(tl.float64)
        log_total = tl.log(total)
        moved = shift64 + log_total
        moved = (moved - (tl.abs(moved) + 1.0) * (2.0**-22)).to(shift.dtype)
        # NaN and a row without other classes stay as they are
        finite = tl.abs(log_total) < float("inf")
        m = tl.where(finite, moved, m)
        total = tl.where(finite, total * tl.exp(shift64 - moved.to(tl.float64)), total)
        shift = tl.where(finite, moved, shift)

    m, x_y = one_thread_a_row(m, ROWS), one_thread_a_row(x_y, ROWS)
    total = one_thread_a_row(total, ROWS)
    loss, p, not_p, factor = scalars(m, total, x_y)
    if HAS_Z or lse is not None or entropy is not None:
        above, log_sum = lse_above(m, total, x_y, loss)
    if plain is not None:
        each = tl.where(bad, float("nan"), tl.where(kept, loss, 0.0))
        tl.store(plain + rows, each.to(plain.dtype.element_ty), mask=inside)
    if lse is not None:
        each = tl.where(bad, float("nan"), tl.where(kept, log_sum, 0.0))
        tl.store(lse + rows, each.to(lse.dtype.element_ty), mask=inside)
    if entropy is not None:
        own = tl.where(p == 0, 0.0, p * loss)
        rest = tl.where(not_p == 0, 0.0, not_p * above)
        h = own + rest + factor * spread
        h = tl.where(bad, float("nan"), tl.where(kept, h, 0.0))
        tl.store(entropy + rows, h.to(entropy.dtype.element_ty), mask=inside)
    if hit is not None:
        right = kept & ~bad & (beaten == 0) & (loss == loss)
        tl.store(hit + rows, right.to(tl.int8), mask=inside)

    cost = w * loss
    if HAS_Z:
        # a class of weight 0 may be impossible: 0 * inf
        cost = tl.where(w == 0, 0.0, cost) + sample * (z_loss * log_sum * log_sum)
    cost = tl.where(bad, float("nan"), tl.where(kept, cost, 0.0))
    counted = tl.where(kept, w, 0.0)
    tl.store(nll + rows, cost.to(nll.dtype.element_ty), mask=inside)
    tl.store(weight + rows, counted.to(weight.dtype.element_ty), mask=inside)

    if gradient is not None:
        scale = gradient_factor(w, kept, rows, gradient_scale, row_scale)
        scale = tl.where(bad, float("nan"), scale)
        grad_y = -not_p * scale
        others_by = scale
        if HAS_Z:
            z_scale = gradient_factor(sample, kept, rows, gradient_scale, row_scale)
            z_scale *= tl.where(kept, 2.0 * z_loss * log_sum, 0.0)
            grad_y += p * z_scale
            others_by += z_scale
        by = (factor * others_by).to(x_y.dtype)[:, None]
        grad_y = grad_y.to(x_y.dtype)[:, None]
        g_row = gradient + offset_of(group, lane, grad_group, grad_lane)
        written = None if ROWS == 1 else inside[:, None]
        for turn in tl.range(0, full // BLOCK_C, num_stages=STAGES):
            cols, raw, x = read_block(
                first, allowed, full - (turn + 1) * BLOCK_C, whole, kept, num_classes, x_class,
                mask_class, softcap, temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP,
                HAS_TEMPERATURE, "evict_first",
            )  # fmt: skip
            write_block(
                g_row, allowed, cols, raw, x, y, grad_y, by, shift, written, grad_class,
                mask_class, softcap, temperature, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE,
            )  # fmt: skip
        cols, raw, x = read_block(
            first, allowed, last, at_end, kept, num_classes, x_class, mask_class, softcap,
            temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_first",
        )  # fmt: skip
        write_block(
            g_row, allowed, cols, raw, x, y, grad_y, by, shift, filled & inside[:, None],
            grad_class, mask_class, softcap, temperature, HALF, WIDE, HAS_SOFTCAP,
            HAS_TEMPERATURE,
        )  # fmt: skip
        for start in tl.range(full, last, BLOCK_C):
            cols = start + tl.arange(0, BLOCK_C)
            here = cols.to(tl.int64) if WIDE else cols
            nothing = tl.zeros((ROWS, BLOCK_C), gradient.dtype.element_ty)
            tl.store(g_row[:, None] + here[None, :] * grad_class, nothing, mask=written)
