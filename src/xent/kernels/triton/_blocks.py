# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Blocks of logits, rows by classes: reading them, adding them up, writing their gradient.

A block is seen as it is bounded: softcap tanh(x / softcap) / temperature, and -inf for a class
that is not allowed, outside of the row, and in a row that is skipped, whatever it holds.
"""

from typing import Any, NamedTuple

import triton
import triton.language as tl

from xent.kernels.triton._exact import difference_error, number, row_sum, tanh, tanh_slope

GROUP = tl.constexpr(8)  # exponentials that are added in float32: 16 bytes of half precision


class Logits(NamedTuple):
    """Where a program reads its logits, and what bounds them."""

    first: Any  # [ROWS]: class 0 of each row
    stride: Any  # from a class to the next
    allowed: Any  # [ROWS]: class 0 in the mask of classes, or None
    allowed_stride: Any
    kept: Any  # [ROWS]: the row is not skipped
    softcap: Any  # or None
    temperature: Any  # or None


@triton.jit
def class_stride(stride, WIDE: tl.constexpr):
    """The stride of classes, in a type that holds its products with them."""
    return tl.zeros((), tl.int64) + stride if WIDE else stride


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
def bound(x, softcap, temperature, HALF: tl.constexpr):
    """softcap tanh(x / softcap) / temperature."""
    if softcap is not None:
        x = number(softcap, x.dtype) * tanh(x * number(1.0 / softcap, x.dtype), HALF)
    if temperature is not None:
        x = x * number(1.0 / temperature, x.dtype)
    return x


@triton.jit
def bound_slope(x, softcap, temperature, HALF: tl.constexpr):
    """The derivative of `bound`."""
    slope = tl.full(x.shape, 1.0, x.dtype)
    if softcap is not None:
        slope = tanh_slope(x * number(1.0 / softcap, x.dtype), HALF)
    if temperature is not None:
        slope = slope * number(1.0 / temperature, x.dtype)
    return slope


@triton.jit
def read_allowed(logits, cols, mask):
    """Return which classes of a block are allowed; mask: what may be read, None where all."""
    pointers = logits.allowed[:, None] + cols[None, :] * logits.allowed_stride
    chosen = tl.load(pointers) if mask is None else tl.load(pointers, mask=mask, other=0)
    return chosen != 0


@triton.jit
def block_mask(cols, num_classes, inside, kept, ACROSS: tl.constexpr):
    """Return what may be read of a block.

    A skipped row is not read, unless it is read with its neighbours: ACROSS.
    """
    return (cols[None, :] < num_classes) & (inside if ACROSS else kept)[:, None]


@triton.jit
def read_block(logits, cols, mask, HALF: tl.constexpr, ACROSS: tl.constexpr, POLICY: tl.constexpr):
    """Return the logits of a block, as stored and as bounded, and which classes are allowed.

    mask: as in `read_allowed`.
    """
    pointers = logits.first[:, None] + cols[None, :] * logits.stride
    raw = load_logits(pointers, mask, HALF, POLICY)
    if ACROSS and mask is not None:
        raw = tl.where(logits.kept[:, None], raw, -float("inf"))
    x = bound(raw, logits.softcap, logits.temperature, HALF)
    chosen = tl.full(x.shape, True, tl.int1)
    if logits.allowed is not None:
        chosen = read_allowed(logits, cols, mask)
        x = tl.where(chosen, x, -float("inf"))
    if mask is not None and logits.softcap is not None:
        # the cap is finite where the logit is not
        x = tl.where(mask & logits.kept[:, None], x, -float("inf"))
    return raw, x, chosen


@triton.jit
def without(x, cols, apart):
    """Return a block with -inf at one class of each row."""
    return tl.where(cols[None, :] == apart[:, None], -float("inf"), x)


@triton.jit
def limited(distance):
    """Return m - x, at most 1000: it is multiplied by exp(x - m), and 0 inf is no number."""
    return tl.minimum(distance, 1000.0, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def add_block(total, lost, terms, ADJACENT: tl.constexpr):
    """Add a block to the sums of the lanes; the lanes of float64 rows carry what is lost.

    A lane is 8 classes that one thread has read, so that nothing is exchanged: ADJACENT ones
    of each of 8 / ADJACENT parts of the block.
    """
    if terms.dtype == tl.float64:
        added = total + terms
        error = difference_error(total, -terms, added)
        return added, lost + tl.where(added - added == 0, error, 0.0)
    else:
        PARTS: tl.constexpr = GROUP // ADJACENT
        lanes: tl.constexpr = terms.shape[1] // GROUP
        terms = tl.reshape(terms, (terms.shape[0], PARTS, lanes, ADJACENT))
        return total + tl.sum(tl.sum(terms, axis=3), axis=1).to(tl.float64), lost


@triton.jit
def add_lanes(total, lost, EXACT: tl.constexpr):
    """Return the sums of rows, from those of their lanes."""
    if EXACT:
        return row_sum(total, lost)
    else:
        return tl.sum(total, axis=1)


@triton.jit
def write_block(
    gradient, stride, logits, cols, raw, chosen, g, mask, HALF: tl.constexpr,
    POLICY: tl.constexpr,
):  # fmt: skip
    """Write the gradient of a block, of which g is that by the logits as bounded.

    mask: as in `read_allowed`; raw, chosen: as `read_block` has them.
    """
    if logits.softcap is not None or logits.temperature is not None:
        g *= bound_slope(raw, logits.softcap, logits.temperature, HALF)
    if logits.allowed is not None:
        g = tl.where(chosen, g, 0.0)
    pointers = gradient[:, None] + cols[None, :] * stride
    g = g.to(gradient.dtype.element_ty)
    tl.store(pointers, g, mask=mask, eviction_policy=POLICY)
