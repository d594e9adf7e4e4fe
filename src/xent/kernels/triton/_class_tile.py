# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Rows of class targets that fit into registers: one read, one write, one exp a logit."""

import triton
import triton.language as tl

from xent.kernels.triton._exact import exp_difference, row_sum
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


@triton.jit
def class_tile_kernel(
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
    BLOCK_C: tl.constexpr,  # at least the number of classes
    HALF: tl.constexpr,
    WIDE: tl.constexpr,
    VECTOR: tl.constexpr,  # strides and what is adjacent are multiples of it
    ACROSS: tl.constexpr,  # lanes are adjacent, not classes
    HAS_IGNORE: tl.constexpr,
    HAS_Z: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_TEMPERATURE: tl.constexpr,
):
    x_group, x_class, x_lane = aligned(x_group, x_class, x_lane, VECTOR, ACROSS)
    grad_group, grad_class, grad_lane = aligned(grad_group, grad_class, grad_lane, VECTOR, ACROSS)
    if ACROSS:
        lanes = multiple(lanes, VECTOR)
    else:
        num_classes = multiple(num_classes, VECTOR)
    group, lane, inside, rows = place(lanes, blocks, ROWS, WIDE)
    cols = tl.arange(0, BLOCK_C)
    here = cols.to(tl.int64) if WIDE else cols
    sample, kept = read_weights(sample_weight, rows, inside)
    y, kept, bad = read_target(target, faults, rows, kept, num_classes, ignore_index, HAS_IGNORE)
    w = sample
    if class_weight is not None:
        w *= tl.load(class_weight + y, mask=y >= 0, other=1.0).to(tl.float64)
        if not HAS_Z:
            kept = kept & (w != 0)
            # such a row is not read, and has no logit at y
            y = tl.where(kept, y, -1)

    filled = cols[None, :] < num_classes
    first = logits + offset_of(group, lane, x_group, x_lane)[:, None]
    # a skipped row is not read, where it is not read with its neighbours
    read = filled & (inside if ACROSS else kept)[:, None]
    raw = load_logits(first + here[None, :] * x_class, read, HALF, "")
    if ACROSS:
        # a skipped row is -inf, whatever it holds, and its exponentials are 0
        raw = tl.where(kept[:, None], raw, -float("inf"))
    x = bound(raw, softcap, temperature, HALF, HAS_SOFTCAP, HAS_TEMPERATURE)
    if class_mask is not None:
        allowed = class_mask + offset_of(group, lane, mask_group, mask_lane)[:, None]
        allowed = tl.load(allowed + here[None, :] * mask_class, mask=read, other=0)
        x = tl.where(allowed != 0, x, -float("inf"))
    if HAS_SOFTCAP:
        # it has made finite numbers of what is outside of the rows, and of skipped ones
        x = tl.where(filled & kept[:, None], x, -float("inf"))

    is_y = cols[None, :] == y[:, None]
    x_y = tl.sum(tl.where(is_y, x, 0.0), axis=1)
    others = tl.where(is_y, -float("inf"), x)
    m = tl.max(others, axis=1)
    # where every other class is impossible any shift will do, but inf - inf will not
    shift = tl.where(m == -float("inf"), 0.0, m)
    e = exp_difference(others, shift[:, None], HALF)
    total = row_sum(e, None)
    if entropy is not None:
        distance = tl.minimum(shift[:, None] - others, 1000.0, propagate_nan=tl.PropagateNan.ALL)
        spread = row_sum(e * distance, None)
    if hit is not None:
        beaten = (x > x_y[:, None]) | ((x == x_y[:, None]) & (cols[None, :] < y[:, None]))
        beaten = tl.max(beaten.to(tl.int32), axis=1)
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

    if gradient is not None:
        scale = gradient_factor(w, kept, rows, gradient_scale, row_scale)
        scale = tl.where(bad, float("nan"), scale)
        at_y = -not_p * scale
        others_by = scale
        if HAS_Z:
            z_scale = gradient_factor(sample, kept, rows, gradient_scale, row_scale)
            z_scale *= tl.where(kept, 2.0 * z_loss * log_sum, 0.0)
            at_y += p * z_scale
            others_by += z_scale
        g = e * (factor * others_by).to(e.dtype)[:, None]
        g = tl.where(is_y, at_y.to(e.dtype)[:, None], g)
        if HAS_SOFTCAP or HAS_TEMPERATURE:
            g *= bound_slope(raw, softcap, temperature, HALF, HAS_SOFTCAP, HAS_TEMPERATURE)
        if class_mask is not None:
            g = tl.where(allowed != 0, g, 0.0)
        g_row = gradient + offset_of(group, lane, grad_group, grad_lane)[:, None]
        tl.store(
            g_row + here[None, :] * grad_class,
            g.to(gradient.dtype.element_ty),
            mask=filled & inside[:, None],
        )

    cost = w * loss
    if HAS_Z:
        # a class of weight 0 may be impossible: 0 * inf
        cost = tl.where(w == 0, 0.0, cost) + sample * (z_loss * log_sum * log_sum)
    cost = tl.where(bad, float("nan"), tl.where(kept, cost, 0.0))
    counted = tl.where(kept, w, 0.0)
    tl.store(nll + rows, cost.to(nll.dtype.element_ty), mask=inside)
    tl.store(weight + rows, counted.to(weight.dtype.element_ty), mask=inside)
