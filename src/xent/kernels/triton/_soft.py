# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Rows scored against a distribution: soft targets, label smoothing, class weights on them.

With mass s_j = w_j t_j, T its sum, E the arg max of the row and S' the sum of exp(x_k - x_E)
over the others:

    nll    = T log1p(S') + sum_{s_j != 0} s_j (x_E - x_j)               every term >= 0
    grad_j = p_j R_j - s_j (1 - p_j),   R_j = sum_{k != j} s_k

R_j is T - s_j but for the largest mass, the only one that can be more than half of T.

Three passes over a row, in blocks: the two arg maxima, the sums, the gradient. Only the first
one reads from memory; a row that is one block stays in the L1.
"""

import triton
import triton.language as tl

from xent.kernels.triton._blocks import (
    GROUP,
    Logits,
    add_block,
    add_lanes,
    block_mask,
    class_stride,
    limited,
    read_block,
    without,
    write_block,
)
from xent.kernels.triton._exact import exp_difference, number
from xent.kernels.triton._mass import Mass, count_allowed, read_mass
from xent.kernels.triton._rows import (
    Rows,
    aligned,
    gradient_factor,
    multiple,
    offset_of,
    place,
    read_target,
    read_weights,
    times_class_weight,
    write_cost,
    write_statistics,
)
from xent.kernels.triton._scalars import scalars


@triton.jit
def keep_larger(most, where, block, start):
    """Return the larger of a maximum so far and a block's, and its class: the first of equals."""
    block_most, at = tl.max(block, axis=1, return_indices=True)
    larger = block_most > most
    return tl.where(larger, block_most, most), tl.where(larger, start + at, where)


@triton.jit
def find_maxima(
    seen, target, bare, inside, num_classes, BLOCK_C: tl.constexpr, HALF: tl.constexpr,
    ACROSS: tl.constexpr, STAGES: tl.constexpr, ELEMENT: tl.constexpr, MEANT: tl.constexpr,
):  # fmt: skip
    """Return the largest logit and its class, the largest mass and its class, and what is meant.

    That is the class of the largest mass of `bare`, which has no class weights and no smoothing;
    without MEANT it is not looked for.
    """
    nothing = tl.full(inside.shape, -float("inf"), ELEMENT)
    top, most, bare_most = nothing, nothing, nothing
    apart = tl.zeros(inside.shape, tl.int32)
    largest, meant = apart, apart
    for start in tl.range(0, num_classes, BLOCK_C, num_stages=STAGES):
        cols = start + tl.arange(0, BLOCK_C)
        read = block_mask(cols, num_classes, inside, seen.kept, ACROSS)
        _, x, chosen = read_block(seen, cols, read, HALF, ACROSS, "evict_last")
        mass = read_mass(target, cols, read, chosen, num_classes, ELEMENT)
        top, apart = keep_larger(top, apart, x, start)
        exists = cols[None, :] < num_classes
        mass = tl.where(exists, mass, -float("inf"))
        most, largest = keep_larger(most, largest, mass, start)
        if MEANT:
            mass = read_mass(bare, cols, read, chosen, num_classes, ELEMENT)
            mass = tl.where(exists, mass, -float("inf"))
            bare_most, meant = keep_larger(bare_most, meant, mass, start)
    return top, apart, most, largest, meant


@triton.jit
def add_row(
    seen, target, bare, inside, shift, apart, largest, num_classes, BLOCK_C: tl.constexpr,
    HALF: tl.constexpr, ACROSS: tl.constexpr, STAGES: tl.constexpr, ADJACENT: tl.constexpr,
    SPREAD: tl.constexpr, PLAIN: tl.constexpr,
):  # fmt: skip
    """Return the sums over each row, in float64, with d_j = shift - x_j:

    of exp(-d_j) over j != apart and, with SPREAD, of that times d_j; of s_j over j != largest,
    and of s_j d_j; with PLAIN, of the masses of `bare`, and of those times d_j.
    """
    ELEMENT: tl.constexpr = shift.dtype
    EXACT: tl.constexpr = tl.float64 == ELEMENT
    LANES: tl.constexpr = BLOCK_C if EXACT else BLOCK_C // GROUP
    total = tl.zeros((inside.shape[0], LANES), tl.float64)
    total_lost, spread, spread_lost = total, total, total
    rest, rest_lost, cost, cost_lost = total, total, total, total
    bare_mass, bare_mass_lost, bare_cost, bare_cost_lost = total, total, total, total
    for start in tl.range(0, num_classes, BLOCK_C, num_stages=STAGES):
        cols = start + tl.arange(0, BLOCK_C)
        read = block_mask(cols, num_classes, inside, seen.kept, ACROSS)
        _, x, chosen = read_block(seen, cols, read, HALF, ACROSS, "evict_last")
        mass = read_mass(target, cols, read, chosen, num_classes, ELEMENT)
        distance = shift[:, None] - x
        # an impossible class without mass costs nothing; 0 * inf would
        costs = tl.where(mass == 0, 0.0, mass * distance)
        cost, cost_lost = add_block(cost, cost_lost, costs, ADJACENT)
        others = tl.where(cols[None, :] == largest[:, None], 0.0, mass)
        rest, rest_lost = add_block(rest, rest_lost, others, ADJACENT)
        e = exp_difference(without(x, cols, apart), shift[:, None], HALF)
        total, total_lost = add_block(total, total_lost, e, ADJACENT)
        if PLAIN:
            mass = read_mass(bare, cols, read, chosen, num_classes, ELEMENT)
            bare_mass, bare_mass_lost = add_block(bare_mass, bare_mass_lost, mass, ADJACENT)
            costs = tl.where(mass == 0, 0.0, mass * distance)
            bare_cost, bare_cost_lost = add_block(bare_cost, bare_cost_lost, costs, ADJACENT)
        if SPREAD:
            spread, spread_lost = add_block(spread, spread_lost, e * limited(distance), ADJACENT)
    return (
        add_lanes(total, total_lost, EXACT),
        add_lanes(spread, spread_lost, EXACT),
        add_lanes(rest, rest_lost, EXACT),
        add_lanes(cost, cost_lost, EXACT),
        add_lanes(bare_mass, bare_mass_lost, EXACT),
        add_lanes(bare_cost, bare_cost_lost, EXACT),
    )


@triton.jit
def write_gradient(
    gradient, stride, seen, target, inside, shift, apart, largest, p, not_p, factor, rest_mass,
    all_mass, scale, z_scale, num_classes, BLOCK_C: tl.constexpr, HALF: tl.constexpr,
    ACROSS: tl.constexpr, STAGES: tl.constexpr, HAS_Z: tl.constexpr,
):  # fmt: skip
    """Write p_j R_j - s_j (1 - p_j), times the scale of the row, and p_j times that of z.

    From the end of the row to its beginning: what was read last is in the cache still.
    """
    ELEMENT: tl.constexpr = shift.dtype
    p, not_p = p.to(ELEMENT)[:, None], not_p.to(ELEMENT)[:, None]
    factor = factor.to(ELEMENT)[:, None]
    rest_mass, all_mass = rest_mass.to(ELEMENT)[:, None], all_mass.to(ELEMENT)[:, None]
    scale, z_scale = scale.to(ELEMENT)[:, None], z_scale.to(ELEMENT)[:, None]
    last = (num_classes - 1) // BLOCK_C
    for turn in tl.range(0, last + 1, num_stages=STAGES):
        cols = (last - turn) * BLOCK_C + tl.arange(0, BLOCK_C)
        read = block_mask(cols, num_classes, inside, seen.kept, ACROSS)
        raw, x, chosen = read_block(seen, cols, read, HALF, ACROSS, "evict_first")
        mass = read_mass(target, cols, read, chosen, num_classes, ELEMENT)
        is_apart = cols[None, :] == apart[:, None]
        p_j = exp_difference(without(x, cols, apart), shift[:, None], HALF) * factor
        not_p_j = tl.where(is_apart, not_p, 1.0 - p_j)
        p_j = tl.where(is_apart, p, p_j)
        r_j = tl.where(cols[None, :] == largest[:, None], rest_mass, all_mass - mass)
        g = (p_j * r_j - mass * not_p_j) * scale
        if HAS_Z:
            g += p_j * z_scale
        # a skipped row has no probabilities: 0 times them is no number
        g = tl.where(seen.kept[:, None], g, 0.0)
        exists = (cols[None, :] < num_classes) & inside[:, None]
        write_block(gradient, stride, seen, cols, raw, chosen, g, exists, HALF, "evict_first")


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
    HAS_SMOOTHING: tl.constexpr,
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
    group, lane, inside, row = place(lanes, blocks, ROWS, WIDE)
    sample, kept = read_weights(sample_weight, row, inside)
    counted = sample
    y = tl.full((ROWS,), -1, tl.int32)
    bad = tl.full((ROWS,), False, tl.int1)
    if target is not None:
        y, kept, bad = read_target(
            target, faults, row, kept, num_classes, ignore_index, HAS_IGNORE
        )  # fmt: skip
        counted = times_class_weight(sample, class_weight, y)
    rows = Rows(row, inside, kept, bad)

    allowed = None
    if class_mask is not None:
        allowed = class_mask + offset_of(group, lane, mask_group, mask_lane)
    seen = Logits(
        logits + offset_of(group, lane, x_group, x_lane), class_stride(x_class, WIDE),
        allowed, class_stride(mask_class, WIDE), kept,
        softcap if HAS_SOFTCAP else None, temperature if HAS_TEMPERATURE else None,
    )  # fmt: skip
    ELEMENT: tl.constexpr = tl.float32 if HALF else logits.dtype.element_ty
    even = None
    if HAS_SMOOTHING:
        choices = tl.full((ROWS,), 1, tl.int32) * num_classes
        if class_mask is not None:
            choices = count_allowed(seen, inside, num_classes, BLOCK_C)
        even = (label_smoothing / choices.to(tl.float64)).to(ELEMENT)
    first = None
    if soft_target is not None:
        first = soft_target + offset_of(group, lane, soft_group, soft_lane)
    stride = class_stride(soft_class, WIDE)
    share = number(1.0 - label_smoothing, ELEMENT)
    mass = Mass(first, stride, y, share, even, class_weight, kept)
    # the target as it came
    bare = Mass(first, stride, y, number(1.0, ELEMENT), None, None, kept)

    top, apart, most, largest, meant = find_maxima(
        seen, mass, bare, inside, num_classes, BLOCK_C, HALF, ACROSS, STAGES, ELEMENT,
        hit is not None and target is None,
    )  # fmt: skip
    if target is not None:
        meant = y
    shift = tl.where(top == -float("inf"), 0.0, top)
    total, spread, rest_mass, cost, bare_mass, bare_cost = add_row(
        seen, mass, bare, inside, shift, apart, largest, num_classes, BLOCK_C, HALF, ACROSS,
        STAGES, ADJACENT, entropy is not None, plain is not None,
    )  # fmt: skip
    all_mass = rest_mass + tl.where(kept, most, 0.0).to(tl.float64)
    tail, p, not_p, factor = scalars(top, total, top)
    log_sum = top.to(tl.float64) + tail

    # d of the class that is set apart is 0: the entropy is lse - m and the mean of d
    write_statistics(
        plain, lse, entropy, hit, rows, bare_mass * tail + bare_cost, log_sum,
        tail + factor * spread, apart == meant,
    )  # fmt: skip
    cost = sample * (all_mass * tail + cost)
    write_cost(nll, weight, rows, cost, counted, sample, log_sum, z_loss, HAS_Z)
    if gradient is not None:
        scale = gradient_factor(sample, rows, gradient_scale, row_scale)
        z_scale = scale * (2.0 * z_loss * log_sum)
        scale = tl.where(bad, float("nan"), scale)
        write_gradient(
            gradient + offset_of(group, lane, grad_group, grad_lane),
            class_stride(grad_class, WIDE), seen, mass, inside, shift, apart, largest, p, not_p,
            factor, rest_mass, all_mass, scale, z_scale, num_classes, BLOCK_C, HALF, ACROSS,
            STAGES, HAS_Z,
        )  # fmt: skip
