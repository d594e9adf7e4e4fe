# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Rows of class targets that are walked in blocks: read twice, the second time from the L2.

The first pass sums exp(x - r) with one reference r for the whole row, the maximum of its
first block, so that it needs no running maximum and no rescaling: lanes add up by
themselves, with no exchange between them and no error of a rescaling. Where r was so far
from the maximum that the sum left the safe range, the row is walked again with its maximum.

The second pass writes the gradient, from the end of the row to its beginning: what was read
last is the most likely to be in the cache still. It refers to r + log(S) instead of r, which
lies just above the maximum.
"""

import triton
import triton.language as tl

from xent.kernels.triton._exact import difference_error, exp_difference, row_sum
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
SAFE = tl.constexpr(2.0**60)


@triton.jit
def read_block(
    first, allowed, start, inside, kept, num_classes, x_class, mask_class, softcap, temperature,
    BLOCK_C: tl.constexpr, HALF: tl.constexpr, WIDE: tl.constexpr, ACROSS: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr, HAS_TEMPERATURE: tl.constexpr, POLICY: tl.constexpr,
):  # fmt: skip
    """Return a block's classes, its logits as stored and as bounded (-inf for no class)."""
    cols = start + tl.arange(0, BLOCK_C)
    here = cols.to(tl.int64) if WIDE else cols
    filled = cols[None, :] < num_classes
    read = filled & (inside if ACROSS else kept)[:, None]
    raw = load_logits(first[:, None] + here[None, :] * x_class, read, HALF, POLICY)
    x = bound(raw, softcap, temperature, HAS_SOFTCAP, HAS_TEMPERATURE)
    if allowed is not None:
        chosen = tl.load(allowed[:, None] + here[None, :] * mask_class, mask=read, other=0)
        x = tl.where(chosen != 0, x, -float("inf"))
    if ACROSS or HAS_SOFTCAP:
        x = tl.where(filled & kept[:, None], x, -float("inf"))
    return cols, raw, x


@triton.jit
def add_block(total, lost, e):
    """Add a block to the sums of the lanes; the lanes of float64 rows carry what is lost."""
    if e.dtype == tl.float64:
        added = total + e
        error = difference_error(total, -e, added)
        return added, lost + tl.where(added - added == 0, error, 0.0)
    else:
        groups: tl.constexpr = e.shape[1] // GROUP
        part = tl.sum(tl.reshape(e, (e.shape[0], groups, GROUP)), axis=2)
        return total + part.to(tl.float64), lost


@triton.jit
def add_lanes(sums, lost, EXACT: tl.constexpr):
    if EXACT:
        return row_sum(sums, lost)
    else:
        return tl.sum(sums, axis=1)


