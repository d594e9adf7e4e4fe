# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Rows of class targets that fit into registers: one read, one write, one exp a logit."""

import triton
import triton.language as tl

from xent.kernels.triton._blocks import (
    Logits,
    block_mask,
    class_stride,
    limited,
    read_block,
    write_block,
)
from xent.kernels.triton._class_rows import any_ahead, count_rows, finish_rows, hush
from xent.kernels.triton._exact import exp_difference, row_sum
from xent.kernels.triton._rows import (
    Rows,
    aligned,
    multiple,
    offset_of,
    place,
    read_target,
    read_weights,
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
    cols = tl.arange(0, BLOCK_C)
    read = block_mask(cols, num_classes, inside, kept, ACROSS)
    raw, x, chosen = read_block(seen, cols, read, HALF, ACROSS, "")

    is_y = cols[None, :] == y[:, None]
    x_y = tl.sum(tl.where(is_y, x, 0.0), axis=1)
    others = tl.where(is_y, -float("inf"), x)
    m = tl.max(others, axis=1)
    # where every other class is impossible any shift will do, but inf - inf will not
    shift = tl.where(m == -float("inf"), 0.0, m)
    e = exp_difference(others, shift[:, None], HALF)
    total = row_sum(e, None)
    spread = None
    if entropy is not None:
        spread = row_sum(e * limited(shift[:, None] - others), None)
    right = None
    if hit is not None:
        right = any_ahead(x, cols, x_y, y) == 0

    at_y, by = finish_rows(
        nll, weight, plain, lse, entropy, hit, m, total, x_y, spread, right, rows, counted,
        sample, gradient_scale, row_scale, z_loss, HAS_Z,
    )  # fmt: skip
    if gradient is not None:
        g = tl.where(is_y, at_y.to(e.dtype)[:, None], e * by.to(e.dtype)[:, None])
        g, raw = hush(g, raw, silent)
        write_block(
            gradient + offset_of(group, lane, grad_group, grad_lane),
            class_stride(grad_class, WIDE), seen, cols, raw, chosen, g,
            (cols[None, :] < num_classes) & inside[:, None], HALF, "",
        )  # fmt: skip
