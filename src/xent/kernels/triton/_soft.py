"""Rows scored against a distribution: soft targets, label smoothing, class weights on them.

With mass s_j = w_j t_j, T its sum, E the arg max of the row and S' the sum of exp(x_k - x_E)
over the others:

    nll    = T log1p(S') + sum_{s_j != 0} s_j (x_E - x_j)               every term >= 0
    grad_j = p_j R_j - s_j (1 - p_j),   R_j = sum_{k != j} s_k

R_j is T - s_j but for the largest mass, the only one that can be more than half of T.

Three passes over a row, in blocks: the two arg maxima, the sums, the gradient. Only the first
one reads from memory; a row that is one block stays in the L1.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
import triton
import triton.language as tl

from xent.kernels.triton._class_long import GROUP, add_block, add_lanes, read_block
from xent.kernels.triton._exact import exp_difference
from xent.kernels.triton._rows import (
    aligned,
    bound_slope,
    gradient_factor,
    multiple,
    number,
    offset_of,
    place,
    read_target,
    read_weights,
    scalars,
)


@triton.jit
def read_mass(
    soft, class_weight, allowed, cols, y, inside, kept, kept_share, spread, num_classes,
    soft_class, mask_class, HAS_SPREAD: tl.constexpr, WIDE: tl.constexpr, ACROSS: tl.constexpr,
):  # fmt: skip
    """Return w_j t_j of a block of classes, 0 outside of the row, in the type of `spread`."""
    here = cols.to(tl.int64) if WIDE else cols
    filled = cols[None, :] < num_classes
    read = filled & (inside if ACROSS else kept)[:, None]
    if soft is not None:
        mass = tl.load(soft[:, None] + here[None, :] * soft_class, mask=read, other=0.0)
        mass = mass.to(spread.dtype)
        if HAS_SPREAD:
            mass *= kept_share
    else:
        mass = tl.where(cols[None, :] == y[:, None], kept_share, 0.0).to(spread.dtype)
    if HAS_SPREAD:
        even = spread[:, None]
        if allowed is not None:
            chosen = tl.load(allowed[:, None] + here[None, :] * mask_class, mask=read, other=0)
            even = tl.where(chosen != 0, even, 0.0)
        mass += even
    if class_weight is not None:
        weight = tl.load(class_weight + cols, mask=cols < num_classes, other=0.0)
        mass *= weight.to(spread.dtype)[None, :]
    return tl.where(filled & kept[:, None], mass, 0.0)


@triton.jit
def block_mask(start, inside, kept, num_classes, BLOCK_C: tl.constexpr, ACROSS: tl.constexpr):
    """What may be read of a block."""
    cols = start + tl.arange(0, BLOCK_C)
    return (cols[None, :] < num_classes) & (inside if ACROSS else kept)[:, None]


@triton.jit
def count_allowed(
    allowed, inside, num_classes, mask_class, ROWS: tl.constexpr, BLOCK_C: tl.constexpr,
    WIDE: tl.constexpr,
):  # fmt: skip
    count = tl.zeros((ROWS,), tl.int32)
    for start in range(0, num_classes, BLOCK_C):
        cols = start + tl.arange(0, BLOCK_C)
        here = cols.to(tl.int64) if WIDE else cols
        filled = (cols[None, :] < num_classes) & inside[:, None]
        chosen = tl.load(allowed[:, None] + here[None, :] * mask_class, mask=filled, other=0)
        count += tl.sum((chosen != 0).to(tl.int32), axis=1)
    return count


@triton.jit
def soft_kernel(
    logits,  # (group, class, lane)
    target,  # [rows] int64, or None
    soft_target,  # (group, class, lane), or None
    class_weight,  # [C] or None
    sample_weight,  # [rows] or None
    class_mask,  # (group, class, lane) uint8 or None
    row_scale,  # [rows] or None
    gradient_scale,  # [1] or None
    nll,  # [rows] out
    weight,  # [rows] out
    gradient,  # (group, class, lane) out, or None; may be the logits; may be narrower
    plain,  # [rows] out, or None: before any weight or smoothing
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
    soft_group,
    soft_class,
    soft_lane,
    mask_group,
    mask_class,
    mask_lane,
    grad_group,
    grad_class,
    grad_lane,
    ignore_index,
    label_smoothing: tl.float64,
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
    HAS_SPREAD: tl.constexpr,  # label smoothing
    HAS_Z: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_TEMPERATURE: tl.constexpr,
    ADJACENT: tl.constexpr,  # classes that a thread loads at once
    STAGES: tl.constexpr,
):
    x_group, x_class, x_lane = aligned(x_group, x_class, x_lane, VECTOR, ACROSS)
    soft_group, soft_class, soft_lane = aligned(soft_group, soft_class, soft_lane, VECTOR, ACROSS)
    grad_group, grad_class, grad_lane = aligned(grad_group, grad_class, grad_lane, VECTOR, ACROSS)
    if ACROSS:
        lanes = multiple(lanes, VECTOR)
    else:
        num_classes = multiple(num_classes, VECTOR)
    group, lane, inside, rows = place(lanes, blocks, ROWS, WIDE)
    sample, kept = read_weights(sample_weight, rows, inside)
    y = tl.full((ROWS,), -1, tl.int32)
    bad = tl.full((ROWS,), False, tl.int1)
    w = sample
    if target is not None:
        y, kept, bad = read_target(
            target, faults, rows, kept, num_classes, ignore_index, HAS_IGNORE
        )
        if class_weight is not None:
            w *= tl.load(class_weight + y, mask=y >= 0, other=1.0).to(tl.float64)

    first = logits + offset_of(group, lane, x_group, x_lane)
    soft = None
    if soft_target is not None:
        soft = soft_target + offset_of(group, lane, soft_group, soft_lane)
    allowed = None
    choices = tl.full((ROWS,), 1, tl.int32) * num_classes
    if class_mask is not None:
        allowed = class_mask + offset_of(group, lane, mask_group, mask_lane)
        if HAS_SPREAD:
            choices = count_allowed(allowed, inside, num_classes, mask_class, ROWS, BLOCK_C, WIDE)
    ELEMENT: tl.constexpr = tl.float32 if HALF else logits.dtype.element_ty
    spread = (label_smoothing / choices.to(tl.float64)).to(ELEMENT)
    kept_share = number(1.0 - label_smoothing, ELEMENT)

    # the arg maxima, the first ones of equals
    top = tl.full((ROWS,), -float("inf"), ELEMENT)
    apart = tl.zeros((ROWS,), tl.int32)
    most = tl.full((ROWS,), -float("inf"), ELEMENT)
    largest = tl.zeros((ROWS,), tl.int32)
    meant_most, meant = most, largest if target is None else y
    for start in tl.range(0, num_classes, BLOCK_C, num_stages=STAGES):
        read = block_mask(start, inside, kept, num_classes, BLOCK_C, ACROSS)
        cols, _, x = read_block(
            first, allowed, start, read, kept, num_classes, x_class, mask_class, softcap,
            temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_last",
        )  # fmt: skip
        mass = read_mass(
            soft, class_weight, allowed, cols, y, inside, kept, kept_share, spread, num_classes,
            soft_class, mask_class, HAS_SPREAD, WIDE, ACROSS,
        )  # fmt: skip
        block_top, where = tl.max(x, axis=1, return_indices=True)
        higher = block_top > top
        top = tl.where(higher, block_top, top)
        apart = tl.where(higher, start + where, apart)
        mass = tl.where(cols[None, :] < num_classes, mass, -float("inf"))
        block_most, where = tl.max(mass, axis=1, return_indices=True)
        higher = block_most > most
        most = tl.where(higher, block_most, most)
        largest = tl.where(higher, start + where, largest)
        if hit is not None and soft is not None:
            # what was meant, before class weights
            mass = read_mass(
                soft, None, None, cols, y, inside, kept, number(1.0, ELEMENT), spread,
                num_classes, soft_class, mask_class, False, WIDE, ACROSS,
            )  # fmt: skip
            mass = tl.where(cols[None, :] < num_classes, mass, -float("inf"))
            block_most, where = tl.max(mass, axis=1, return_indices=True)
            higher = block_most > meant_most
            meant_most = tl.where(higher, block_most, meant_most)
            meant = tl.where(higher, start + where, meant)
    shift = tl.where(top == -float("inf"), 0.0, top)
    most = tl.where(kept, most, 0.0)

    EXACT: tl.constexpr = tl.float64 == ELEMENT
    LANES: tl.constexpr = BLOCK_C if EXACT else BLOCK_C // GROUP
    sums = tl.zeros((ROWS, LANES), tl.float64)
    sums_lost, rest, rest_lost, linear, linear_lost = sums, sums, sums, sums, sums
    width, width_lost = sums, sums
    bare, bare_lost, bare_mass, bare_mass_lost = sums, sums, sums, sums
    for start in tl.range(0, num_classes, BLOCK_C, num_stages=STAGES):
        read = block_mask(start, inside, kept, num_classes, BLOCK_C, ACROSS)
        cols, _, x = read_block(
            first, allowed, start, read, kept, num_classes, x_class, mask_class, softcap,
            temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP, HAS_TEMPERATURE, "evict_last",
        )  # fmt: skip
        mass = read_mass(
            soft, class_weight, allowed, cols, y, inside, kept, kept_share, spread, num_classes,
            soft_class, mask_class, HAS_SPREAD, WIDE, ACROSS,
        )  # fmt: skip
        distance = shift[:, None] - x
        # an impossible class without mass costs nothing; 0 * inf would
        cost = tl.where(mass == 0, 0.0, mass * distance)
        linear, linear_lost = add_block(linear, linear_lost, cost, ADJACENT)
        others = tl.where(cols[None, :] == largest[:, None], 0.0, mass)
        rest, rest_lost = add_block(rest, rest_lost, others, ADJACENT)
        x = tl.where(cols[None, :] == apart[:, None], -float("inf"), x)
        e = exp_difference(x, shift[:, None], HALF)
        sums, sums_lost = add_block(sums, sums_lost, e, ADJACENT)
        if plain is not None:
            mass = read_mass(
                soft, None, None, cols, y, inside, kept, number(1.0, ELEMENT), spread,
                num_classes, soft_class, mask_class, False, WIDE, ACROSS,
            )  # fmt: skip
            bare_mass, bare_mass_lost = add_block(bare_mass, bare_mass_lost, mass, ADJACENT)
            cost = tl.where(mass == 0, 0.0, mass * distance)
            bare, bare_lost = add_block(bare, bare_lost, cost, ADJACENT)
        if entropy is not None:
            near = tl.minimum(distance, 1000.0, propagate_nan=tl.PropagateNan.ALL)
            width, width_lost = add_block(width, width_lost, e * near, ADJACENT)
    total = add_lanes(sums, sums_lost, EXACT)
    rest_mass = add_lanes(rest, rest_lost, EXACT)
    all_mass = rest_mass + most.to(tl.float64)
    tail, p, not_p, factor = scalars(top, total, top)
    loss = all_mass * tail + add_lanes(linear, linear_lost, EXACT)
    log_sum = top.to(tl.float64) + tail

    if plain is not None:
        each = add_lanes(bare_mass, bare_mass_lost, EXACT) * tail
        each += add_lanes(bare, bare_lost, EXACT)
        each = tl.where(bad, float("nan"), tl.where(kept, each, 0.0))
        tl.store(plain + rows, each.to(plain.dtype.element_ty), mask=inside)
    if lse is not None:
        each = tl.where(bad, float("nan"), tl.where(kept, log_sum, 0.0))
        tl.store(lse + rows, each.to(lse.dtype.element_ty), mask=inside)
    if entropy is not None:
        h = tail + factor * add_lanes(width, width_lost, EXACT)
        h = tl.where(bad, float("nan"), tl.where(kept, h, 0.0))
        tl.store(entropy + rows, h.to(entropy.dtype.element_ty), mask=inside)
    if hit is not None:
        tl.store(hit + rows, (kept & (apart == meant) & (tail == tail)).to(tl.int8), mask=inside)

    cost_of_row = sample * loss
    if HAS_Z:
        cost_of_row += sample * (z_loss * log_sum * log_sum)
    cost_of_row = tl.where(bad, float("nan"), tl.where(kept, cost_of_row, 0.0))
    tl.store(nll + rows, cost_of_row.to(nll.dtype.element_ty), mask=inside)
    tl.store(weight + rows, tl.where(kept, w, 0.0).to(weight.dtype.element_ty), mask=inside)

    if gradient is not None:
        scale = gradient_factor(sample, kept, rows, gradient_scale, row_scale)
        z_scale = (scale * (2.0 * z_loss * log_sum)).to(ELEMENT)[:, None]
        scale = tl.where(bad, float("nan"), scale).to(ELEMENT)[:, None]
        factor = factor.to(ELEMENT)[:, None]
        p, not_p = p.to(ELEMENT)[:, None], not_p.to(ELEMENT)[:, None]
        rest_mass = rest_mass.to(ELEMENT)[:, None]
        all_mass = all_mass.to(ELEMENT)[:, None]
        g_row = gradient + offset_of(group, lane, grad_group, grad_lane)
        last = (num_classes - 1) // BLOCK_C
        for turn in tl.range(0, last + 1, num_stages=STAGES):
            start = (last - turn) * BLOCK_C
            read = block_mask(start, inside, kept, num_classes, BLOCK_C, ACROSS)
            cols, raw, x = read_block(
                first, allowed, start, read, kept, num_classes, x_class,
                mask_class, softcap, temperature, BLOCK_C, HALF, WIDE, HAS_SOFTCAP,
                HAS_TEMPERATURE, "evict_first",
            )  # fmt: skip
            mass = read_mass(
                soft, class_weight, allowed, cols, y, inside, kept, kept_share, spread,
                num_classes, soft_class, mask_class, HAS_SPREAD, WIDE, ACROSS,
            )  # fmt: skip
            is_apart = cols[None, :] == apart[:, None]
            x = tl.where(is_apart, -float("inf"), x)
            p_j = exp_difference(x, shift[:, None], HALF) * factor
            not_p_j = tl.where(is_apart, not_p, 1.0 - p_j)
            p_j = tl.where(is_apart, p, p_j)
            r_j = tl.where(cols[None, :] == largest[:, None], rest_mass, all_mass - mass)
            g = (p_j * r_j - mass * not_p_j) * scale
            if HAS_Z:
                g += p_j * z_scale
            if HAS_SOFTCAP or HAS_TEMPERATURE:
                g *= bound_slope(raw, softcap, temperature, HALF, HAS_SOFTCAP, HAS_TEMPERATURE)
            # an impossible class has no mass left to move, and 0 * inf none to show
            g = tl.where((kept & ~bad)[:, None], g, tl.where(bad[:, None], scale, 0.0))
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