@triton.jit
def sum_exponentials(
    first, allowed, y, inside, kept, shift, num_classes, x_class, mask_class, softcap,
    temperature, ROWS: tl.constexpr, BLOCK_C: tl.constexpr, HALF: tl.constexpr,
    WIDE: tl.constexpr, ACROSS: tl.constexpr, HAS_SOFTCAP: tl.constexpr,
    HAS_TEMPERATURE: tl.constexpr, STAGES: tl.constexpr, SPREAD: tl.constexpr,
):  # fmt: skip
    """Return S = sum_{j != y} exp(x_j - shift), and the sum of (shift - x_j) times the same."""
    EXACT: tl.constexpr = shift.dtype == tl.float64
    LANES: tl.constexpr = BLOCK_C if EXACT else BLOCK_C // GROUP
    sums = tl.zeros((ROWS, LANES), tl.float64)
    lost = tl.zeros((ROWS, LANES), tl.float64)
    spread = tl.zeros((ROWS, LANES), tl.float64)
    spread_lost = tl.zeros((ROWS, LANES), tl.float64)
    for start in tl.range(0, num_classes, BLOCK_C, num_stages=STAGES):
        cols, _, x = read_block(
            first, allowed, start, inside, kept, num_classes, x_class, mask_class, softcap,
            temperature, BLOCK_C, HALF, WIDE, ACROSS, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_last",
        )  # fmt: skip
        x = tl.where(cols[None, :] == y[:, None], -float("inf"), x)
        e = exp_difference(x, shift[:, None], HALF)
        sums, lost = add_block(sums, lost, e)
        if SPREAD:
            distance = tl.minimum(shift[:, None] - x, 1000.0, propagate_nan=tl.PropagateNan.ALL)
            spread, spread_lost = add_block(spread, spread_lost, e * distance)
    return add_lanes(sums, lost, EXACT), add_lanes(spread, spread_lost, EXACT)


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
    gradient,  # (group, class, lane) out, or None; may be the logits
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

    first = logits + offset_of(group, lane, x_group, x_lane)
    allowed = None
    if class_mask is not None:
        allowed = class_mask + offset_of(group, lane, mask_group, mask_lane)

    # read before anything is written: the gradient may be where the logits are
    found = kept & (y >= 0)
    at_y = y.to(tl.int64)
    x_y = load_logits(first + at_y * x_class, found, HALF, "")
    x_y = bound(x_y, softcap, temperature, HAS_SOFTCAP, HAS_TEMPERATURE)
    if class_mask is not None:
        chosen = tl.load(allowed + at_y * mask_class, mask=found, other=0)
        x_y = tl.where(chosen != 0, x_y, -float("inf"))
    x_y = tl.where(found, x_y, 0.0)

    # the maximum of the first block, or of the whole row for the statistics
    m = tl.full((ROWS,), -float("inf"), x_y.dtype)
    beaten = tl.full((ROWS,), 0, tl.int32)
    if entropy is not None or hit is not None:
        for start in tl.range(0, num_classes, BLOCK_C, num_stages=STAGES):
            cols, _, x = read_block(
                first, allowed, start, inside, kept, num_classes, x_class, mask_class, softcap,
                temperature, BLOCK_C, HALF, WIDE, ACROSS, HAS_SOFTCAP, HAS_TEMPERATURE,
                "evict_last",
            )  # fmt: skip
            others = tl.where(cols[None, :] == y[:, None], -float("inf"), x)
            m = tl.maximum(m, tl.max(others, axis=1))
            above = (x == x_y[:, None]) & (cols[None, :] < y[:, None])
            beaten |= tl.max(((x > x_y[:, None]) | above).to(tl.int32), axis=1)
    else:
        cols, _, x = read_block(
            first, allowed, 0, inside, kept, num_classes, x_class, mask_class, softcap,
            temperature, BLOCK_C, HALF, WIDE, ACROSS, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_last",
        )  # fmt: skip
        m = tl.max(tl.where(cols[None, :] == y[:, None], -float("inf"), x), axis=1)

    shift = tl.where(m == -float("inf"), 0.0, m)
    SPREAD: tl.constexpr = entropy is not None
    total, spread = sum_exponentials(
        first, allowed, y, inside, kept, shift, num_classes, x_class, mask_class, softcap,
        temperature, ROWS, BLOCK_C, HALF, WIDE, ACROSS, HAS_SOFTCAP, HAS_TEMPERATURE, STAGES,
        SPREAD,
    )  # fmt: skip
    unsafe = kept & ~((total < SAFE) & (total > 1.0 / SAFE))
    if tl.max(unsafe.to(tl.int32), axis=0) > 0:
        m = tl.full((ROWS,), -float("inf"), x_y.dtype)
        for start in tl.range(0, num_classes, BLOCK_C):
            cols, _, x = read_block(
                first, allowed, start, inside, kept, num_classes, x_class, mask_class, softcap,
                temperature, BLOCK_C, HALF, WIDE, ACROSS, HAS_SOFTCAP, HAS_TEMPERATURE,
                "evict_last",
            )  # fmt: skip
            x = tl.where(cols[None, :] == y[:, None], -float("inf"), x)
            m = tl.maximum(m, tl.max(x, axis=1))
        shift = tl.where(m == -float("inf"), 0.0, m)
        total, _spread = sum_exponentials(
            first, allowed, y, inside, kept, shift, num_classes, x_class, mask_class, softcap,
            temperature, ROWS, BLOCK_C, HALF, WIDE, ACROSS, HAS_SOFTCAP, HAS_TEMPERATURE, 1, False,
        )  # fmt: skip

    if entropy is None:
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
        tl.store(lse + rows, tl.where(kept, log_sum, 0.0).to(lse.dtype.element_ty), mask=inside)
    if entropy is not None:
        own = tl.where(p == 0, 0.0, p * loss)
        rest = tl.where(not_p == 0, 0.0, not_p * above)
        h = own + rest + factor * spread
        h = tl.where(kept, h, 0.0)
        tl.store(entropy + rows, h.to(entropy.dtype.element_ty), mask=inside)
    if hit is not None:
        tl.store(hit + rows, (kept & (beaten == 0) & (loss == loss)).to(tl.int8), mask=inside)

    cost = w * loss
    if HAS_Z:
        cost += sample * (z_loss * log_sum * log_sum)
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
        last = (num_classes - 1) // BLOCK_C
        for turn in tl.range(0, last + 1, num_stages=STAGES):
            cols, raw, x = read_block(
                first, allowed, (last - turn) * BLOCK_C, inside, kept, num_classes, x_class,
                mask_class, softcap, temperature, BLOCK_C, HALF, WIDE, ACROSS, HAS_SOFTCAP,
                HAS_TEMPERATURE, "evict_first",
            )  # fmt: skip
            is_y = cols[None, :] == y[:, None]
            x = tl.where(is_y, -float("inf"), x)
            g = tl.where(is_y, grad_y, exp_difference(x, shift[:, None], HALF) * by)
            if HAS_SOFTCAP or HAS_TEMPERATURE:
                g *= bound_slope(raw, softcap, temperature, HAS_SOFTCAP, HAS_TEMPERATURE)
            here = cols.to(tl.int64) if WIDE else cols
            if allowed is not None:
                read = (cols[None, :] < num_classes) & inside[:, None]
                chosen = tl.load(allowed[:, None] + here[None, :] * mask_class, mask=read, other=0)
                g = tl.where(chosen != 0, g, 0.0)
            tl.store(
                g_row[:, None] + here[None, :] * grad_class,
                g.to(gradient.dtype.element_ty),
                mask=(cols[None, :] < num_classes) & inside[:, None],
                eviction_policy="evict_first",
            )
